// Asking netd how to launch a command, or to carry one out.
#pragma once

#include <string>
#include <variant>

#include "net/command_line.h"
#include "net/failure.h"
#include "net/plan.h"

namespace fairlead {

/** Text that was asked for instead of a launch, such as a verb's usage. */
struct Text {
  std::string content;
};

std::variant<Plan, Text, Failure> askForPlan(const LaunchCommand& command);

/** What the command prints. */
std::variant<Text, Failure> carryOut(const RemoteCommand& command);

}  // namespace fairlead
