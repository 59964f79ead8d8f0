#include "net/cli.h"

#include <limits.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace fairlead {

namespace {

/** The folder that holds `bin` and `dist`, wherever links to this executable lie; empty when it cannot be told. */
std::string installation() {
  std::array<char, PATH_MAX> buffer;
  const ssize_t length = readlink("/proc/self/exe", buffer.data(), buffer.size());
  if (length <= 0) return {};
  std::string_view path(buffer.data(), static_cast<size_t>(length));
  for (int levels = 0; levels < 2; ++levels) path = path.substr(0, path.find_last_of('/'));
  return std::string(path);
}

}  // namespace

Failure becomeCli(std::span<char* const> arguments) {
  std::string script = installation() + "/dist/bin/net.js";
  if (access(script.c_str(), R_OK) != 0) {
    return setupFailure("cannot read " + script + ": " + std::strerror(errno) + " (is Fairlead built?)");
  }
  const char* named = std::getenv("FAIRLEAD_NODE");
  std::string node = named == nullptr || *named == '\0' ? "node" : named;
  std::vector<char*> command{node.data(), script.data()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  command.push_back(nullptr);
  execvp(node.c_str(), command.data());
  return systemFailure("cannot start " + node + " (put Node on the PATH, or name it in FAIRLEAD_NODE)");
}

}  // namespace fairlead
