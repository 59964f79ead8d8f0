#include "net/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "http/unix_client.h"
#include "net/enter.h"
#include "net/message.h"
#include "net/signals.h"

namespace fairlead {

namespace {

using Clock = std::chrono::steady_clock;

Milliseconds since(Clock::time_point start) { return std::chrono::duration_cast<Milliseconds>(Clock::now() - start); }

/** For what goes wrong when nobody waits any more: it is told in the log. */
void complain(const Outcome& outcome) {
  if (outcome) printMessage(outcome->message);
}

/** Input from nowhere, output (and the supervisor's own complaints) to the log. */
Outcome redirectStreams(const std::string& logPath) {
  const Fd nothing(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!nothing) return systemFailure("cannot open /dev/null");
  const Fd log(open(logPath.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_CLOEXEC, 0640));
  if (!log) return systemFailure("cannot open " + logPath);
  const bool done = dup2(nothing.get(), STDIN_FILENO) >= 0 && dup2(log.get(), STDOUT_FILENO) >= 0 &&
                    dup2(log.get(), STDERR_FILENO) >= 0;
  return done ? std::nullopt : Outcome(systemFailure("cannot use " + logPath));
}

}  // namespace

Outcome Supervisor::begin(const std::string& socketPath) {
  if (auto failure = prepare()) return failure;
  if (auto failure = announce(socketPath)) return failure;
  if (auto failure = start()) {
    complain(state_.writeExited(failure->status));
    return failure;
  }
  return state_.writeRunning(command_);
}

int Supervisor::keep() {
  auto started = Clock::now();
  int status = follow();
  for (;;) {
    complain(state_.writeExited(status));
    const auto delay = ending_ ? std::nullopt : restart_.next(status, since(started));
    if (!delay || !pause(*delay)) return status;
    started = Clock::now();
    const auto failure = start();
    complain(failure ? failure : state_.writeRunning(command_));
    status = failure ? failure->status : follow();
  }
}

Outcome Supervisor::prepare() {
  setsid();
  signals_ = receiveSignals();
  if (!signals_) return systemFailure("cannot receive signals");
  if (chdir("/") != 0) return systemFailure("cannot change to directory /");
  return redirectStreams(plan_.logPath);
}

Outcome Supervisor::announce(const std::string& socketPath) const {
  const Post post{.path = "/fairlead/v1/sandboxes/" + plan_.id + "/process",
                  .body = "{\"pid\":" + std::to_string(getpid()) + "}"};
  const auto answer = exchange(socketPath, post);
  if (const auto* error = std::get_if<HttpError>(&answer)) return setupFailure(error->message);
  const Response& response = *std::get_if<Response>(&answer);
  if (response.status < 300) return std::nullopt;
  return setupFailure("netd does not take the supervisor: " + response.body.substr(0, 1000));
}

/** Returns when the command has been executed, or could not be. */
Outcome Supervisor::start() {
  command_ = 0;
  terminal_.reset();
  if (plan_.terminal) {
    auto terminal = Terminal::open();
    if (auto* failure = std::get_if<Failure>(&terminal)) return std::move(*failure);
    terminal_ = std::move(*std::get_if<Terminal>(&terminal));
  }
  Report report = Report::open();
  if (!report.writing) return systemFailure("cannot make a pipe");
  const pid_t supervisor = getpid();
  const pid_t child = fork();
  if (child < 0) return systemFailure("cannot make a process");
  if (child == 0) becomeCommand(supervisor, report);
  report.writing.close();
  if (auto failure = report.receive()) {
    waitpid(child, nullptr, 0);
    return failure;
  }
  command_ = child;
  return std::nullopt;
}

void Supervisor::becomeCommand(pid_t supervisor, Report& report) const {
  setsid();
  resetSignals();
  Outcome failure = terminal_ ? terminal_->take() : std::nullopt;
  if (!failure) failure = enter(plan_);
  if (!failure) {
    // Not earlier: a change of user clears it. The supervisor may have died before.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != supervisor) _exit(setupStatus);
    failure = execute(plan_);
  }
  report.send(*failure);
  _exit(failure->status);
}

/** Until the command has ended; returns its status. */
int Supervisor::follow() {
  for (;;) {
    pollfd ready[] = {{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                      {.fd = terminal_ ? terminal_->descriptor() : -1, .events = POLLIN, .revents = 0}};
    poll(ready, 2, -1);
    if (terminal_) terminal_->copyTo(STDOUT_FILENO);
    takeSignals();
    if (const auto status = ended()) {
      if (terminal_) terminal_->copyTo(STDOUT_FILENO);
      command_ = 0;
      return *status;
    }
  }
}

/** Waits before a restart; false when somebody wants an end of it. */
bool Supervisor::pause(Milliseconds delay) {
  const auto start = Clock::now();
  while (!ending_ && since(start) < delay) {
    pollfd ready{.fd = signals_.get(), .events = POLLIN, .revents = 0};
    poll(&ready, 1, static_cast<int>((delay - since(start)).count()) + 1);
    takeSignals();
  }
  return !ending_;
}

/** Hands on what has arrived; without a command there is nobody to hand it to. */
void Supervisor::takeSignals() {
  signalfd_siginfo received;
  while (read(signals_.get(), &received, sizeof received) == sizeof received) {
    const int signal = static_cast<int>(received.ssi_signo);
    if (signal == SIGCHLD) continue;
    if (signal == SIGTERM || signal == SIGINT) ending_ = true;
    if (command_ != 0) kill(command_, signal);
  }
}

/** The command's status, if it has one. */
std::optional<int> Supervisor::ended() const {
  int status = 0;
  if (waitpid(command_, &status, WNOHANG) != command_) return std::nullopt;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace fairlead
