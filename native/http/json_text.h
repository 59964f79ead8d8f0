// Writing JSON by hand: the only values that need care are strings.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fairlead {

/** `text` as a JSON string literal; nothing when it is not valid UTF-8, because JSON cannot carry other bytes. */
std::optional<std::string> quoteJson(std::string_view text);

/** The same for texts that people read: what is not valid UTF-8 becomes U+FFFD. */
std::string quoteJsonLossily(std::string_view text);

}  // namespace fairlead
