// The file in which a supervisor keeps what netd must find out even when it was away.
#pragma once

#include <sys/types.h>

#include <string>

#include "net/failure.h"

namespace fairlead {

class StateFile {
 public:
  explicit StateFile(std::string path) : path_(std::move(path)) {}

  Outcome writeRunning(pid_t pid) const;
  Outcome writeExited(int status) const;

 private:
  Outcome replace(const std::string& line) const;

  std::string path_;
};

}  // namespace fairlead
