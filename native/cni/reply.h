// What a call ends with: a document for standard output, and the exit status.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "cni/versions.h"

namespace fairlead {

struct Reply {
  int status = 0;
  /** JSON; empty: nothing is printed. */
  std::string document;
};

/** Codes of the CNI specification, and `internal` of its reference implementation. */
enum class Code : int {
  environment = 4,
  io = 5,
  decode = 6,
  configuration = 7,
  tryAgain = 11,
  unavailable = 50,
  internal = 999,
};

/** How much of the output of others is told. */
inline constexpr size_t maxExcerptBytes = 4096;

struct CniError {
  Code code;
  std::string message;
  /** What came from elsewhere, such as the output of another program. */
  std::string details = {};
};

/** @param cniVersion of the configuration; one that is not spoken is replaced by the newest. */
Reply refuse(const CniError& error, std::string_view cniVersion = newestVersion);

}  // namespace fairlead
