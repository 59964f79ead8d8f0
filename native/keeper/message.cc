#include "message.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace fairlead {

namespace {

union Control {
  char bytes[CMSG_SPACE(sizeof(int) * messageFdsMax)];
  cmsghdr alignment;
};

/** Takes over all descriptors of a message, however many it was sent. */
void takeFds(msghdr& header, std::vector<Fd>& fds) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
      fds.emplace_back(fd);
    }
  }
}

}  // namespace

bool sendMessage(int socket, char kind, std::string_view key, const std::vector<Fd>& fds) {
  if (key.size() >= messageBytesMax || fds.size() > messageFdsMax) {
    errno = EMSGSIZE;
    return false;
  }
  iovec parts[] = {{&kind, 1}, {const_cast<char*>(key.data()), key.size()}};
  msghdr header{};
  header.msg_iov = parts;
  header.msg_iovlen = 2;
  Control control{};
  if (!fds.empty()) {
    header.msg_control = control.bytes;
    header.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::array<int, messageFdsMax> numbers{};
    std::transform(fds.begin(), fds.end(), numbers.begin(), [](const Fd& fd) { return fd.get(); });
    std::memcpy(CMSG_DATA(rights), numbers.data(), sizeof(int) * std::min(fds.size(), numbers.size()));
  }
  return sendmsg(socket, &header, MSG_NOSIGNAL) >= 0;
}

bool receiveMessage(int socket, Message& message) {
  char bytes[messageBytesMax];
  iovec part{bytes, sizeof bytes};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  Control control{};
  header.msg_control = control.bytes;
  header.msg_controllen = sizeof control.bytes;
  const ssize_t length = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  if (length < 0) return false;
  message.fds.clear();
  takeFds(header, message.fds);
  if (length == 0 || (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    errno = length == 0 ? 0 : EPROTO;
    return false;
  }
  message.kind = bytes[0];
  message.key.assign(bytes + 1, static_cast<size_t>(length - 1));
  return true;
}

}  // namespace fairlead
