// Hashes of names nobody can foresee: askers choose what is looked up, and what is remembered.
#pragma once

#include <cstdint>
#include <string_view>

namespace fairlead::dns {

/** SipHash-1-3, as the hash tables of Rust and Python have it, with a key of its own. */
class Hash {
 public:
  Hash();

  uint64_t operator()(std::string_view text) const;

  /** A hash of another thing that has this one in it, and a number. */
  static uint64_t with(uint64_t hash, uint64_t number) {
    const auto product = static_cast<unsigned __int128>(hash ^ (number * 0x9E3779B97F4A7C15)) * 0xD6E8FEB86659FD93;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }

 private:
  uint64_t key_[2];
};

}  // namespace fairlead::dns
