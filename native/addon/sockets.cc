#include "sockets.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <sys/un.h>

#include <cstddef>

namespace fairlead {

namespace {

constexpr int backlog = 128;

Result<Fd> openSocket(int protocol, const SocketAddress& address, bool both = false) {
  const int type = protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
  const int family = address.storage.ss_family;
  Fd fd(socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
  if (!fd) return lastError("socket");
  const int on = 1;
  // For TCP this only passes over connections in TIME_WAIT; for UDP it would let others share the port.
  if (protocol == IPPROTO_TCP && setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
    return lastError("setsockopt");
  }
  const int only = both ? 0 : 1;
  if (family == AF_INET6 && setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) != 0) {
    return lastError("setsockopt");
  }
  return fd;
}

/** Binds, and listens if the protocol has connections. */
Result<Done> serve(int fd, int protocol, const SocketAddress& address) {
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.length) != 0) return lastError("bind");
  if (protocol != IPPROTO_UDP && listen(fd, backlog) != 0) return lastError("listen");
  return Done{};
}

Result<Done> dropEverything(int fd) {
  sock_filter instruction = BPF_STMT(BPF_RET | BPF_K, 0);
  const sock_fprog program{1, &instruction};
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) return lastError("setsockopt");
  return Done{};
}

Result<uint16_t> portOf(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return lastError("getsockname");
  // The port is at the same place in both families.
  return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

}  // namespace

SocketAddress toSocketAddress(const std::string& text, uint16_t port) {
  SocketAddress result;
  if (text.find(':') == std::string::npos) {
    auto& address = reinterpret_cast<sockaddr_in&>(result.storage);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    inet_pton(AF_INET, text.c_str(), &address.sin_addr);
    result.length = sizeof address;
  } else {
    auto& address = reinterpret_cast<sockaddr_in6&>(result.storage);
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    inet_pton(AF_INET6, text.c_str(), &address.sin6_addr);
    result.length = sizeof address;
  }
  return result;
}

Result<Fd> openServer(int protocol, const SocketAddress& address) {
  Result<Fd> opened = openSocket(protocol, address);
  if (errorOf(opened)) return opened;
  const Result<Done> served = serve(std::get<Fd>(opened).get(), protocol, address);
  if (const SystemError* error = errorOf(served)) return *error;
  return opened;
}

Result<std::vector<Fd>> openServers(const SocketAddress& address) {
  std::vector<Fd> fds;
  for (const int protocol : {IPPROTO_UDP, IPPROTO_TCP}) {
    Result<Fd> opened = openServer(protocol, address);
    if (const SystemError* error = errorOf(opened)) return *error;
    fds.push_back(std::move(std::get<Fd>(opened)));
  }
  return fds;
}

Result<Fd> openClient(int protocol, const SocketAddress& from, const SocketAddress& to) {
  Result<Fd> opened = openSocket(protocol, from);
  if (errorOf(opened)) return opened;
  const int fd = std::get<Fd>(opened).get();
  if (bind(fd, reinterpret_cast<const sockaddr*>(&from.storage), from.length) != 0) return lastError("bind");
  if (protocol == IPPROTO_UDP) return opened;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&to.storage), to.length) != 0 && errno != EINPROGRESS) {
    return lastError("connect");
  }
  return opened;
}

Result<Fd> openEcho(const SocketAddress& to) {
  const int family = to.storage.ss_family;
  const int protocol = family == AF_INET ? static_cast<int>(IPPROTO_ICMP) : static_cast<int>(IPPROTO_ICMPV6);
  Fd fd(socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
  if (!fd) return lastError("socket");
  const int whole = family == AF_INET ? IP_PMTUDISC_PROBE : IPV6_PMTUDISC_PROBE;
  const int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
  const int option = family == AF_INET ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER;
  if (setsockopt(fd.get(), level, option, &whole, sizeof whole) != 0) return lastError("setsockopt");
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&to.storage), to.length) != 0) return lastError("connect");
  return fd;
}

Result<HeldPort> holdPort(int protocol, const SocketAddress& address, bool both) {
  Result<Fd> opened = openSocket(protocol, address, both);
  if (const SystemError* error = errorOf(opened)) return *error;
  Fd& fd = std::get<Fd>(opened);
  const Result<Done> filtered = dropEverything(fd.get());
  if (const SystemError* error = errorOf(filtered)) return *error;
  const Result<Done> served = serve(fd.get(), protocol, address);
  if (const SystemError* error = errorOf(served)) return *error;
  const Result<uint16_t> port = portOf(fd.get());
  if (const SystemError* error = errorOf(port)) return *error;
  return HeldPort{std::move(fd), std::get<uint16_t>(port)};
}

Result<Done> sendToUnix(const std::string& path, const std::string& text) {
  sockaddr_un address{};
  if (path.size() >= sizeof address.sun_path) return SystemError{ENAMETOOLONG, "sendto"};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  if (path.starts_with('@')) address.sun_path[0] = '\0';
  const Fd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return lastError("socket");
  const socklen_t length = offsetof(sockaddr_un, sun_path) + path.size();
  const auto* to = reinterpret_cast<const sockaddr*>(&address);
  if (sendto(fd.get(), text.data(), text.size(), MSG_NOSIGNAL, to, length) < 0) return lastError("sendto");
  return Done{};
}

}  // namespace fairlead
