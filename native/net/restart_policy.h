// Whether, and after how long, a command that has ended is started again.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace fairlead {

using Milliseconds = std::chrono::milliseconds;

class RestartPolicy {
 public:
  /** Never again. */
  RestartPolicy() = default;

  /** `no`, `always`, `on-failure` or `on-failure:N`. */
  static std::optional<RestartPolicy> parse(std::string_view text);

  /** How long to wait before the next start; nothing when there shall be none. */
  std::optional<Milliseconds> next(int status, Milliseconds ran);

 private:
  enum class Mode { never, always, onFailure };

  Mode mode_ = Mode::never;
  /** How many starts are left. */
  std::optional<unsigned> left_;
  Milliseconds delay_{};
};

}  // namespace fairlead
