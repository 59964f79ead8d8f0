// The body netd is sent for a call.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "cni/call.h"
#include "cni/reply.h"

namespace fairlead {

/** The variables netd may want to see, as a JSON object. */
std::variant<std::string, CniError> renderEnvironment();

/** @param ipam the result of the IPAM plugin that was run, if one was. */
std::string renderBody(const Call& call, const std::optional<std::string>& ipam = std::nullopt);

}  // namespace fairlead
