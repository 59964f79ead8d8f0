// Threads of our own: they take no signals, and failing to start one is an error, not an exception.
#pragma once

#include <pthread.h>

#include <functional>
#include <utility>

#include "error.h"

namespace fairlead {

class Thread {
 public:
  static Result<Thread> start(std::function<void()> body);

  Thread(Thread&& other) noexcept
      : handle_(other.handle_), joinable_(std::exchange(other.joinable_, false)) {}
  Thread& operator=(Thread&& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(joinable_, other.joinable_);
    return *this;
  }
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  ~Thread() { join(); }

  void join() {
    if (std::exchange(joinable_, false)) pthread_join(handle_, nullptr);
  }

 private:
  explicit Thread(pthread_t handle) : handle_(handle), joinable_(true) {}

  pthread_t handle_;
  bool joinable_;
};

}  // namespace fairlead
