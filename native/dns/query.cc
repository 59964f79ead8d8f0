#include "query.h"

#include <algorithm>

#include "record.h"

namespace fairlead::dns {

namespace {

constexpr uint16_t dnssecOkBit = 0x8000;

}  // namespace

Incoming Query::read(Bytes message) {
  if (message.size() < headerBytes) return Incoming::noQuery;
  id = read16(message.data());
  flags = read16(message.data() + 2);
  if ((flags & flag::qr) != 0) return Incoming::noQuery;
  if ((flags & flag::opcode) != 0) return Incoming::otherOpcode;
  if (read16(message.data() + 4) != 1) return Incoming::malformed;
  const auto nameEnd = name.read(message, headerBytes);
  if (!nameEnd || *nameEnd + 4 > message.size()) return Incoming::malformed;
  type = read16(message.data() + *nameEnd);
  questionClass = read16(message.data() + *nameEnd + 2);
  question = message.subspan(headerBytes, *nameEnd + 4 - headerBytes);
  return readOpt(message, *nameEnd + 4) ? Incoming::question : Incoming::malformed;
}

/** A query has no records but additional ones, and of OPT none or one. */
bool Query::readOpt(Bytes message, size_t offset) {
  if (read32(message.data() + 6) != 0) return false;
  for (size_t left = read16(message.data() + 10); left > 0; left--) {
    const auto record = readRecord(message, offset);
    if (!record || (record->type == dns::type::opt && hasOpt)) return false;
    offset = record->end;
    if (record->type != dns::type::opt) continue;
    hasOpt = true;
    payloadBytes = record->recordClass;
    ednsVersion = message[record->ttlOffset + 1];
    dnssecOk = (read16(message.data() + record->ttlOffset + 2) & dnssecOkBit) != 0;
  }
  return true;
}

size_t Query::replyLimit(size_t mostBytes, bool isDatagram) const {
  if (!isDatagram) return mostBytes;
  const size_t asked = hasOpt ? payloadBytes : plainPayloadBytes;
  return std::min(std::max(asked, plainPayloadBytes), mostBytes);
}

}  // namespace fairlead::dns
