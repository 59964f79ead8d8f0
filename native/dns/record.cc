#include "record.h"

#include "protocol.h"

namespace fairlead::dns {

namespace {

// RFC 1035 section 4.1.3, after the name
//   offset  size  field
//   0       2     type
//   2       2     class
//   4       4     TTL
//   8       2     length of the data
constexpr size_t fixedBytes = 10;

/** The offset after a name, which ends with the root's octet or a pointer. Pointers are not followed. */
std::optional<size_t> skipName(Bytes message, size_t offset) {
  while (offset < message.size()) {
    const uint8_t length = message[offset];
    if (length == 0) return offset + 1;
    if (length >= 0xC0) return offset + 2 <= message.size() ? std::optional(offset + 2) : std::nullopt;
    if (length > 63) return std::nullopt;
    offset += 1 + length;
  }
  return std::nullopt;
}

}  // namespace

std::optional<RecordSpan> readRecord(Bytes message, size_t start) {
  const auto nameEnd = skipName(message, start);
  if (!nameEnd || *nameEnd + fixedBytes > message.size()) return std::nullopt;
  const uint8_t* fixed = message.data() + *nameEnd;
  const uint16_t recordType = read16(fixed);
  const size_t end = *nameEnd + fixedBytes + read16(fixed + 8);
  if (end > message.size()) return std::nullopt;
  if (recordType == type::opt && *nameEnd != start + 1) return std::nullopt;
  return RecordSpan{recordType, read16(fixed + 2), start, *nameEnd + 4, end};
}

}  // namespace fairlead::dns
