// One request to the kernel over a netlink socket, and everything it answers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "error.h"
#include "fd.h"

namespace fairlead {

/** Why the kernel refused, with what its extended acknowledgement says. */
struct Refusal {
  int number;
  std::string message;
  std::optional<uint32_t> offset;
};

struct Request {
  /** One or several whole messages. Their sequence numbers are filled in. */
  std::span<uint8_t> messages;
  /** How many acknowledgements the messages ask for. */
  uint32_t acks;
  /** Ends with NLMSG_DONE instead. */
  bool dump;
};

struct Reply {
  std::optional<Refusal> refusal;
  /** A dump that saw its table change (NLM_F_DUMP_INTR). */
  bool interrupted = false;
};

class NetlinkSocket {
 public:
  /** Opens a socket in the namespace the calling thread is in. */
  static Result<NetlinkSocket> open(int protocol);

  /** One that was released, with nothing left to be read. */
  static NetlinkSocket resume(Fd fd);

  /**
   * Sends the request and appends every message that answers it, besides acknowledgements, to `replies`.
   * `buffer` is scratch space for one datagram.
   */
  Reply exchange(const Request& request, std::span<uint8_t> buffer, std::vector<uint8_t>& replies);

  /** Hands over the socket, for what the kernel ties to it. It is of no further use here. */
  Fd release() { return std::move(fd_); }

 private:
  NetlinkSocket(Fd fd, int sendBytes) : fd_(std::move(fd)), sendBytes_(sendBytes) {}

  bool makeRoom(size_t bytes);

  Fd fd_;
  /** Largest request the socket's send buffer takes. */
  size_t sendBytes_;
  uint32_t sequence_ = 0;
};

}  // namespace fairlead
