// Keeping a detached command: its output, its signals, its restarts and the record of how it ended. Lives on its own:
// netd may come and go.
#pragma once

#include <optional>
#include <string>

#include "addon/fd.h"
#include "net/plan.h"
#include "net/report.h"
#include "net/state_file.h"
#include "net/terminal.h"

namespace fairlead {

class Supervisor {
 public:
  /** The process is the supervisor's alone: standard streams, signals and directory are changed to its needs. */
  explicit Supervisor(const Plan& plan) : plan_(plan), state_(plan.statePath), restart_(plan.restart) {}

  /** Makes itself known to netd and starts the command. */
  Outcome begin(const std::string& socketPath);

  /** Keeps the command until it has ended for good; returns its status. */
  int keep();

 private:
  Outcome prepare();
  Outcome announce(const std::string& socketPath) const;
  Outcome start();
  [[noreturn]] void becomeCommand(pid_t supervisor, Report& report) const;
  int follow();
  bool pause(Milliseconds delay);
  void takeSignals();
  std::optional<int> ended() const;

  const Plan& plan_;
  StateFile state_;
  RestartPolicy restart_;
  Fd signals_;
  std::optional<Terminal> terminal_;
  /** 0 while none runs. */
  pid_t command_ = 0;
  /** Somebody wants it to end. */
  bool ending_ = false;
};

}  // namespace fairlead
