#include "net/detach.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net/report.h"
#include "net/supervisor.h"

namespace fairlead {

namespace {

/** What is opened from now on must not take the place of a standard stream the caller has closed. */
void fillStandardStreams() {
  int fd = 0;
  while (fd >= 0 && fd <= STDERR_FILENO) fd = open("/dev/null", O_RDWR);
  if (fd >= 0) close(fd);
}

/** Lets go of what the caller had open: a supervisor that lives for weeks must not hold its locks, pipes and folders. */
void closeAllBut(int kept) {
  const auto closeRange = [](unsigned first, unsigned last) { syscall(SYS_close_range, first, last, 0); };
  if (kept > 3) closeRange(3, static_cast<unsigned>(kept) - 1);
  closeRange(static_cast<unsigned>(kept) + 1, ~0U);
}

Failure supervise(const Plan& plan, const std::string& socketPath, Report report) {
  Supervisor supervisor(plan);
  if (auto failure = supervisor.begin(socketPath)) {
    report.send(*failure);
    return *failure;
  }
  report.send({0, ""});
  report.writing.close();
  return {supervisor.keep(), ""};
}

}  // namespace

Failure detach(const Plan& plan, const std::string& socketPath) {
  fillStandardStreams();
  Report report = Report::open();
  if (!report.writing) return systemFailure("cannot make a pipe");
  const pid_t supervisor = fork();
  if (supervisor < 0) return systemFailure("cannot make a process");
  if (supervisor == 0) {
    report.reading.close();
    closeAllBut(report.writing.get());
    _exit(supervise(plan, socketPath, std::move(report)).status);
  }
  report.writing.close();
  if (auto outcome = report.receive()) return *outcome;
  return setupFailure("the supervisor ended before the command was started");
}

}  // namespace fairlead
