// Writing all of a text to a descriptor.
#pragma once

#include <string_view>

namespace fairlead {

/** False when it could not; errno says why. */
bool writeAll(int fd, std::string_view text);

}  // namespace fairlead
