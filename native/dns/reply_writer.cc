#include "reply_writer.h"

#include <cstring>

namespace fairlead::dns {

namespace {

/** Seconds an answer about our own names may be remembered. */
constexpr uint32_t ttlSeconds = 5;
constexpr size_t fixedBytes = 10;

}  // namespace

ReplyWriter::ReplyWriter(const Query& query, std::span<uint8_t> out)
    : query_(query),
      out_(out.data()),
      limit_(out.size() - (query.hasOpt ? optBytes : 0)),
      offset_(headerBytes + query.question.size()) {
  std::memcpy(out_ + headerBytes, query.question.data(), query.question.size());
}

uint8_t* ReplyWriter::record(Section section, Bytes owner, uint16_t recordType, size_t dataBytes) {
  const size_t size = owner.size() + fixedBytes + dataBytes;
  if (isFull_ || offset_ + size > limit_) {
    // Extras that are missing are no cut: the first that is decides.
    if (!isFull_) isCut_ = section != Section::additional;
    isFull_ = true;
    return nullptr;
  }
  uint8_t* at = out_ + offset_;
  std::memcpy(at, owner.data(), owner.size());
  at += owner.size();
  write16(at, recordType);
  write16(at + 2, classIn);
  write32(at + 4, ttlSeconds);
  write16(at + 8, static_cast<uint16_t>(dataBytes));
  offset_ += size;
  counts_[static_cast<size_t>(section)]++;
  return at + fixedBytes;
}

size_t ReplyWriter::finish(uint16_t code, bool isAuthoritative) {
  const uint16_t flags = flag::qr | flag::ra | (query_.flags & (flag::rd | flag::cd)) | (code & 0xF) |
                         (isAuthoritative ? flag::aa : 0) | (isCut_ ? flag::tc : 0);
  write16(out_, query_.id);
  write16(out_ + 2, flags);
  write16(out_ + 4, 1);
  for (size_t i = 0; i < counts_.size(); i++) write16(out_ + 6 + 2 * i, counts_[i]);
  if (!query_.hasOpt) return offset_;
  write16(out_ + 10, static_cast<uint16_t>(counts_[2] + 1));
  writeOpt(out_ + offset_, query_.dnssecOk, code);
  return offset_ + optBytes;
}

size_t writeBareReply(Bytes message, uint16_t code, std::span<uint8_t> out) {
  const uint16_t flags = read16(message.data() + 2);
  std::memset(out.data(), 0, headerBytes);
  std::memcpy(out.data(), message.data(), 2);
  write16(out.data() + 2, flag::qr | flag::ra | (flags & (flag::opcode | flag::rd)) | code);
  return headerBytes;
}

// RFC 6891 section 6.1.2
//   offset  size  field
//   0       1     name, the root
//   1       2     type, 41
//   3       2     UDP payload size
//   5       1     upper bits of the rcode
//   6       1     version
//   7       2     DO (1 bit), zero
//   9       2     length of options, none
void writeOpt(uint8_t* at, bool dnssecOk, uint16_t code) {
  std::memset(at, 0, optBytes);
  write16(at + 1, type::opt);
  write16(at + 3, payloadBytesMax);
  at[5] = static_cast<uint8_t>(code >> 4);
  at[7] = dnssecOk ? 0x80 : 0;
}

}  // namespace fairlead::dns
