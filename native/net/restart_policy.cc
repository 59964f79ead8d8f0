#include "net/restart_policy.h"

#include <algorithm>

#include "http/number.h"

namespace fairlead {

namespace {

constexpr Milliseconds firstDelay{100};
constexpr Milliseconds lastDelay{60'000};
/** A command that has run for so long is taken to work: the next delay is the first one again. */
constexpr Milliseconds settled{10'000};

}  // namespace

std::optional<RestartPolicy> RestartPolicy::parse(std::string_view text) {
  constexpr std::string_view limited = "on-failure:";
  RestartPolicy policy;
  if (text == "no") return policy;
  policy.mode_ = text == "always" ? Mode::always : Mode::onFailure;
  if (text == "always" || text == "on-failure") return policy;
  if (!text.starts_with(limited)) return std::nullopt;
  policy.left_ = parseNumber<unsigned>(text.substr(limited.size()));
  return policy.left_ ? std::optional(policy) : std::nullopt;
}

std::optional<Milliseconds> RestartPolicy::next(int status, Milliseconds ran) {
  if (mode_ == Mode::never || (mode_ == Mode::onFailure && status == 0)) return std::nullopt;
  if (left_ && (*left_)-- == 0) return std::nullopt;
  delay_ = ran >= settled ? firstDelay : std::clamp(delay_ * 2, firstDelay, lastDelay);
  return delay_;
}

}  // namespace fairlead
