// What the front understands of its command line: enough to tell what it does itself from what it hands to the CLI.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "net/failure.h"

namespace fairlead {

/** `run` or `exec`. */
struct LaunchCommand {
  std::string socketPath;
  std::string verb;
  /** All that follows the verb. */
  std::span<char* const> arguments;
};

/** `connect` or `disconnect`, which netd does as they are written. */
struct RemoteCommand {
  std::string socketPath;
  std::string verb;
  /** All that follows the verb. */
  std::span<char* const> arguments;
};

/** Anything the CLI takes care of, wrong usage included. */
struct CliCommand {};

/** `arguments` without the program's name. */
std::variant<LaunchCommand, RemoteCommand, CliCommand, Failure> parseCommandLine(std::span<char* const> arguments);

}  // namespace fairlead
