// Replies of upstreams, well-formed or not: how the question is asked again (3 bytes), the length of the question's message (2),
// the message, its reply.
#include <algorithm>
#include <vector>

#include "check.h"

using namespace fairlead::dns;

namespace {

/** The same question, with other letters large. */
std::vector<uint8_t> inOtherCase(Bytes message) {
  std::vector<uint8_t> other(message.begin(), message.end());
  for (size_t at = 12; at < other.size() && other[at] != 0 && other[at] < 64; at += 1 + other[at]) {
    for (size_t i = at + 1; i <= at + other[at] && i < other.size(); i++) {
      const uint8_t folded = other[i] | 0x20;
      if (folded >= 'a' && folded <= 'z') other[i] ^= 0x20;
    }
  }
  return other;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Answerer answerer;
  static const bool isWorld = answerer.apply(bytesOf(fuzz::worldChanges()));
  if (!isWorld) fuzz::fail("the world is malformed");
  static uint64_t nowMs = 0;
  if (size < 5) return 0;
  const Bytes rest{data + 5, size - 5};
  const size_t messageBytes = std::min<size_t>(read16(data + 3), rest.size());
  const Bytes message = rest.first(messageBytes);
  nowMs++;
  const Asker asker = fuzz::askerOf(data[0]);
  const fuzz::Transport transport = fuzz::transportOf(data[1]);
  const Answer answer = fuzz::askAndCheck(answerer, message, asker, transport, nowMs);
  if (answer.outcome != Outcome::leave) return 0;
  answerer.remember(message, answer.era, rest.subspan(messageBytes), 10'000, nowMs);
  const uint64_t laterMs = nowMs + 40 * data[2];
  fuzz::askAndCheck(answerer, message, asker, fuzz::transportOf(data[1] + 1), laterMs);
  fuzz::askAndCheck(answerer, inOtherCase(message), asker, transport, laterMs);
  return 0;
}
