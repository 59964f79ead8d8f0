#include "server_failure.h"

#include <algorithm>
#include <array>

#include "big_endian.h"

namespace fairlead {

namespace {

constexpr size_t headerBytes = 12;
constexpr size_t optBytes = 11;
constexpr uint16_t typeOpt = 41;
/** What we take in a datagram. */
constexpr uint16_t payloadBytes = 4096;
/** QR and RA, and those that are given back: RD and CD (RFC 1035 section 4.1.1, RFC 4035 section 3.2.2). */
constexpr uint16_t flagsSet = 0x8080;
constexpr uint16_t flagsKept = 0x0110;
constexpr uint16_t serverFailure = 2;

/** Where the one question ends; 0 when that cannot be told. */
size_t endOfQuestion(dns::Bytes message) {
  if (read16(&message[4]) != 1) return 0;
  size_t at = headerBytes;
  while (at < message.size() && message[at] != 0 && message[at] < 64) at += 1 + message[at];
  const size_t end = at + 5;
  return at < message.size() && message[at] == 0 && end <= message.size() ? end : 0;
}

/** Whether the first record after the question is OPT, as it is in the questions of all resolvers there are. */
bool hasOpt(dns::Bytes message, size_t at) {
  const bool isAdditional = read16(&message[6]) == 0 && read16(&message[8]) == 0 && read16(&message[10]) > 0;
  return isAdditional && message.size() >= at + optBytes && message[at] == 0 && read16(&message[at + 1]) == typeOpt;
}

}  // namespace

size_t writeServerFailure(dns::Bytes message, std::span<uint8_t> out) {
  if (message.size() < headerBytes || out.size() < headerBytes) return 0;
  const size_t question = endOfQuestion(message);
  const bool withOpt = question > 0 && hasOpt(message, question);
  const size_t end = std::max(question, headerBytes);
  const size_t length = end + (withOpt ? optBytes : 0);
  if (length > out.size()) return 0;
  std::ranges::copy(message.first(end), out.begin());
  write16(&out[2], static_cast<uint16_t>((read16(&message[2]) & flagsKept) | flagsSet | serverFailure));
  std::fill(out.begin() + 4, out.begin() + headerBytes, 0);
  write16(&out[4], question > 0 ? 1 : 0);
  if (!withOpt) return length;
  write16(&out[10], 1);
  // RFC 6891 section 6.1.2; of the asker's flags DO alone is given back.
  const std::array<uint8_t, optBytes> opt{0,
                                          0,
                                          typeOpt,
                                          payloadBytes >> 8,
                                          payloadBytes & 0xff,
                                          0,
                                          0,
                                          static_cast<uint8_t>(message[question + 7] & 0x80),
                                          0,
                                          0,
                                          0};
  std::ranges::copy(opt, out.begin() + static_cast<std::ptrdiff_t>(end));
  return length;
}

}  // namespace fairlead
