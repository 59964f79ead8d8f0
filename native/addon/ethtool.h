// What a network interface leaves to its hardware, or to whoever sends on what it is handed (ethtool(8), --offload).
#pragma once

#include <string>

#include "error.h"

namespace fairlead {

/** Whether checksums of what the interface sends are left for later. */
Result<bool> hasTransmitChecksum(const std::string& ifname);

/** Both wait for the lock under which interfaces are changed, so neither is for the main thread. */
Result<Done> setTransmitChecksum(const std::string& ifname, bool on);

}  // namespace fairlead
