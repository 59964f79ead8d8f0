// Carries what is sent to published ports and cannot be translated by the kernel: to ::1, and from one family to the other. One
// thread for all ports, which goes on while the event loop is busy.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "reactor_thread.h"
#include "relayed_port.h"

namespace fairlead {

class Relay {
 public:
  Relay() = default;
  ~Relay() { stop(); }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /** Takes a bound socket over: one that listens (IPPROTO_TCP), or of UDP. Then it is known by its descriptor's number. */
  Result<Done> add(int protocol, Fd listener, const SocketAddress& to, const PortLimits& limits);
  /** Closes sockets and everything that came by them; when it returns the ports are free. Numbers not known are passed over. */
  void remove(const std::vector<int>& listeners);
  /** From now on nobody who asks by one of these interfaces is answered, and whoever asks by another one is. */
  void closeTo(const std::vector<std::string>& interfaces);
  /** Closes all. May be repeated. */
  void stop();

 private:
  Result<Done> start();
  /** Returns when the next one is due. */
  int tick(Clock::time_point now);

  ReactorThread thread_;
  Shared shared_{thread_.reactor()};
  std::unordered_map<int, std::unique_ptr<RelayedPort>> ports_;
  Clock::time_point lastTick_;
};

}  // namespace fairlead
