// Integers in network order at any place of a buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fairlead {

inline uint16_t read16(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }

inline uint32_t read32(const uint8_t* at) { return static_cast<uint32_t>(read16(at)) << 16 | read16(at + 2); }

inline void write16(uint8_t* at, uint16_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}

inline void append16(std::vector<uint8_t>& bytes, uint16_t value) {
  bytes.push_back(static_cast<uint8_t>(value >> 8));
  bytes.push_back(static_cast<uint8_t>(value));
}

inline void append32(std::vector<uint8_t>& bytes, uint32_t value) {
  append16(bytes, static_cast<uint16_t>(value >> 16));
  append16(bytes, static_cast<uint16_t>(value));
}

}  // namespace fairlead
