// A message that came in, read as far as an answer needs it.
#pragma once

#include "bytes.h"
#include "name.h"

namespace fairlead::dns {

enum class Incoming {
  question,
  /** A reply, or less than a header: nothing is said to it. */
  noQuery,
  otherOpcode,
  malformed,
};

struct Query {
  /** Of what it fills in, only a question's is of use. It refers to the message. */
  Incoming read(Bytes message);

  /** The most a reply may have, where `mostBytes` get through. */
  size_t replyLimit(size_t mostBytes, bool isDatagram) const;

  uint16_t id;
  uint16_t flags;
  Name name;
  uint16_t type;
  uint16_t questionClass;
  /** The question section, byte for byte. */
  Bytes question;
  bool hasOpt = false;
  /** These, if it has OPT. */
  uint16_t payloadBytes = 0;
  uint8_t ednsVersion = 0;
  bool dnssecOk = false;

 private:
  bool readOpt(Bytes message, size_t offset);
};

}  // namespace fairlead::dns
