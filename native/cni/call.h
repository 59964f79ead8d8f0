// One call of this program: all that the runtime has said.
#pragma once

#include <string>

#include "cni/configuration.h"
#include "cni/request.h"

namespace fairlead {

struct Call {
  Request request;
  Configuration configuration;
  /** What netd is told of the environment, as a JSON object. */
  std::string environment;
};

/** Whether all that is wanted is the interface `lo`: as the configuration says, or the name this program has. */
inline bool isLoopback(const Call& call) {
  return call.configuration.type == "loopback" || call.request.program == "loopback";
}

/** An error in the version that the configuration asks for. */
inline Reply refuseCall(const Call& call, const CniError& error) {
  return refuse(error, call.configuration.cniVersion);
}

}  // namespace fairlead
