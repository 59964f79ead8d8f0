// The name of a question: in wire form without the root's octet, in lower case, with the places of its labels.
#pragma once

#include <array>
#include <optional>

#include "bytes.h"
#include "protocol.h"

namespace fairlead::dns {

/** ASCII alone: other bytes have no case (RFC 4343). */
inline uint8_t lowerCase(uint8_t byte) { return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte; }

/** Whether it is labels in wire form without the root's octet that a message can hold; none are fine. */
bool isName(Bytes text);

class Name {
 public:
  /** Reads the name at an offset, which is not compressed; returns the offset after it, or nothing when it is none. */
  std::optional<size_t> read(Bytes message, size_t offset);

  size_t labels() const { return labels_; }
  /** The label of that index, without its length. */
  std::string_view label(size_t index) const {
    return {text() + starts_[index] + 1, static_cast<size_t>(bytes_[starts_[index]])};
  }
  /** From the label of that index on. */
  std::string_view from(size_t index) const { return {text() + starts_[index], length() - starts_[index]}; }
  /** The labels from one up to, not including, another. */
  std::string_view between(size_t first, size_t end) const {
    return {text() + starts_[first], static_cast<size_t>(starts_[end] - starts_[first])};
  }
  /** Where a label begins, from the beginning of the name. */
  size_t startOf(size_t index) const { return starts_[index]; }
  size_t length() const { return starts_[labels_]; }

 private:
  const char* text() const { return reinterpret_cast<const char*>(bytes_.data()); }

  std::array<uint8_t, nameBytesMax> bytes_;
  /** One more than there are labels: where the root's octet is. */
  std::array<uint8_t, 128> starts_;
  size_t labels_ = 0;
};

}  // namespace fairlead::dns
