// Writes a reply record by record, straight to where it is sent from, and cuts it where the asker takes no more.
#pragma once

#include <array>

#include "bytes.h"
#include "query.h"

namespace fairlead::dns {

enum class Section : size_t { answer, authority, additional };

class ReplyWriter {
 public:
  /** `out` is as long as the reply may be: 512 bytes at least. */
  ReplyWriter(const Query& query, std::span<uint8_t> out);

  /**
   * Begins the next record, and returns where its data is to be written; null when it does not fit, nor any after it. Sections come
   * in their order.
   */
  uint8_t* record(Section section, Bytes owner, uint16_t type, size_t dataBytes);
  /** Where the next record begins. */
  size_t offset() const { return offset_; }

  /** Header and, if the asker sent one, the OPT record; returns the length of the reply. */
  size_t finish(uint16_t code, bool isAuthoritative);

 private:
  const Query& query_;
  uint8_t* const out_;
  /** Without the OPT record. */
  const size_t limit_;
  size_t offset_;
  std::array<uint16_t, 3> counts_{};
  bool isFull_ = false;
  bool isCut_ = false;
};

/** The reply to something whose question cannot be read; returns its length. */
size_t writeBareReply(Bytes message, uint16_t code, std::span<uint8_t> out);

/** Our OPT record. */
void writeOpt(uint8_t* at, bool dnssecOk, uint16_t code);

}  // namespace fairlead::dns
