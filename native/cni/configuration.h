// The network configuration a runtime writes to standard input: the few keys of it that matter here.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

#include "cni/reply.h"

namespace fairlead {

inline constexpr size_t maxConfigurationBytes = 8 * 1024 * 1024;

struct Configuration {
  /** The whole of it, as it was read. */
  std::string text;
  /** Empty when it is not given, like the other keys. */
  std::string cniVersion;
  std::string name;
  std::string type;
  std::string ipamType;
  bool hasPreviousResult = false;
  /** From here or from the environment. */
  std::string socketPath;
};

/** Reads standard input to its end. */
std::variant<std::string, CniError> readInput();

std::variant<Configuration, Reply> parseConfiguration(std::string text);

}  // namespace fairlead
