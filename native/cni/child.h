// Running a program to its end: input and output as texts, errors to where ours go.
#pragma once

#include <cstddef>
#include <string>
#include <variant>

namespace fairlead {

inline constexpr size_t maxChildOutputBytes = 8 * 1024 * 1024;

struct Child {
  std::string path;
  /** `NAME=VALUE`, in place of the variable of that name in this process's environment. */
  std::string variable;
  std::string input;
};

struct ChildResult {
  /** Its exit status, or 128 plus the signal that ended it, as shells have it. */
  int status;
  std::string output;
};

/** The string says why it could not be run, or not to its end. It is gone in any case. */
std::variant<ChildResult, std::string> runChild(const Child& child);

}  // namespace fairlead
