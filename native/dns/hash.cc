#include "hash.h"

#include <sys/random.h>
#include <time.h>

#include <bit>
#include <cstring>

namespace fairlead::dns {

namespace {

struct SipState {
  uint64_t a;
  uint64_t b;
  uint64_t c;
  uint64_t d;

  void round() {
    a += b;
    c += d;
    b = std::rotl(b, 13) ^ a;
    d = std::rotl(d, 16) ^ c;
    a = std::rotl(a, 32);
    c += b;
    a += d;
    b = std::rotl(b, 17) ^ c;
    d = std::rotl(d, 21) ^ a;
    c = std::rotl(c, 32);
  }

  void take(uint64_t word) {
    d ^= word;
    round();
    a ^= word;
  }
};

uint64_t word(const char* at, size_t bytes) {
  uint64_t value = 0;
  std::memcpy(&value, at, bytes);
  return value;
}

}  // namespace

Hash::Hash() {
  if (getrandom(key_, sizeof key_, GRND_NONBLOCK) == sizeof key_) return;
  // Early in the life of a machine there is no randomness yet (man 2 getrandom).
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  key_[0] = static_cast<uint64_t>(now.tv_nsec);
  key_[1] = reinterpret_cast<uintptr_t>(this);
}

uint64_t Hash::operator()(std::string_view text) const {
  SipState state{key_[0] ^ 0x736f6d6570736575, key_[1] ^ 0x646f72616e646f6d, key_[0] ^ 0x6c7967656e657261,
                 key_[1] ^ 0x7465646279746573};
  const uint64_t length = static_cast<uint64_t>(text.size()) << 56;
  for (; text.size() >= 8; text.remove_prefix(8)) state.take(word(text.data(), 8));
  state.take(length | word(text.data(), text.size()));
  state.c ^= 0xff;
  for (int i = 0; i < 3; i++) state.round();
  return state.a ^ state.b ^ state.c ^ state.d;
}

}  // namespace fairlead::dns
