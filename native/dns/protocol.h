// Numbers of the protocol the fast path acts on (RFC 1035 and the registry of DNS parameters), and the limits of messages.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fairlead::dns {

namespace type {
inline constexpr uint16_t a = 1;
inline constexpr uint16_t soa = 6;
inline constexpr uint16_t ptr = 12;
inline constexpr uint16_t hinfo = 13;
inline constexpr uint16_t aaaa = 28;
inline constexpr uint16_t srv = 33;
inline constexpr uint16_t opt = 41;
inline constexpr uint16_t ixfr = 251;
inline constexpr uint16_t axfr = 252;
inline constexpr uint16_t any = 255;
}  // namespace type

namespace rcode {
inline constexpr uint16_t noError = 0;
inline constexpr uint16_t formErr = 1;
inline constexpr uint16_t nxDomain = 3;
inline constexpr uint16_t notImp = 4;
inline constexpr uint16_t refused = 5;
/** Twelve bits: the upper eight travel in the OPT record (RFC 6891 section 6.1.3). */
inline constexpr uint16_t badVers = 16;
}  // namespace rcode

namespace flag {
inline constexpr uint16_t qr = 0x8000;
inline constexpr uint16_t opcode = 0x7800;
inline constexpr uint16_t aa = 0x0400;
inline constexpr uint16_t tc = 0x0200;
inline constexpr uint16_t rd = 0x0100;
inline constexpr uint16_t ra = 0x0080;
inline constexpr uint16_t ad = 0x0020;
inline constexpr uint16_t cd = 0x0010;
}  // namespace flag

inline constexpr uint16_t classIn = 1;

// RFC 1035 section 4.1.1
//   offset  size  field
//   0       2     id
//   2       2     flags
//   4       2     number of questions
//   6       2     number of answer records
//   8       2     number of authority records
//   10      2     number of additional records
inline constexpr size_t headerBytes = 12;

/** With the root's octet (RFC 1035 section 2.3.4). */
inline constexpr size_t nameBytesMax = 255;

/** Without EDNS (RFC 1035 section 4.2.1). */
inline constexpr size_t plainPayloadBytes = 512;
/** What we take, and the most we send in a datagram. */
inline constexpr size_t payloadBytesMax = 4096;
/** Our OPT record, which has no options. */
inline constexpr size_t optBytes = 11;

/** A pointer to the name of the question. */
inline constexpr uint16_t questionPointer = 0xC000 | headerBytes;

}  // namespace fairlead::dns
