// The reply to a question nobody has the time to answer.
#pragma once

#include <cstddef>
#include <span>

#include "../dns/answerer.h"

namespace fairlead {

/** SERVFAIL with the question as it was asked, and OPT if the asker sent it. Returns its length; 0 when there is no room. */
size_t writeServerFailure(dns::Bytes message, std::span<uint8_t> out);

}  // namespace fairlead
