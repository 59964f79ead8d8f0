// Processes by pidfd: a reused pid is never mistaken for the process that was meant.
#pragma once

#include <sys/types.h>

#include "error.h"
#include "fd.h"

namespace fairlead {

/** A descriptor that becomes readable when the process ends. */
Result<Fd> openProcess(pid_t pid);

Result<Done> signalProcess(int pidfd, int signal);

}  // namespace fairlead
