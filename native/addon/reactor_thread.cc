#include "reactor_thread.h"

#include <pthread.h>
#include <sys/eventfd.h>

#include <string>

namespace fairlead {

ReactorThread::Guest::Guest(ReactorThread& thread) : thread_(thread) {
  thread_.wanted_++;
  thread_.mutex_.lock();
}

ReactorThread::Guest::~Guest() {
  thread_.wanted_--;
  thread_.mutex_.unlock();
  thread_.idle_.notify_one();
}

void ReactorThread::Bell::ready() {
  eventfd_t count;
  eventfd_read(counter.get(), &count);
  thread_.duties_.woken();
}

Result<Done> ReactorThread::start(const char* name, Duties duties) {
  if (thread_) return Done{};
  if (!reactor_) return SystemError{EMFILE, "epoll_create1"};
  duties_ = std::move(duties);
  bell_.counter = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!bell_.counter) return lastError("eventfd");
  const Result<Done> watched = reactor_.watch(bell_.counter.get(), EPOLLIN, bell_);
  if (errorOf(watched)) return watched;
  stopping_ = false;
  Result<Thread> started = Thread::start([this, name = std::string(name)] {
    pthread_setname_np(pthread_self(), name.c_str());
    loop();
  });
  if (const SystemError* error = errorOf(started)) return *error;
  thread_ = std::move(std::get<Thread>(started));
  return Done{};
}

void ReactorThread::wake() const {
  if (bell_.counter) eventfd_write(bell_.counter.get(), 1);
}

void ReactorThread::stop() {
  if (!thread_) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  idle_.notify_one();
  wake();
  thread_->join();
  thread_.reset();
}

void ReactorThread::loop() {
  duties_.started();
  int timeoutMs = -1;
  while (true) {
    reactor_.wait(timeoutMs);
    std::unique_lock lock(mutex_);
    reactor_.beginTurn();
    if (!turn(lock)) return;
    timeoutMs = duties_.turnEnded();
    if (reactor_.endTurn()) timeoutMs = 0;
  }
}

bool ReactorThread::turn(std::unique_lock<std::mutex>& lock) {
  while (!stopping_) {
    // A mutex alone is not fair: the event loop would wait for as long as there is traffic.
    if (wanted_ > 0) idle_.wait(lock, [this] { return wanted_ == 0 || stopping_; });
    Watched* watched = reactor_.next();
    if (watched == nullptr) return true;
    watched->ready();
  }
  return false;
}

}  // namespace fairlead
