// What netd wants done for a command: see docs/launch-plan.md.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "net/failure.h"
#include "net/restart_policy.h"

namespace fairlead {

struct Bind {
  std::string source;
  std::string target;
};

struct Plan {
  /** Path of the network namespace; absent: the caller's. */
  std::optional<std::string> netns;
  std::optional<std::string> hostname;
  bool sysfs = false;
  std::vector<Bind> binds;
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  std::vector<gid_t> groups;
  std::string directory;
  /** `KEY=VALUE`, added to the caller's environment. */
  std::vector<std::string> environment;
  /** At least one element. */
  std::vector<std::string> command;

  bool detach = false;
  // Set when detached:
  std::string id;
  std::string logPath;
  std::string statePath;
  RestartPolicy restart;
  bool terminal = false;
};

/** A plan this executable does not fully understand is refused: half of it would be worse than nothing. */
std::variant<Plan, Failure> parsePlan(std::string_view text);

}  // namespace fairlead
