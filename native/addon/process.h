// Processes by pidfd: a reused pid is never mistaken for the process that was meant.
#pragma once

#include <sys/types.h>

#include <cstddef>

#include "error.h"
#include "fd.h"

namespace fairlead {

/** A descriptor that becomes readable when the process ends. */
Result<Fd> openProcess(pid_t pid);

Result<Done> signalProcess(int pidfd, int signal);

/** Lets this process have so many descriptors open; returns how many it may, which is fewer where it may not be raised that far. */
Result<size_t> raiseOpenFiles(size_t wanted);

}  // namespace fairlead
