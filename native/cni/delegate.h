// Running an IPAM plugin of somebody else as the specification has it: in the caller's context, with all it said.
#pragma once

#include "cni/call.h"
#include "cni/reply.h"

namespace fairlead {

/** Whether a call concerns an IPAM plugin besides netd's own. */
bool isDelegated(const Call& call);

/** Runs the plugin to its end. The document is what it printed: its result, or its error. */
Reply delegate(const Call& call, Operation operation);

}  // namespace fairlead
