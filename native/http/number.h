// Text that is a number and nothing else.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace fairlead {

template <typename Number>
std::optional<Number> parseNumber(std::string_view text, int base = 10) {
  Number number{};
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number, base);
  if (error != std::errc{} || end != last) return std::nullopt;
  return number;
}

}  // namespace fairlead
