// What is done for each operation: netd first or the IPAM plugin first, and what follows when one of them fails.
#pragma once

#include "cni/call.h"
#include "cni/reply.h"

namespace fairlead {

Reply perform(const Call& call);

}  // namespace fairlead
