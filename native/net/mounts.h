// Mounts only the command sees.
#pragma once

#include "net/failure.h"
#include "net/plan.h"

namespace fairlead {

/** Keeps what is mounted from now on from the rest of the host. The mount namespace must be the caller's own. */
Outcome separateMounts();

/** Makes /sys show the network namespace the caller is in; what was mounted below it stays. */
Outcome renewSysfs();

/**
 * Lets the file be seen at the target. A target that is a link is followed. One that does not exist is made, empty;
 * where that is impossible (a read-only system), nothing is done: without the file nobody reads it.
 */
Outcome bindFile(const Bind& bind);

}  // namespace fairlead
