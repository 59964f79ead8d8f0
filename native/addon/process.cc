#include "process.h"

#include <sys/syscall.h>
#include <unistd.h>

namespace fairlead {

// By number: the C library got its wrappers later than the kernel the calls (glibc 2.36).
Result<Fd> openProcess(pid_t pid) {
  Fd fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));  // close-on-exec by itself
  if (!fd) return lastError("pidfd_open");
  return fd;
}

Result<Done> signalProcess(int pidfd, int signal) {
  if (syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) != 0) return lastError("pidfd_send_signal");
  return Done{};
}

}  // namespace fairlead
