#include "cni/configuration.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "cni/words.h"
#include "http/host.h"
#include "http/json_value.h"
#include "http/unix_client.h"

namespace fairlead {

namespace {

struct Key {
  std::string_view name;
  std::string Configuration::*value;
};

/** The version first: it is that of the errors about the others. */
constexpr Key keys[] = {
    {"cniVersion", &Configuration::cniVersion},
    {"name", &Configuration::name},
    {"type", &Configuration::type},
    {"socket", &Configuration::socketPath},
};

bool isGiven(const std::optional<JsonValue>& value) { return value && !value->isNull(); }

/** Reads a text that may be absent. @param what names the value, for the message. */
std::optional<CniError> readText(const std::optional<JsonValue>& value, const std::string& what, std::string& text) {
  if (!isGiven(value)) return std::nullopt;
  const auto content = value->string();
  if (!content) return CniError{Code::decode, what + " of the configuration is not a string"};
  text = *content;
  return std::nullopt;
}

std::optional<CniError> readKeys(const JsonValue& document, Configuration& configuration) {
  for (const Key& key : keys) {
    auto error = readText(document.member(key.name), std::string(key.name), configuration.*key.value);
    if (error) return error;
  }
  configuration.hasPreviousResult = isGiven(document.member("prevResult"));
  const auto ipam = document.member("ipam");
  return ipam ? readText(ipam->member("type"), "ipam.type", configuration.ipamType) : std::nullopt;
}

std::optional<CniError> checkName(const std::string& name) {
  if (name.empty()) return CniError{Code::configuration, "the configuration has no name"};
  if (isPlainWord(name)) return std::nullopt;
  return CniError{Code::configuration,
                  "name \"" + name + "\" of the configuration is not of the form " + plainWordForm};
}

/** Puts the path of the socket where the configuration had what it calls the socket, if anything. */
std::optional<CniError> resolveSocket(std::string& socket) {
  const bool isOwn = !socket.empty();
  const std::string host = isOwn ? socket : std::string(hostOfEnvironment());
  const Code code = isOwn ? Code::configuration : Code::environment;
  const std::string subject = (isOwn ? "socket \"" : "FAIRLEAD_HOST \"") + host + "\"";
  const auto path = isOwn && host.starts_with('/') ? std::optional<std::string_view>(host) : socketPathOf(host);
  if (!path) {
    return CniError{code, subject + " is not of the form unix:///PATH" + (isOwn ? ", nor an absolute path" : "")};
  }
  if (path->find('\0') != std::string_view::npos) return CniError{code, subject + " contains a NUL"};
  if (path->size() > maxSocketPathBytes) {
    return CniError{code, subject + " is longer than " + std::to_string(maxSocketPathBytes) + " bytes"};
  }
  socket = *path;
  return std::nullopt;
}

std::optional<CniError> readDocument(const JsonValue& document, Configuration& configuration) {
  if (!document.isObject()) return CniError{Code::decode, "the configuration is not a JSON object"};
  if (auto error = readKeys(document, configuration)) return error;
  if (auto error = checkName(configuration.name)) return error;
  return resolveSocket(configuration.socketPath);
}

}  // namespace

std::variant<std::string, CniError> readInput() {
  std::string text;
  std::array<char, 64 * 1024> buffer;
  for (;;) {
    const ssize_t bytes = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (bytes == 0) return text;
    if (bytes > 0) text.append(buffer.data(), static_cast<size_t>(bytes));
    if (bytes < 0 && errno != EINTR) {
      return CniError{Code::io, std::string("cannot read the configuration: ") + std::strerror(errno)};
    }
    if (text.size() > maxConfigurationBytes) {
      return CniError{Code::decode,
                      "the configuration is larger than " + std::to_string(maxConfigurationBytes) + " bytes"};
    }
  }
}

std::variant<Configuration, Reply> parseConfiguration(std::string text) {
  const auto parsed = JsonValue::parse(text);
  if (const auto* fault = std::get_if<JsonFault>(&parsed)) {
    return refuse({Code::decode, "the configuration is not JSON: " + std::string(fault->reason) + " (byte " +
                                     std::to_string(fault->offset) + ")"});
  }
  Configuration configuration;
  const auto error = readDocument(*std::get_if<JsonValue>(&parsed), configuration);
  if (error) return refuse(*error, configuration.cniVersion);
  configuration.text = std::move(text);
  return configuration;
}

}  // namespace fairlead
