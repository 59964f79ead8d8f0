// Launching a command that outlives its caller.
#pragma once

#include <string>

#include "net/plan.h"

namespace fairlead {

/**
 * Leaves a supervisor behind, and returns when it has started the command (status 0) or failed to. In the supervisor it
 * returns too: with what became of the command, for the process to exit with.
 */
Failure detach(const Plan& plan, const std::string& socketPath);

}  // namespace fairlead
