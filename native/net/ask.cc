#include "net/ask.h"

#include <limits.h>
#include <unistd.h>

#include <array>

#include "http/json_text.h"
#include "http/number.h"
#include "http/unix_client.h"

namespace fairlead {

namespace {

std::variant<std::string, Failure> quoteArguments(std::span<char* const> arguments) {
  std::string list;
  for (size_t index = 0; index < arguments.size(); ++index) {
    const auto quoted = quoteJson(arguments[index]);
    if (!quoted) return setupFailure("argument " + std::to_string(index + 1) + " is not valid UTF-8");
    list += (index == 0 ? "" : ",") + *quoted;
  }
  return list;
}

std::variant<std::string, Failure> quoteDirectory() {
  std::array<char, PATH_MAX> buffer;
  if (getcwd(buffer.data(), buffer.size()) == nullptr) return systemFailure("cannot tell the working directory");
  const auto quoted = quoteJson(buffer.data());
  if (!quoted) return setupFailure("the path of the working directory is not valid UTF-8");
  return *quoted;
}

std::variant<std::string, Failure> renderRequest(const LaunchCommand& command) {
  auto arguments = quoteArguments(command.arguments);
  if (auto* failure = std::get_if<Failure>(&arguments)) return std::move(*failure);
  auto directory = quoteDirectory();
  if (auto* failure = std::get_if<Failure>(&directory)) return std::move(*failure);
  const auto isTerminal = [](int fd) { return isatty(fd) ? "true" : "false"; };
  return "{\"verb\":\"" + command.verb + "\",\"arguments\":[" + *std::get_if<std::string>(&arguments) +
         "],\"pid\":" + std::to_string(getpid()) + ",\"directory\":" + *std::get_if<std::string>(&directory) +
         ",\"terminal\":[" + isTerminal(STDIN_FILENO) + "," + isTerminal(STDOUT_FILENO) + "," +
         isTerminal(STDERR_FILENO) + "]}";
}

bool hasType(const Response& response, std::string_view type) {
  const std::string_view given = response.header("content-type").value_or("");
  return given.substr(0, given.find(';')) == type;
}

/** @param otherwise the exit status where the answer does not say. */
Failure refusalOf(const Response& response, int otherwise) {
  const auto status = parseNumber<uint8_t>(response.header("fairlead-exit").value_or(""));
  const int exitStatus = status.value_or(0) == 0 ? otherwise : *status;
  if (hasType(response, "text/plain")) return {exitStatus, response.body};
  return {exitStatus, "netd answered " + std::to_string(response.status) + ": " + response.body.substr(0, 1000)};
}

}  // namespace

std::variant<Plan, Text, Failure> askForPlan(const LaunchCommand& command) {
  auto request = renderRequest(command);
  if (auto* failure = std::get_if<Failure>(&request)) return std::move(*failure);
  auto answer = exchange(command.socketPath, {.path = "/fairlead/v1/launch", .body = *std::get_if<std::string>(&request)});
  if (auto* error = std::get_if<HttpError>(&answer)) return setupFailure(error->message);
  const Response& response = *std::get_if<Response>(&answer);
  if (response.status != 200) return refusalOf(response, setupStatus);
  if (hasType(response, "text/plain")) return Text{response.body};
  if (!hasType(response, "application/x-fairlead-plan")) return setupFailure("netd's answer is not a plan");
  auto plan = parsePlan(response.body);
  if (auto* failure = std::get_if<Failure>(&plan)) return std::move(*failure);
  return std::move(*std::get_if<Plan>(&plan));
}

std::variant<Text, Failure> carryOut(const RemoteCommand& command) {
  auto arguments = quoteArguments(command.arguments);
  if (auto* failure = std::get_if<Failure>(&arguments)) return Failure{usageStatus, failure->message};
  const std::string body =
      "{\"verb\":\"" + command.verb + "\",\"arguments\":[" + *std::get_if<std::string>(&arguments) + "]}";
  auto answer = exchange(command.socketPath, {.path = "/fairlead/v1/command", .body = body});
  if (auto* error = std::get_if<HttpError>(&answer)) return Failure{refusedStatus, error->message};
  const Response& response = *std::get_if<Response>(&answer);
  if (response.status != 200) return refusalOf(response, refusedStatus);
  if (!hasType(response, "text/plain")) return Failure{refusedStatus, "netd's answer is not text"};
  return Text{response.body};
}

}  // namespace fairlead
