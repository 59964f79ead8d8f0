#include "cni/body.h"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "http/json_text.h"

namespace fairlead {

namespace {

/** Besides the CNI ones: what a tracing runtime says of the call it is part of. */
constexpr std::string_view traceVariables[] = {"TRACEPARENT", "TRACESTATE", "BAGGAGE"};

bool isWanted(std::string_view name) {
  if (name.starts_with("CNI_")) return true;
  for (const std::string_view variable : traceVariables) {
    if (name == variable) return true;
  }
  return false;
}

}  // namespace

std::variant<std::string, CniError> renderEnvironment() {
  std::string members;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view entry = *variable;
    const size_t equals = entry.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string name(entry.substr(0, equals));
    // Of a variable that is there twice, the first counts, here as for getenv(3).
    if (!isWanted(name) || std::getenv(name.c_str()) != *variable + equals + 1) continue;
    const auto value = quoteJson(entry.substr(equals + 1));
    const auto key = quoteJson(name);
    if (!value || !key) return CniError{Code::environment, "the value of " + name + " is not valid UTF-8"};
    members += (members.empty() ? "" : ",") + *key + ":" + *value;
  }
  return "{" + members + "}";
}

std::string renderBody(const Call& call, const std::optional<std::string>& ipam) {
  // Nothing is lost of the last two: they are UTF-8, because they have been parsed.
  std::string body = "{\"environment\":" + call.environment +
                     ",\"program\":" + quoteJsonLossily(call.request.program) +
                     ",\"configuration\":" + quoteJsonLossily(call.configuration.text);
  if (ipam) body += ",\"ipam\":" + quoteJsonLossily(*ipam);
  return body + "}";
}

}  // namespace fairlead
