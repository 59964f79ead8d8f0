#include "multicast.h"

#include <linux/netlink.h>
#include <sys/socket.h>

namespace fairlead {

namespace {

/** Room for a burst of some ten thousand events. Only a limit, not an allocation. */
constexpr int receiveBufferBytes = 8 << 20;

}  // namespace

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

Result<size_t> receive(int fd, std::span<uint8_t> buffer) {
  while (true) {
    sockaddr_nl sender{};
    socklen_t senderBytes = sizeof sender;
    const ssize_t length = recvfrom(fd, buffer.data(), buffer.size(), MSG_TRUNC,
                                    reinterpret_cast<sockaddr*>(&sender), &senderBytes);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return lastError("recvfrom");
    if (sender.nl_pid != 0) continue;  // not from the kernel
    // What does not fit is lost, as in an overrun.
    if (static_cast<size_t>(length) > buffer.size()) return SystemError{ENOBUFS, "recvfrom"};
    return static_cast<size_t>(length);
  }
}

}  // namespace fairlead
