// The versions of the CNI specification that are spoken.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace fairlead {

inline constexpr std::array<std::string_view, 7> supportedVersions{"0.1.0", "0.2.0", "0.3.0", "0.3.1",
                                                                   "0.4.0", "1.0.0", "1.1.0"};

/** The first one with GC and STATUS, and the one used where none is asked for. */
inline constexpr std::string_view newestVersion = supportedVersions.back();

inline bool isSupported(std::string_view version) {
  return std::ranges::find(supportedVersions, version) != supportedVersions.end();
}

}  // namespace fairlead
