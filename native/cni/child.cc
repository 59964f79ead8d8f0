#include "cni/child.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "addon/fd.h"
#include "cni/write_all.h"

namespace fairlead {

namespace {

std::string describe(const std::string& what, int error) { return "cannot " + what + ": " + std::strerror(error); }

/** A file in memory, so that input need not be written while output is read. */
Fd holdInput(const std::string& input) {
  Fd file(::memfd_create("input", MFD_CLOEXEC));
  if (!file || !writeAll(file.get(), input) || ::lseek(file.get(), 0, SEEK_SET) != 0) return {};
  return file;
}

std::vector<char*> environmentWith(const std::string& variable) {
  const std::string_view name = std::string_view(variable).substr(0, variable.find('=') + 1);
  std::vector<char*> result{const_cast<char*>(variable.c_str())};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with(name)) result.push_back(*entry);
  }
  result.push_back(nullptr);
  return result;
}

/** Returns an errno. */
int start(const Child& child, const Fd& input, const Fd& output, pid_t& pid) {
  std::array<char*, 2> arguments{const_cast<char*>(child.path.c_str()), nullptr};
  std::vector<char*> environment = environmentWith(child.variable);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output.get(), STDOUT_FILENO);
  const int error = ::posix_spawn(&pid, child.path.c_str(), &actions, nullptr, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

/** Reads to the end; false when there is too much, or when it cannot be read. */
bool readAll(const Fd& source, std::string& text) {
  std::array<char, 16 * 1024> buffer;
  while (text.size() <= maxChildOutputBytes) {
    const ssize_t bytes = ::read(source.get(), buffer.data(), buffer.size());
    if (bytes == 0) return true;
    if (bytes > 0) text.append(buffer.data(), static_cast<size_t>(bytes));
    if (bytes < 0 && errno != EINTR) return false;
  }
  return false;
}

/** Returns the status as shells have it. */
int await(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

std::variant<ChildResult, std::string> runChild(const Child& child) {
  const Fd input = holdInput(child.input);
  if (!input) return describe("keep its input", errno);
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return describe("make a pipe", errno);
  const Fd reading(ends[0]);
  Fd writing(ends[1]);
  ::signal(SIGCHLD, SIG_DFL);  // were it ignored, the child would leave no status
  pid_t pid = -1;
  if (const int error = start(child, input, writing, pid); error != 0) return describe("start it", error);
  writing.close();
  std::string output;
  const bool whole = readAll(reading, output);
  if (!whole) ::kill(pid, SIGKILL);
  const int status = await(pid);
  if (!whole) return "it printed more than " + std::to_string(maxChildOutputBytes) + " bytes";
  return ChildResult{.status = status, .output = std::move(output)};
}

}  // namespace fairlead
