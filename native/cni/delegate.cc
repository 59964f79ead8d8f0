#include "cni/delegate.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "cni/child.h"
#include "http/json_value.h"

namespace fairlead {

namespace {

constexpr std::string_view ownTypes[] = {"", "host-local", "static", "fairlead"};

bool isProgram(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

std::optional<std::string> findProgram(const std::string& name, std::string_view searchPath) {
  while (!searchPath.empty()) {
    const size_t end = std::min(searchPath.find(':'), searchPath.size());
    const std::string path = std::string(searchPath.substr(0, end)) + "/" + name;
    if (end > 0 && isProgram(path)) return path;
    searchPath.remove_prefix(std::min(end + 1, searchPath.size()));
  }
  return std::nullopt;
}

bool isObject(std::string_view text) {
  const auto parsed = JsonValue::parse(text);
  const auto* document = std::get_if<JsonValue>(&parsed);
  return document != nullptr && document->isObject();
}

/** @param plugin what names it. */
Reply replyOf(const Call& call, Operation operation, const std::string& plugin, ChildResult result) {
  const bool isDocument = isObject(result.output);
  if (result.status != 0 && isDocument) return {1, std::move(result.output)};
  const std::string excerpt = result.output.substr(0, maxExcerptBytes);
  if (result.status != 0) {
    const std::string end = " failed with exit status " + std::to_string(result.status);
    return refuseCall(call, {Code::internal, plugin + end + " and printed no error", excerpt});
  }
  if (operation == Operation::add && !isDocument) {
    return refuseCall(call, {Code::decode, plugin + " printed no JSON object as its result", excerpt});
  }
  return {0, std::move(result.output)};
}

}  // namespace

bool isDelegated(const Call& call) {
  const Configuration& configuration = call.configuration;
  if (std::ranges::find(ownTypes, configuration.ipamType) != std::end(ownTypes)) return false;
  if (isLoopback(call)) return false;
  switch (call.request.operation) {
    case Operation::add:
      return !configuration.hasPreviousResult;
    case Operation::gc:
    case Operation::status:
      return configuration.cniVersion == newestVersion;
    default:
      return true;
  }
}

Reply delegate(const Call& call, Operation operation) {
  const std::string& name = call.configuration.ipamType;
  if (name.find('/') != std::string::npos || name.find('\0') != std::string::npos) {
    return refuseCall(call, {Code::configuration, "ipam.type \"" + name + "\" is not the name of a plugin"});
  }
  const auto path = findProgram(name, call.request.searchPath);
  if (!path) {
    const std::string& folders = call.request.searchPath;
    return refuseCall(call, {Code::configuration, "no plugin for ipam.type \"" + name + "\" in CNI_PATH " + folders});
  }
  const std::string plugin = "ipam plugin " + *path;
  const std::string command = "CNI_COMMAND=" + std::string(nameOf(operation));
  auto result = runChild({.path = *path, .variable = command, .input = call.configuration.text});
  if (const auto* fault = std::get_if<std::string>(&result)) {
    return refuseCall(call, {Code::io, plugin + ": " + *fault});
  }
  return replyOf(call, operation, plugin, std::move(*std::get_if<ChildResult>(&result)));
}

}  // namespace fairlead
