#include "http/host.h"

#include <cstdlib>

namespace fairlead {

std::string_view hostOfEnvironment() {
  const char* variable = std::getenv("FAIRLEAD_HOST");
  return variable == nullptr || *variable == '\0' ? "unix:///run/fairlead/api.sock" : variable;
}

std::optional<std::string_view> socketPathOf(std::string_view host) {
  constexpr std::string_view scheme = "unix://";
  if (!host.starts_with("unix:///")) return std::nullopt;
  return host.substr(scheme.size());
}

}  // namespace fairlead
