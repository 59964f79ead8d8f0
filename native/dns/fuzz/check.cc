#include "check.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace fairlead::dns::fuzz {

namespace {

constexpr size_t headBytes = 12;
constexpr uint16_t optType = 41;

void require(bool isTrue, const char* what) {
  if (!isTrue) fail(what);
}

/** Reads a message from its beginning on; fails where it is not what a message is. */
class Reader {
 public:
  Reader(Bytes message, bool followsPointers) : message_(message), followsPointers_(followsPointers) {}

  size_t offset() const { return offset_; }
  bool atEnd() const { return offset_ == message_.size(); }

  uint32_t number(size_t bytes) {
    uint32_t value = 0;
    for (; bytes > 0; bytes--) {
      require(offset_ < message_.size(), "a field ends after the message");
      value = value << 8 | message_[offset_++];
    }
    return value;
  }

  void skip(size_t bytes) {
    require(bytes <= message_.size() - offset_, "data ends after the message");
    offset_ += bytes;
  }

  void name() {
    const size_t start = offset_;
    const size_t end = nameEnd();
    if (followsPointers_) requireName(start);
    offset_ = end;
  }

 private:
  size_t nameEnd() {
    for (;;) {
      const uint32_t length = number(1);
      if (length >= 0xC0) skip(1);
      if (length == 0 || length >= 0xC0) return offset_;
      require(length < 64, "a label is too long");
      skip(length);
    }
  }

  /** Each pointer leads to before what it is part of, so that this comes to an end. */
  void requireName(size_t start) const {
    size_t bytes = 1;
    for (size_t at = start; message_[at] != 0;) {
      if (message_[at] < 64) {
        bytes += 1 + message_[at];
        at += 1 + message_[at];
        require(bytes <= 255, "a name is too long");
      } else {
        const size_t target = (message_[at] & 0x3F) << 8 | message_[at + 1];
        require(target < start && target >= headBytes, "a pointer does not lead back");
        start = target;
        at = target;
      }
      require(at < message_.size(), "a name leads out of the message");
    }
  }

  const Bytes message_;
  const bool followsPointers_;
  size_t offset_ = 0;
};

/** The records of a reply to its end; returns whether the last one is OPT. */
bool readRecords(Reader& reader, size_t count) {
  bool hasOpt = false;
  for (; count > 0; count--) {
    require(!hasOpt, "there is a record after OPT");
    reader.name();
    hasOpt = reader.number(2) == optType;
    reader.number(2);
    reader.number(4);
    reader.skip(reader.number(2));
  }
  require(reader.atEnd(), "there is more than the counts say");
  return hasOpt;
}

void checkBare(Bytes message, Bytes reply) {
  require(reply.size() == headBytes, "a reply without question has records");
  const uint8_t code = reply[3] & 0xF;
  const bool isOpcode = (message[2] & 0x78) != 0;
  require(code == (isOpcode ? 4 : 1), "a reply without question is neither FORMERR nor NOTIMP");
}

}  // namespace

void fail(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

Answer askAndCheck(Answerer& answerer, Bytes message, const Asker& asker, Transport transport, uint64_t nowMs) {
  // On the heap, where a byte too many is seen.
  const auto out = std::make_unique_for_overwrite<uint8_t[]>(transport.limitBytes);
  const Answer answer =
      answerer.answer(message, asker, transport.isDatagram, {out.get(), transport.limitBytes}, nowMs);
  const bool isQuery = message.size() >= headBytes && (message[2] & 0x80) == 0;
  require(isQuery == (answer.outcome != Outcome::silence), "silence is for what is no query");
  if (answer.outcome == Outcome::reply) {
    const bool isAuthoritative = (out[2] & 0x04) != 0;
    checkReply(message, {out.get(), answer.length}, transport, isAuthoritative ? Origin::ours : Origin::upstream);
  }
  return answer;
}

void checkReply(Bytes message, Bytes reply, Transport transport, Origin origin) {
  require(reply.size() >= headBytes && reply.size() <= transport.limitBytes, "the length is not within the limit");
  require(reply[0] == message[0] && reply[1] == message[1], "the id is another");
  require((reply[2] & 0x80) != 0 && (reply[3] & 0x80) != 0, "QR and RA are not set");
  require((reply[2] & 0x79) == (message[2] & 0x79), "opcode and RD are others");
  Reader reader(reply, origin == Origin::ours);
  reader.number(4);
  const size_t questions = reader.number(2);
  const size_t records = reader.number(2) + reader.number(2) + reader.number(2);
  if (questions == 0) return checkBare(message, reply);
  require(questions == 1, "there are several questions");
  reader.name();
  reader.number(4);
  const size_t questionBytes = reader.offset();
  require(questionBytes <= message.size(), "the question is longer");
  require(std::ranges::equal(reply.subspan(headBytes, questionBytes - headBytes),
                             message.subspan(headBytes, questionBytes - headBytes)),
          "the question is another");
  const bool hasOpt = readRecords(reader, records);
  require(hasOpt || !transport.isDatagram || reply.size() <= 512, "a plain datagram is too long");
}

}  // namespace fairlead::dns::fuzz
