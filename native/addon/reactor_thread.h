// A thread that tells what its reactor finds ready, and goes on while the event loop is busy.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>

#include "reactor.h"
#include "thread.h"

namespace fairlead {

class ReactorThread {
 public:
  /** Called on the thread; the last two with its lock held. */
  struct Duties {
    /** Before its first turn. */
    std::function<void()> started = [] {};
    /** After `wake`, in the turn that follows. */
    std::function<void()> woken = [] {};
    /** At the end of a turn. Returns how many milliseconds the next may take to come; -1 for ever. */
    std::function<int()> turnEnded = [] { return -1; };
  };

  /** Holds the lock: what the thread uses may be used by another one. It has to wait for one event at most. */
  class Guest {
   public:
    explicit Guest(ReactorThread& thread);
    ~Guest();
    Guest(const Guest&) = delete;
    Guest& operator=(const Guest&) = delete;

   private:
    ReactorThread& thread_;
  };

  ReactorThread() = default;
  ~ReactorThread() { stop(); }
  ReactorThread(const ReactorThread&) = delete;
  ReactorThread& operator=(const ReactorThread&) = delete;

  Reactor& reactor() { return reactor_; }
  bool isRunning() const { return thread_.has_value(); }
  /** `name` has 15 characters at most (man 3 pthread_setname_np). May be repeated: it runs once. */
  Result<Done> start(const char* name, Duties duties);
  /** Has it come round although nothing is ready. From any thread. */
  void wake() const;
  /** When it returns, the thread has ended. May be repeated. */
  void stop();

 private:
  /** For the thread to come round. */
  class Bell final : public Watched {
   public:
    explicit Bell(ReactorThread& thread) : thread_(thread) {}
    void ready() override;
    Fd counter;

   private:
    ReactorThread& thread_;
  };

  void loop();
  /** Tells everybody who is to be told in this turn; false when the thread is to end. */
  bool turn(std::unique_lock<std::mutex>& lock);

  Reactor reactor_;
  Bell bell_{*this};
  Duties duties_;
  std::optional<Thread> thread_;
  bool stopping_ = false;
  /** Held by the thread but while it waits for events, and between two events if somebody else wants it. */
  std::mutex mutex_;
  std::condition_variable idle_;
  std::atomic<int> wanted_ = 0;
};

}  // namespace fairlead
