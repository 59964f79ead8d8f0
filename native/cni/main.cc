// `fairlead-cni`: the CNI plugin. Checks what a runtime says, then leaves the work to netd. Runtimes start it before
// every ADD and DEL just to ask for its versions, so that is answered first and needs nothing.
#include <unistd.h>

#include <cstdlib>

#include "cni/body.h"
#include "cni/operations.h"
#include "cni/write_all.h"

namespace fairlead {

namespace {

int print(const Reply& reply) {
  if (reply.document.empty()) return reply.status;
  const bool isLine = reply.document.ends_with('\n');
  const bool printed = writeAll(STDOUT_FILENO, isLine ? reply.document : reply.document + "\n");
  return printed ? reply.status : 1;
}

Reply describeVersions() {
  std::string list;
  for (const std::string_view version : supportedVersions) {
    list += (list.empty() ? "\"" : ",\"") + std::string(version) + "\"";
  }
  return {0, "{\"cniVersion\":\"" + std::string(newestVersion) + "\",\"supportedVersions\":[" + list + "]}"};
}

/** For people who start it by hand. */
int describe(std::string_view program) {
  std::string text(program);
  text += ": Fairlead's CNI plugin, which connects containers by way of netd\nCNI protocol versions supported:";
  for (const std::string_view version : supportedVersions) text += " " + std::string(version);
  return writeAll(STDERR_FILENO, text + "\n") ? 0 : 1;
}

Reply answer(std::string_view command, std::string_view program) {
  auto request = readRequest(command, program);
  if (const auto* error = std::get_if<CniError>(&request)) return refuse(*error);
  auto environment = renderEnvironment();
  if (const auto* error = std::get_if<CniError>(&environment)) return refuse(*error);
  auto input = readInput();
  if (const auto* error = std::get_if<CniError>(&input)) return refuse(*error);
  auto configuration = parseConfiguration(std::move(*std::get_if<std::string>(&input)));
  if (auto* refusal = std::get_if<Reply>(&configuration)) return std::move(*refusal);
  return perform({.request = std::move(*std::get_if<Request>(&request)),
                  .configuration = std::move(*std::get_if<Configuration>(&configuration)),
                  .environment = std::move(*std::get_if<std::string>(&environment))});
}

int main(std::string_view path) {
  const std::string_view program = path.substr(path.find_last_of('/') + 1);
  const char* command = std::getenv("CNI_COMMAND");
  if (command == nullptr || *command == '\0') return describe(program);
  if (std::string_view(command) == "VERSION") return print(describeVersions());
  return print(answer(command, program));
}

}  // namespace

}  // namespace fairlead

int main(int count, char* arguments[]) { return fairlead::main(count > 0 ? arguments[0] : "fairlead-cni"); }
