#include "multicast.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstring>

namespace fairlead {

namespace {

/** Room for a burst of some ten thousand events. Only a limit, not an allocation. */
constexpr int receiveBufferBytes = 8 << 20;

/** Lets in messages of one type. The kernel announces each in a datagram of its own. */
Result<Done> onlyType(int fd, uint16_t messageType) {
  // A filter loads numbers in network order, netlink has them in the machine's.
  const uint32_t type = htons(messageType);
  std::array<sock_filter, 4> steps{{
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(nlmsghdr, nlmsg_type)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, type, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
      BPF_STMT(BPF_RET | BPF_K, 0),
  }};
  const sock_fprog program{steps.size(), steps.data()};
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) return lastError("setsockopt");
  return Done{};
}

/** What a socket that listens everywhere is told beside a datagram from another namespace. */
std::optional<int> namespaceIdOf(msghdr& message) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_NETLINK || header->cmsg_type != NETLINK_LISTEN_ALL_NSID) continue;
    int id = 0;
    std::memcpy(&id, CMSG_DATA(header), sizeof id);
    return id;
  }
  return std::nullopt;
}

}  // namespace

Result<Fd> openMulticastEverywhere(uint16_t messageType, const std::vector<uint32_t>& groups) {
  Result<Fd> opened = openMulticast(NETLINK_ROUTE, groups);
  if (errorOf(opened) != nullptr) return opened;
  const int fd = std::get<Fd>(opened).get();
  const int on = 1;
  if (setsockopt(fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &on, sizeof on) != 0) return lastError("setsockopt");
  const Result<Done> filtered = onlyType(fd, messageType);
  if (const SystemError* error = errorOf(filtered)) return *error;
  return opened;
}

Result<Fd> openMulticast(int protocol, const std::vector<uint32_t>& groups) {
  Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
  if (!fd) return lastError("socket");
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &receiveBufferBytes, sizeof receiveBufferBytes);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return lastError("bind");
  for (const uint32_t group : groups) {
    if (setsockopt(fd.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) {
      return lastError("setsockopt");
    }
  }
  return fd;
}

Result<Datagram> receive(int fd, std::span<uint8_t> buffer) {
  while (true) {
    sockaddr_nl sender{};
    iovec part{buffer.data(), buffer.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_name = &sender;
    message.msg_namelen = sizeof sender;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t length = recvmsg(fd, &message, MSG_TRUNC);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return lastError("recvmsg");
    if (sender.nl_pid != 0) continue;  // not from the kernel
    // What does not fit is lost, as in an overrun.
    if (static_cast<size_t>(length) > buffer.size()) return SystemError{ENOBUFS, "recvmsg"};
    return Datagram{static_cast<size_t>(length), namespaceIdOf(message)};
  }
}

}  // namespace fairlead
