#include "thread.h"

#include <signal.h>

#include <memory>

namespace fairlead {

namespace {

void* runBody(void* argument) {
  const std::unique_ptr<std::function<void()>> body(static_cast<std::function<void()>*>(argument));
  (*body)();
  return nullptr;
}

}  // namespace

Result<Thread> Thread::start(std::function<void()> body) {
  auto argument = std::make_unique<std::function<void()>>(std::move(body));
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t handle;
  const int failed = pthread_create(&handle, nullptr, runBody, argument.get());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failed != 0) return SystemError{failed, "pthread_create"};
  argument.release();
  return Thread(handle);
}

}  // namespace fairlead
