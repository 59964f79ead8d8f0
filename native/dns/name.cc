#include "name.h"

namespace fairlead::dns {

namespace {

constexpr uint8_t labelBytesMax = 63;

}  // namespace

bool isName(Bytes text) {
  if (text.size() >= nameBytesMax) return false;
  size_t offset = 0;
  while (offset < text.size()) {
    if (text[offset] == 0 || text[offset] > labelBytesMax) return false;
    offset += 1 + text[offset];
  }
  return offset == text.size();
}

std::optional<size_t> Name::read(Bytes message, size_t offset) {
  size_t length = 0;
  labels_ = 0;
  starts_[0] = 0;
  for (;;) {
    if (offset >= message.size()) return std::nullopt;
    const size_t labelBytes = message[offset];
    if (labelBytes == 0) return offset + 1;
    // Longer ones are pointers, which have nothing to point to in a question.
    if (labelBytes > labelBytesMax || length + 1 + labelBytes >= nameBytesMax) return std::nullopt;
    if (message.size() - offset <= labelBytes) return std::nullopt;
    for (const uint8_t byte : message.subspan(offset, 1 + labelBytes)) bytes_[length++] = lowerCase(byte);
    offset += 1 + labelBytes;
    starts_[++labels_] = static_cast<uint8_t>(length);
  }
}

}  // namespace fairlead::dns
