#include "net/state_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <array>
#include <string_view>

#include "addon/fd.h"

namespace fairlead {

namespace {

/** Field 22 of /proc/PID/stat, in clock ticks since boot: tells a process from a later one of the same number. */
std::string startTime(pid_t pid) {
  std::array<char, 1024> buffer;
  const Fd file(open(("/proc/" + std::to_string(pid) + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
  const ssize_t length = file ? read(file.get(), buffer.data(), buffer.size()) : 0;
  std::string_view fields(buffer.data(), static_cast<size_t>(length > 0 ? length : 0));
  // The second field, the name in parentheses, may hold anything.
  fields = fields.substr(std::min(fields.rfind(')'), fields.size()));
  for (int number = 2; number < 22; ++number) fields = fields.substr(std::min(fields.find(' '), fields.size() - 1) + 1);
  return std::string(fields.substr(0, fields.find(' ')));
}

}  // namespace

Outcome StateFile::writeRunning(pid_t pid) const {
  return replace("running " + std::to_string(pid) + " " + startTime(pid) + "\n");
}

Outcome StateFile::writeExited(int status) const { return replace("exited " + std::to_string(status) + "\n"); }

Outcome StateFile::replace(const std::string& line) const {
  const std::string next = path_ + ".next";
  const Fd file(open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  const bool written = file && write(file.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size());
  if (written && rename(next.c_str(), path_.c_str()) == 0) return std::nullopt;
  return systemFailure("cannot write " + path_);
}

}  // namespace fairlead
