// What netd and the keeper say to each other over a SOCK_SEQPACKET socket: one octet for the kind, then a key; with descriptors.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "../addon/fd.h"

namespace fairlead {

/** Requests. Each is answered by any number of `kept`, then one `done` with the keeper's pid, or `failed`. */
namespace request {
constexpr char keep = 'K';
constexpr char drop = 'D';
/** All that is kept, with duplicates of the descriptors. */
constexpr char list = 'L';
}  // namespace request

namespace answer {
constexpr char kept = 'S';
constexpr char done = 'A';
constexpr char failed = 'N';
}  // namespace answer

constexpr size_t messageBytesMax = 512;
constexpr size_t messageFdsMax = 4;

struct Message {
  char kind = 0;
  std::string key;
  std::vector<Fd> fds;
};

/** False with errno; EAGAIN when the socket takes nothing now, and would block. */
bool sendMessage(int socket, char kind, std::string_view key, const std::vector<Fd>& fds = {});

/** False with errno; 0 when the other side has gone, EPROTO for what is no message. */
bool receiveMessage(int socket, Message& message);

}  // namespace fairlead
