// What the user is told when something is wrong.
#pragma once

#include <string_view>

namespace fairlead {

/** Prints `net: TEXT` on standard error. */
void printMessage(std::string_view text);

}  // namespace fairlead
