// UTF-8 (RFC 3629), character by character.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fairlead {

/** Stands for what is no character. */
inline constexpr char32_t replacementCharacter = 0xFFFD;

/** Length in bytes of the character `text` begins with; 0 when it begins with none. `text` is not empty. */
size_t characterLength(std::string_view text);

/** `code` is at most U+10FFFF. */
void appendCharacter(std::string& text, char32_t code);

}  // namespace fairlead
