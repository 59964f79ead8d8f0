// Asking netd how to launch a command.
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

}  // namespace fairlead
