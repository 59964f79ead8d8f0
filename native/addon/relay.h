// Carries what is sent to published ports and cannot be translated by the kernel: to ::1, and from one family to the other. One
// thread for all ports, which goes on while the event loop is busy.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "relayed_port.h"
#include "thread.h"

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
  /** For the thread to come round although there is no traffic. */
  class Wakeup final : public Watched {
   public:
    void ready() override;
    void call() const;
    Fd counter;
  };

  std::optional<SystemError> start();
  void loop();
  /** Tells everybody who is to be told in this turn; false when the relay is stopping. */
  bool turn(std::unique_lock<std::mutex>& lock);
  void tick(Clock::time_point now);

  Shared shared_;
  Wakeup wakeup_;
  std::unordered_map<int, std::unique_ptr<RelayedPort>> ports_;
  std::optional<Thread> thread_;
  Clock::time_point lastTick_;
  bool stopping_ = false;
  /** Held by the thread but while it waits for events, and between two events if somebody else wants it. */
  std::mutex mutex_;
  std::condition_variable idle_;
  std::atomic<int> wanted_ = 0;
};

}  // namespace fairlead
