// Replies of upstreams that were given before, to give the same again for as long as they last.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bytes.h"
#include "hash.h"
#include "hash_index.h"
#include "query.h"

namespace fairlead::dns {

/** A reply without OPT record, and what it is the reply to. */
struct Remembered {
  uint64_t hash;
  std::unique_ptr<Remembered> next;
  /** In order of use. */
  Remembered* older = nullptr;
  Remembered* newer = nullptr;
  uint32_t group;
  /** What of an asker's flags and options may make another reply. */
  uint16_t manner;
  uint16_t type;
  std::string name;
  std::vector<uint8_t> reply;
  /** Where its TTLs are. */
  std::vector<uint16_t> ttlOffsets;
  uint64_t storedAtMs;
  uint64_t endsAtMs;

  size_t bytes() const { return sizeof *this + name.size() + reply.size() + sizeof(uint16_t) * ttlOffsets.size(); }
};

/** Bounded; what was not used for longest goes first. */
class ReplyMemo {
 public:
  /** Keeps the reply to a query, as it was sent, unless it is cut, long, or not what a reply has to be. */
  void keep(const Query& query, uint32_t group, Bytes reply, uint64_t endsAtMs, uint64_t nowMs);

  /** What is kept for the same question, asked in the same manner; null when there is nothing, or no longer. */
  const Remembered* find(const Query& query, uint32_t group, uint64_t nowMs);

 private:
  uint64_t hashOf(const Query& query, uint32_t group) const;
  Remembered* known(uint64_t hash, const Query& query, uint32_t group) const;
  void link(Remembered& newest);
  void unlink(Remembered& remembered);
  void forget(Remembered& remembered);

  Hash hash_;
  HashIndex<Remembered> replies_;
  Remembered* oldest_ = nullptr;
  Remembered* newest_ = nullptr;
  size_t bytes_ = 0;
};

/** Writes it as the reply to a query, its TTLs less the time it was kept; returns the length, 0 when the asker takes less. */
size_t writeRemembered(const Remembered& remembered, const Query& query, std::span<uint8_t> out, uint64_t nowMs);

}  // namespace fairlead::dns
