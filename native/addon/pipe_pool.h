// Pipes to splice through. A connection has one only while something is on its way, so that an idle one costs its sockets alone.
#pragma once

#include <fcntl.h>

#include <optional>
#include <vector>

#include "fd.h"

namespace fairlead {

struct Pipe {
  Fd out;
  Fd in;
};

class PipePool {
 public:
  /** None when the process has no descriptors left. */
  std::optional<Pipe> take() {
    if (!spare_.empty()) {
      Pipe pipe = std::move(spare_.back());
      spare_.pop_back();
      return pipe;
    }
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return std::nullopt;
    return Pipe{Fd(ends[0]), Fd(ends[1])};
  }

  /** It must be empty. */
  void giveBack(Pipe&& pipe) {
    if (spare_.size() < mostSpare) spare_.push_back(std::move(pipe));
  }

 private:
  static constexpr size_t mostSpare = 16;
  std::vector<Pipe> spare_;
};

}  // namespace fairlead
