// Putting the calling process into the place a plan describes, and making it the command.
#pragma once

#include "net/plan.h"

namespace fairlead {

/**
 * Namespaces, mounts, name, user, directory, environment; in this order, because each step needs what the next ones
 * take away or hide. A process that failed half way is of no further use.
 */
Outcome enter(const Plan& plan);

/** Becomes the command; returns only when that failed. */
Failure execute(const Plan& plan);

}  // namespace fairlead
