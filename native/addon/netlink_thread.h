// A thread that runs netlink programs in order, so that nobody on the event loop ever waits for the kernel's rtnl lock.
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

class NetlinkThread {
 public:
  explicit NetlinkThread(Napi::Env env);
  ~NetlinkThread() { stop(); }
  NetlinkThread(const NetlinkThread&) = delete;
  NetlinkThread& operator=(const NetlinkThread&) = delete;

  /** Waits for the program that is running, drops those that have not begun. */
  void stop();

  /** A promise of the program's outcome, see `toValue` in the source. The thread starts with the first program. */
  Napi::Promise submit(Napi::Env env, Program program);

 private:
  struct Job {
    Job(Napi::Env env, Program&& given) : deferred(env), program(std::move(given)) {}
    Napi::Promise::Deferred deferred;
    Program program;
    Outcome outcome;
  };
  using Jobs = std::deque<std::unique_ptr<Job>>;

  static void settle(Napi::Env env, Napi::Function callback, NetlinkThread* self, void* data);
  using Wake = Napi::TypedThreadSafeFunction<NetlinkThread, void, settle>;

  void loop();
  std::unique_ptr<Job> next();
  void finish(std::unique_ptr<Job> job);
  void settleAll(Napi::Env env);

  Wake wake_;
  /** Programs not settled yet; while there are any, they keep the event loop alive. Main thread only. */
  size_t pending_ = 0;
  std::optional<Thread> thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Jobs waiting_;
  Jobs finished_;
  bool stopping_ = false;
};

}  // namespace fairlead
