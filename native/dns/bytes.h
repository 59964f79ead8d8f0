// Bytes of messages and changes, and the numbers in them: big-endian, wherever they stand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace fairlead::dns {

using Bytes = std::span<const uint8_t>;

inline uint16_t read16(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }

inline uint32_t read32(const uint8_t* at) {
  return static_cast<uint32_t>(read16(at)) << 16 | read16(at + 2);
}

inline void write16(uint8_t* at, uint16_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}

inline void write32(uint8_t* at, uint32_t value) {
  write16(at, static_cast<uint16_t>(value >> 16));
  write16(at + 2, static_cast<uint16_t>(value));
}

/** Keys are strings, whatever bytes they are of: short ones are kept in place. */
inline std::string_view textOf(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline Bytes bytesOf(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace fairlead::dns
