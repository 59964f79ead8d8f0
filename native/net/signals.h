// Signals as a process that manages another one sees them.
#pragma once

#include <signal.h>

#include "addon/fd.h"

namespace fairlead {

/** The signals a supervisor hands on to its command. */
inline constexpr int forwardedSignals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT};

/** From now on the forwarded signals and SIGCHLD arrive on the descriptor alone; -1 in it means errno says why not. */
Fd receiveSignals();

/** Lets every signal through again. */
void unblockSignals();

/** What a new program expects: nothing blocked, nothing ignored or caught. */
void resetSignals();

}  // namespace fairlead
