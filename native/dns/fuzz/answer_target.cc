// Messages, as they come in: who asks (1 byte), how (1 byte), the message.
#include "check.h"

using namespace fairlead::dns;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Answerer answerer;
  static const bool isWorld = answerer.apply(bytesOf(fuzz::worldChanges()));
  if (!isWorld) fuzz::fail("the world is malformed");
  if (size < 2) return 0;
  fuzz::askAndCheck(answerer, {data + 2, size - 2}, fuzz::askerOf(data[0]), fuzz::transportOf(data[1]));
  return 0;
}
