#include "http/json_text.h"

#include <cstdint>

#include "http/utf8.h"

namespace fairlead {

namespace {

void appendEscaped(std::string& result, char character) {
  constexpr std::string_view digits = "0123456789abcdef";
  const auto code = static_cast<uint8_t>(character);
  if (character == '"' || character == '\\') {
    result += {'\\', character};
  } else if (code < 0x20) {
    result += {'\\', 'u', '0', '0', digits[code >> 4], digits[code & 15]};
  } else {
    result += character;
  }
}

}  // namespace

std::optional<std::string> quoteJson(std::string_view text) {
  std::string result = "\"";
  while (!text.empty()) {
    const size_t length = characterLength(text);
    if (length == 0) return std::nullopt;
    if (length == 1) {
      appendEscaped(result, text[0]);
    } else {
      result += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return result + '"';
}

std::string quoteJsonLossily(std::string_view text) {
  std::string valid;
  while (!text.empty()) {
    const size_t length = characterLength(text);
    if (length == 0) {
      appendCharacter(valid, replacementCharacter);
    } else {
      valid += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return *quoteJson(valid);
}

}  // namespace fairlead
