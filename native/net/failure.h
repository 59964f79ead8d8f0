// Why something could not be done, and the exit status that says so.
#pragma once

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

namespace fairlead {

/** Statuses of `net run` and `net exec` besides the command's own: those of docker, env and nohup. */
inline constexpr int usageStatus = 2;
/** Of `net connect` and `net disconnect`. */
inline constexpr int refusedStatus = 1;
inline constexpr int setupStatus = 125;
inline constexpr int notExecutableStatus = 126;
inline constexpr int notFoundStatus = 127;

struct Failure {
  int status;
  std::string message;
};

/** What a step returns: nothing when it is done. */
using Outcome = std::optional<Failure>;

inline Failure setupFailure(std::string message) { return {setupStatus, std::move(message)}; }

/** A system call failed: `what` says what it was for. */
inline Failure systemFailure(const std::string& what) { return setupFailure(what + ": " + std::strerror(errno)); }

}  // namespace fairlead
