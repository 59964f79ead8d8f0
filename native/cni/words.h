// The names the CNI specification allows for networks and containers.
#pragma once

#include <string_view>

namespace fairlead {

inline constexpr const char* plainWordForm = "[a-zA-Z0-9][a-zA-Z0-9_.-]*";

/** Whether `text` is of `plainWordForm`. */
inline bool isPlainWord(std::string_view text) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
  constexpr std::string_view notFirst = "_.-";
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos &&
         notFirst.find(text[0]) == std::string_view::npos;
}

}  // namespace fairlead
