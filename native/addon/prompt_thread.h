// A place on a processor soon, for a thread that works in short bursts.
#pragma once

namespace fairlead {

/** Asks for it on behalf of the calling thread; where the kernel refuses, the thread is one like any other. */
void askForPromptness();

}  // namespace fairlead
