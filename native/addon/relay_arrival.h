// How a connection or datagram came to the host: by which of its addresses, and by which interface.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <vector>

#include "error.h"

namespace fairlead {

/** Room for the ancillary message of either family. */
union Ancillary {
  cmsghdr header;
  uint8_t bytes[128];
};

struct Arrival {
  /** 0 when nothing tells. */
  unsigned interface = 0;
  /**
   * An ancillary message as sendmsg takes it (man 7 ip, man 7 ipv6): it sends an answer from the address that was asked; by which
   * interface is for the routes to say, but of link-local addresses.
   */
  std::vector<uint8_t> answerBy;
};

/** Has the kernel remember for a bound socket, and for the connections it accepts, how each came. */
Result<Done> tellArrival(int fd);

/** Of a datagram that was received together with its ancillary messages. */
Arrival arrivalOf(msghdr& message);

/** By which interface an accepted connection came; 0 when nothing tells. */
unsigned arrivalInterfaceOf(int connection);

}  // namespace fairlead
