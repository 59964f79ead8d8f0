#include "net/signals.h"

#include <sys/signalfd.h>

namespace fairlead {

Fd receiveSignals() {
  sigset_t received;
  sigemptyset(&received);
  sigaddset(&received, SIGCHLD);
  for (const int signal : forwardedSignals) sigaddset(&received, signal);
  sigprocmask(SIG_SETMASK, &received, nullptr);
  // An ignored signal would not arrive, and ignored children leave no status.
  for (int signal = 1; signal < NSIG; ++signal) {
    if (sigismember(&received, signal) == 1) ::signal(signal, SIG_DFL);
  }
  // The front may be gone when it is told how the start went, and the log may be as large as it is allowed to be.
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
  return Fd(signalfd(-1, &received, SFD_CLOEXEC | SFD_NONBLOCK));
}

void unblockSignals() {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

void resetSignals() {
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  unblockSignals();
}

}  // namespace fairlead
