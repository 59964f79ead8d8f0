#include "net/command_line.h"

#include "http/host.h"

namespace fairlead {

namespace {

struct GlobalOptions {
  std::optional<std::string_view> host;
  /** How many arguments they are. */
  size_t count = 0;
};

/** Nothing when there is an option the front does not know, or one without its value. */
std::optional<GlobalOptions> parseGlobalOptions(std::span<char* const> arguments) {
  constexpr std::string_view assigned = "--host=";
  GlobalOptions options;
  while (options.count < arguments.size()) {
    const std::string_view option = arguments[options.count];
    if (!option.starts_with('-')) return options;
    if (option == "-H" || option == "--host") {
      if (++options.count == arguments.size()) return std::nullopt;
      options.host = arguments[options.count];
    } else if (option.starts_with(assigned)) {
      options.host = option.substr(assigned.size());
    } else if (option.starts_with("-H")) {
      options.host = option.substr(2);
    } else {
      return std::nullopt;
    }
    ++options.count;
  }
  return options;
}

}  // namespace

std::variant<LaunchCommand, RemoteCommand, CliCommand, Failure> parseCommandLine(std::span<char* const> arguments) {
  const auto options = parseGlobalOptions(arguments);
  if (!options || options->count == arguments.size()) return CliCommand{};
  const std::string_view verb = arguments[options->count];
  const bool launches = verb == "run" || verb == "exec";
  if (!launches && verb != "connect" && verb != "disconnect") return CliCommand{};
  const std::string_view host = options->host ? *options->host : hostOfEnvironment();
  const auto socketPath = socketPathOf(host);
  if (!socketPath) return Failure{usageStatus, "host " + std::string(host) + " is not of the form unix:///PATH"};
  const auto rest = arguments.subspan(options->count + 1);
  if (launches) return LaunchCommand{std::string(*socketPath), std::string(verb), rest};
  return RemoteCommand{std::string(*socketPath), std::string(verb), rest};
}

}  // namespace fairlead
