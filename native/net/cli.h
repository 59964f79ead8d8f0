// Handing a command line to the CLI, which is written for Node.
#pragma once

#include <span>

#include "net/failure.h"

namespace fairlead {

/** Becomes the CLI with these arguments (without the program's name); returns only when that failed. */
Failure becomeCli(std::span<char* const> arguments);

}  // namespace fairlead
