// A thread's epoll set: who is told that a descriptor is ready, and when what was closed may be freed.
#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "error.h"
#include "fd.h"

namespace fairlead {

using Clock = std::chrono::steady_clock;

/** Told when one of its descriptors is ready. */
class Watched {
 public:
  Watched() = default;
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
  virtual ~Watched() = default;
  virtual void ready() = 0;

 private:
  friend class Reactor;
  /** However often it is told in a turn, it is unfinished once: else it would be told more often with each turn. */
  bool isUnfinished_ = false;
};

/**
 * Everything but `wait` is called by whoever holds the lock of its ReactorThread, so that descriptors are used and closed by one thread at
 * a time. A turn is what one wait found.
 */
class Reactor {
 public:
  /** Whether there is one is asked before it is used. */
  Reactor() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

  explicit operator bool() const { return static_cast<bool>(epoll_); }

  /** `events` of 0 keeps a descriptor in the set without a word of it. */
  Result<Done> watch(int fd, uint32_t events, Watched& watched);
  void change(int fd, uint32_t events, Watched& watched);
  /**
   * Ends the watch and closes the descriptor. Closing alone would not end it while a child that this process has just forked still
   * has a copy (man 7 epoll): there would be word for who is no more.
   */
  void close(Fd& fd);

  /** For whoever has more to do than is fair to the others: it is ready again in the next turn. */
  void again(Watched& watched) {
    if (!std::exchange(watched.isUnfinished_, true)) unfinished_.push_back(&watched);
  }

  /** Takes what has closed its descriptors. It lives on until the turn ends, as events of it may be under way. */
  void bury(std::unique_ptr<Watched> watched);

  /** Waits for events, up to a limit in milliseconds; -1 is for ever. */
  void wait(int timeoutMs);

  /** After a wait. */
  void beginTurn();
  /** The next one to be told; none when there is no other in this turn. */
  Watched* next();
  /** Returns whether somebody is unfinished, so that the next wait is to be none. */
  bool endTurn();

 private:
  bool isBuried(const Watched* watched) const;

  Fd epoll_;
  std::vector<epoll_event> events_;
  /** Those of `events_` that have been told. */
  size_t told_ = 0;
  std::vector<Watched*> unfinished_;
  std::vector<std::unique_ptr<Watched>> buried_;
};

}  // namespace fairlead
