// Where the records of a message lie, whatever is in them.
#pragma once

#include <optional>

#include "bytes.h"

namespace fairlead::dns {

struct RecordSpan {
  uint16_t type;
  /** In OPT the sender's UDP payload size. */
  uint16_t recordClass;
  size_t start;
  size_t ttlOffset;
  size_t end;
};

/** The record that starts at an offset; nothing when it is not whole, or an OPT that is not the root's. */
std::optional<RecordSpan> readRecord(Bytes message, size_t start);

}  // namespace fairlead::dns
