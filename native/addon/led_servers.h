// Sockets of a server at a port that rules of nftables lead to, and the table those are in.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "error.h"
#include "fd.h"
#include "sockets.h"

namespace fairlead {

struct LedServers {
  /** Where questions are sent. */
  SocketAddress address;
  /** The same port of another address: it tells who has the port of all addresses. Without one nobody is looked for. */
  std::optional<SocketAddress> elsewhere;
  struct Place {
    uint16_t port;
    /** The rules that lead there, as a batch with one acknowledgement. */
    std::vector<uint8_t> batch;
  };
  std::vector<Place> places;
};

/**
 * In the calling thread's namespace: sockets of UDP and TCP at the first place that is free, and the one its batch was sent by, whose
 * the table is. Errors: `EADDRINUSE` when somebody has the port of that very address, or when no place is free.
 */
Result<std::vector<Fd>> openLedServers(const LedServers& wanted);

/** Changes the table by the socket that owns it. */
Result<Done> commitBy(Fd owner, std::vector<uint8_t> batch);

}  // namespace fairlead
