#include "reply_memo.h"

#include <algorithm>
#include <cstring>

#include "record.h"
#include "reply_writer.h"

namespace fairlead::dns {

namespace {

constexpr size_t entriesMax = 10'000;
constexpr size_t bytesMax = 4 << 20;
constexpr size_t replyBytesMax = payloadBytesMax;

constexpr uint16_t mannerHasOpt = 1;
constexpr uint16_t mannerDnssecOk = 2;

uint16_t mannerOf(const Query& query) {
  const uint16_t options = (query.hasOpt ? mannerHasOpt : 0) | (query.dnssecOk ? mannerDnssecOk : 0);
  return static_cast<uint16_t>((query.flags & (flag::rd | flag::ad | flag::cd)) | options);
}

/** Whether it is a whole reply to the question. */
bool isReplyTo(const Query& query, Bytes reply) {
  const size_t bodyStart = headerBytes + query.question.size();
  if (reply.size() < bodyStart || reply.size() > replyBytesMax) return false;
  const uint16_t fixed = flag::qr | flag::opcode | flag::aa | flag::tc | flag::rd | flag::ra;
  const uint16_t flags = read16(reply.data() + 2);
  if ((flags & fixed) != (flag::qr | flag::ra | (query.flags & flag::rd))) return false;
  if (read16(reply.data()) != query.id || read16(reply.data() + 4) != 1) return false;
  return std::ranges::equal(reply.subspan(headerBytes, query.question.size()), query.question);
}

struct Records {
  std::vector<uint16_t> ttlOffsets;
  /** Where they end, without the OPT record. */
  size_t end;
  bool hasOpt = false;
};

/** The records of a reply from an offset on to its end; nothing when that is not what its counts say, or OPT is not the last. */
std::optional<Records> readRecords(Bytes reply, size_t offset) {
  size_t left = 0;
  for (size_t i = 0; i < 3; i++) left += read16(reply.data() + 6 + 2 * i);
  Records records;
  for (; left > 0; left--) {
    const auto record = readRecord(reply, offset);
    if (!record || records.hasOpt) return std::nullopt;
    if (record->type != type::opt) {
      records.ttlOffsets.push_back(static_cast<uint16_t>(record->ttlOffset));
      offset = record->end;
      continue;
    }
    // The upper bits of an rcode are not told a second time, and only what is additional is left out.
    const bool isLastOfAll = left == 1 && record->end == reply.size() && read16(reply.data() + 10) > 0;
    if (!isLastOfAll || reply[record->ttlOffset] != 0) return std::nullopt;
    records.hasOpt = true;
  }
  if (!records.hasOpt && offset != reply.size()) return std::nullopt;
  records.end = offset;
  return records;
}

}  // namespace

void ReplyMemo::keep(const Query& query, uint32_t group, Bytes reply, uint64_t endsAtMs, uint64_t nowMs) {
  if (!isReplyTo(query, reply)) return;
  auto records = readRecords(reply, headerBytes + query.question.size());
  if (!records) return;
  const uint64_t hash = hashOf(query, group);
  if (Remembered* old = known(hash, query, group)) forget(*old);
  auto made = std::make_unique<Remembered>();
  made->hash = hash;
  made->group = group;
  made->manner = mannerOf(query);
  made->type = query.type;
  made->name = query.name.from(0);
  made->reply.assign(reply.begin(), reply.begin() + static_cast<std::ptrdiff_t>(records->end));
  if (records->hasOpt) write16(made->reply.data() + 10, static_cast<uint16_t>(read16(reply.data() + 10) - 1));
  made->ttlOffsets = std::move(records->ttlOffsets);
  made->storedAtMs = nowMs;
  made->endsAtMs = endsAtMs;
  bytes_ += made->bytes();
  link(replies_.add(std::move(made)));
  while (replies_.size() > entriesMax || bytes_ > bytesMax) forget(*oldest_);
}

const Remembered* ReplyMemo::find(const Query& query, uint32_t group, uint64_t nowMs) {
  Remembered* found = known(hashOf(query, group), query, group);
  if (found == nullptr) return nullptr;
  if (nowMs >= found->endsAtMs) {
    forget(*found);
    return nullptr;
  }
  unlink(*found);
  link(*found);
  return found;
}

uint64_t ReplyMemo::hashOf(const Query& query, uint32_t group) const {
  const uint64_t manner = static_cast<uint64_t>(mannerOf(query)) << 16 | query.type;
  return Hash::with(hash_(query.name.from(0)), manner << 32 | group);
}

Remembered* ReplyMemo::known(uint64_t hash, const Query& query, uint32_t group) const {
  const uint16_t manner = mannerOf(query);
  return replies_.find(hash, [&](const Remembered& each) {
    return each.group == group && each.manner == manner && each.type == query.type && each.name == query.name.from(0);
  });
}

void ReplyMemo::link(Remembered& newest) {
  newest.older = newest_;
  newest.newer = nullptr;
  (newest_ == nullptr ? oldest_ : newest_->newer) = &newest;
  newest_ = &newest;
}

void ReplyMemo::unlink(Remembered& remembered) {
  (remembered.older == nullptr ? oldest_ : remembered.older->newer) = remembered.newer;
  (remembered.newer == nullptr ? newest_ : remembered.newer->older) = remembered.older;
}

void ReplyMemo::forget(Remembered& remembered) {
  unlink(remembered);
  bytes_ -= remembered.bytes();
  replies_.remove(remembered);
}

size_t writeRemembered(const Remembered& remembered, const Query& query, std::span<uint8_t> out, uint64_t nowMs) {
  const size_t length = remembered.reply.size() + (query.hasOpt ? optBytes : 0);
  if (length > out.size()) return 0;
  uint8_t* const at = out.data();
  std::memcpy(at, remembered.reply.data(), remembered.reply.size());
  write16(at, query.id);
  std::memcpy(at + headerBytes, query.question.data(), query.question.size());
  const uint64_t ageSeconds = nowMs > remembered.storedAtMs ? (nowMs - remembered.storedAtMs) / 1000 : 0;
  for (const uint16_t offset : remembered.ttlOffsets) {
    const uint32_t ttl = read32(at + offset);
    write32(at + offset, ttl > ageSeconds ? static_cast<uint32_t>(ttl - ageSeconds) : 0);
  }
  if (!query.hasOpt) return length;
  write16(at + 10, static_cast<uint16_t>(read16(at + 10) + 1));
  writeOpt(at + remembered.reply.size(), query.dnssecOk, rcode::noError);
  return length;
}

}  // namespace fairlead::dns
