// fairlead-keeper: holds the sockets of resolvers while no netd is there, so that questions wait in the kernel for the next one.
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>

#include "keeper.h"

namespace {

/** Whoever starts it waits for its first process alone, and nobody has to for the second. */
void detach() {
  const pid_t child = fork();
  if (child != 0) _exit(child < 0 ? 1 : 0);
}

/** What whoever started netd left open, and the directory, which may have to be unmounted. */
void leaveEverything() {
  // By number: the C library got its wrapper later than the kernel the call (glibc 2.34, Linux 5.9). Where there is neither,
  // all that is open is netd's, and close-on-exec.
  syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  if (chdir("/") != 0) _exit(1);
}

}  // namespace

/** fairlead-keeper SOCKET WAIT_MS; its standard input is the connection to netd. */
int main(int argc, char** argv) {
  const int waitMs = argc == 3 ? std::atoi(argv[2]) : 0;
  if (waitMs <= 0) return 2;
  detach();
  leaveEverything();
  fairlead::Keeper keeper(argv[1], fairlead::Fd(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)), waitMs);
  if (!keeper.listen()) return 1;
  close(STDIN_FILENO);
  keeper.run();
  return 0;
}
