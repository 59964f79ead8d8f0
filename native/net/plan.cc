#include "net/plan.h"

#include <algorithm>

#include "http/number.h"

namespace fairlead {

namespace {

bool assign(std::string& member, std::string_view value) {
  member = value;
  return !value.empty();
}

bool assign(std::optional<std::string>& member, std::string_view value) {
  member = value;
  return !value.empty();
}

bool assign(bool& member, std::string_view value) {
  member = value == "1";
  return member || value == "0";
}

/** User and group ids are of one type. The largest number is none: to the kernel it means "leave as it is". */
bool assign(std::optional<uid_t>& member, std::string_view value) {
  member = parseNumber<uid_t>(value);
  return member && *member != static_cast<uid_t>(-1);
}

bool assign(RestartPolicy& member, std::string_view value) {
  const auto policy = RestartPolicy::parse(value);
  if (policy) member = *policy;
  return policy.has_value();
}

bool addGroups(std::vector<gid_t>& groups, std::string_view value) {
  while (!value.empty()) {
    const size_t comma = std::min(value.find(','), value.size());
    const auto group = parseNumber<gid_t>(value.substr(0, comma));
    if (!group) return false;
    groups.push_back(*group);
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
  return true;
}

bool addBind(std::vector<Bind>& binds, std::string_view value) {
  const size_t newline = value.find('\n');
  if (newline == std::string_view::npos) return false;
  binds.push_back({std::string(value.substr(0, newline)), std::string(value.substr(newline + 1))});
  return true;
}

bool addVariable(std::vector<std::string>& environment, std::string_view value) {
  environment.emplace_back(value);
  const size_t equals = value.find('=');
  return equals != 0 && equals != std::string_view::npos;
}

bool addArgument(std::vector<std::string>& command, std::string_view value) {
  command.emplace_back(value);
  return true;
}

/** Ids are part of a path of netd's interface. */
bool assignId(std::string& id, std::string_view value) {
  id = value;
  constexpr std::string_view allowed = "0123456789abcdef";
  return !value.empty() && value.find_first_not_of(allowed) == std::string_view::npos;
}

/** False when the key is unknown or the value malformed. */
bool readField(Plan& plan, std::string_view key, std::string_view value) {
  if (key == "netns") return assign(plan.netns, value);
  if (key == "hostname") return assign(plan.hostname, value);
  if (key == "sysfs") return assign(plan.sysfs, value);
  if (key == "bind") return addBind(plan.binds, value);
  if (key == "uid") return assign(plan.uid, value);
  if (key == "gid") return assign(plan.gid, value);
  if (key == "groups") return addGroups(plan.groups, value);
  if (key == "directory") return assign(plan.directory, value);
  if (key == "env") return addVariable(plan.environment, value);
  if (key == "arg") return addArgument(plan.command, value);
  if (key == "tty") return assign(plan.terminal, value);
  if (key == "detach") return assign(plan.detach, value);
  if (key == "id") return assignId(plan.id, value);
  if (key == "log") return assign(plan.logPath, value);
  if (key == "state") return assign(plan.statePath, value);
  if (key == "restart") return assign(plan.restart, value);
  return false;
}

/** A key the plan should have and has not; empty when it is whole. */
std::string_view missingKey(const Plan& plan) {
  if (plan.command.empty()) return "arg";
  if (plan.directory.empty()) return "directory";
  if (!plan.detach) return "";
  if (plan.id.empty()) return "id";
  if (plan.logPath.empty()) return "log";
  if (plan.statePath.empty()) return "state";
  return "";
}

}  // namespace

std::variant<Plan, Failure> parsePlan(std::string_view text) {
  Plan plan;
  while (!text.empty()) {
    const size_t end = text.find('\0');
    if (end == std::string_view::npos) return setupFailure("netd's plan is cut off");
    const std::string_view field = text.substr(0, end);
    text.remove_prefix(end + 1);
    const size_t equals = std::min(field.find('='), field.size());
    const std::string_view key = field.substr(0, equals);
    const std::string_view value = field.substr(std::min(equals + 1, field.size()));
    if (!readField(plan, key, value)) {
      return setupFailure("cannot follow netd's plan: field " + std::string(field.substr(0, 200)));
    }
  }
  if (const std::string_view key = missingKey(plan); !key.empty()) {
    return setupFailure("netd's plan lacks the field " + std::string(key));
  }
  return plan;
}

}  // namespace fairlead
