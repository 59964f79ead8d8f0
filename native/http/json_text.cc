#include "http/json_text.h"

#include <cstdint>

namespace fairlead {

namespace {

struct Sequence {
  size_t length;
  /** Bounds of the second byte: they rule out overlong forms, surrogates and what lies above U+10FFFF (RFC 3629). */
  uint8_t low;
  uint8_t high;
};

std::optional<Sequence> sequenceOf(uint8_t lead) {
  if (lead < 0x80) return Sequence{1, 0, 0};
  if (lead < 0xC2) return std::nullopt;
  if (lead < 0xE0) return Sequence{2, 0x80, 0xBF};
  if (lead == 0xE0) return Sequence{3, 0xA0, 0xBF};
  if (lead == 0xED) return Sequence{3, 0x80, 0x9F};
  if (lead < 0xF0) return Sequence{3, 0x80, 0xBF};
  if (lead == 0xF0) return Sequence{4, 0x90, 0xBF};
  if (lead < 0xF4) return Sequence{4, 0x80, 0xBF};
  if (lead == 0xF4) return Sequence{4, 0x80, 0x8F};
  return std::nullopt;
}

/** Length of the character `text` begins with; 0 when it begins with none. */
size_t characterLength(std::string_view text) {
  const auto byteAt = [text](size_t index) { return static_cast<uint8_t>(text[index]); };
  const auto sequence = sequenceOf(byteAt(0));
  if (!sequence || text.size() < sequence->length) return 0;
  for (size_t index = 1; index < sequence->length; ++index) {
    const uint8_t low = index == 1 ? sequence->low : 0x80;
    const uint8_t high = index == 1 ? sequence->high : 0xBF;
    if (byteAt(index) < low || byteAt(index) > high) return 0;
  }
  return sequence->length;
}

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

}  // namespace fairlead
