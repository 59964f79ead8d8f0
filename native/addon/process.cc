#include "process.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

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

Result<size_t> raiseOpenFiles(size_t wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return lastError("getrlimit");
  const rlimit raised{wanted, std::max<rlim_t>(wanted, limit.rlim_max)};
  if (limit.rlim_cur >= wanted || setrlimit(RLIMIT_NOFILE, &raised) == 0) return std::max<size_t>(wanted, limit.rlim_cur);
  // Without CAP_SYS_RESOURCE what there is can be used up.
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return lastError("setrlimit");
  return limit.rlim_cur;
}

}  // namespace fairlead
