// What the targets ask about: some networks with all kinds of names on them, and those who ask.
#pragma once

#include <cstdint>
#include <string>

#include "dns/answerer.h"

namespace fairlead::dns::fuzz {

/** What unknown names' replies are remembered under, by those where something leaves. */
inline constexpr uint32_t group = 7;

/** All of it, as changes. */
const std::string& worldChanges();

/** Who asks, told by a byte: sandboxes that see this or that, at resolvers of their own or at a gateway, and strangers. */
Asker askerOf(uint8_t choice);

/** How much a transport lets through, told by a byte. */
struct Transport {
  bool isDatagram;
  size_t limitBytes;
};
Transport transportOf(uint8_t choice);

}  // namespace fairlead::dns::fuzz
