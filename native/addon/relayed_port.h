// What the relay needs to know of a port, and what all ports share.
#pragma once

#include <net/if.h>

#include <algorithm>
#include <string>
#include <unordered_set>
#include <vector>

#include "budget.h"
#include "pipe_pool.h"
#include "reactor_thread.h"
#include "sockets.h"

namespace fairlead {

class RelayedPort : public Watched {
 public:
  /** Closes the listening socket and everything that came by it. Nothing else of it is called after that. */
  virtual void close() = 0;
  /** Called now and then while `Shared` says so. */
  virtual void tick(Clock::time_point) {}
};

struct Shared {
  explicit Shared(Reactor& itsReactor) : reactor(itsReactor) {}

  Reactor& reactor;
  PipePool pipes;
  Budget connections;
  Budget clients;
  /** Interfaces by which nobody may ask. They are known by name, as one that is made anew has another number. */
  std::unordered_set<std::string> closed;
  /** Ports that wait for a connection to end, or have clients that may be idle. */
  std::vector<RelayedPort*> ticking;
  /** A connection ended in this turn, so that those that wait for one need not wait for the clock. */
  bool isFreer = false;

  /** Also to an interface that is gone again. */
  bool isClosedTo(unsigned interface) const {
    if (closed.empty()) return false;
    char name[IF_NAMESIZE];
    return if_indextoname(interface, name) == nullptr || closed.contains(name);
  }
  void keepTicking(RelayedPort& port) {
    if (std::ranges::find(ticking, &port) == ticking.end()) ticking.push_back(&port);
  }
  void stopTicking(RelayedPort& port) { std::erase(ticking, &port); }
};

struct PortLimits {
  /** Connections, or clients of UDP. */
  size_t most;
  /** For how long a client of UDP that says nothing, and is told nothing, is remembered. */
  std::chrono::milliseconds idle;
};

}  // namespace fairlead
