#include "http/utf8.h"

#include <cstdint>
#include <optional>

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

}  // namespace

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

void appendCharacter(std::string& text, char32_t code) {
  const auto tail = [&](int shift) { text += static_cast<char>(0x80 | ((code >> shift) & 0x3F)); };
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xC0 | (code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    text += static_cast<char>(0xE0 | (code >> 12));
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xF0 | (code >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace fairlead
