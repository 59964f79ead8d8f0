// Threads that run netlink programs, so that nobody on the event loop ever waits for the kernel's rtnl lock.
#pragma once

#include <napi.h>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "program.h"
#include "thread.h"

namespace fairlead {

class NetlinkThreads {
 public:
  /** At most `limit` threads, each with sockets of its own. One alone runs programs in the order they come in. */
  NetlinkThreads(Napi::Env env, size_t limit);
  ~NetlinkThreads() { stop(); }
  NetlinkThreads(const NetlinkThreads&) = delete;
  NetlinkThreads& operator=(const NetlinkThreads&) = delete;

  /** Waits for the programs that are running, drops those that have not begun. */
  void stop();

  /** A promise of the program's outcome, see `toValue` in the source. A thread starts when none is free and one is left. */
  Napi::Promise submit(Napi::Env env, Program program);

 private:
  struct Job {
    Job(Napi::Env env, Program&& given) : deferred(env), program(std::move(given)) {}
    Napi::Promise::Deferred deferred;
    Program program;
    Outcome outcome;
  };
  using Jobs = std::deque<std::unique_ptr<Job>>;

  static void settle(Napi::Env env, Napi::Function callback, NetlinkThreads* self, void* data);
  using Wake = Napi::TypedThreadSafeFunction<NetlinkThreads, void, settle>;

  std::optional<SystemError> startThread();
  void loop();
  std::unique_ptr<Job> next();
  void finish(std::unique_ptr<Job> job);
  void settleAll(Napi::Env env);

  Wake wake_;
  /** Programs not settled yet; while there are any, they keep the event loop alive. Main thread only. */
  size_t pending_ = 0;
  const size_t limit_;
  /** Main thread only. */
  std::vector<Thread> threads_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Jobs waiting_;
  Jobs finished_;
  /** Threads that wait for a program. */
  size_t idle_ = 0;
  bool stopping_ = false;
};

}  // namespace fairlead
