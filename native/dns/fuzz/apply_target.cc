// Changes, well-formed or not, of what is known, and questions after them.
#include "change_bytes.h"
#include "check.h"

using namespace fairlead::dns;

namespace {

constexpr const char* names[] = {"web", "web.lab", "store", "all.many.more", "_80._tcp.web", "2.1.0.10.in-addr.arpa"};

std::string question(const char* name, uint8_t type) {
  using namespace std::string_literals;
  return "\1\2\1\0\0\1\0\0\0\0\0\0"s + fuzz::wireName(name) + "\0\0"s + static_cast<char>(type) + "\0\1"s;
}

void askAll(Answerer& answerer) {
  uint8_t asker = 0;
  for (const char* name : names) {
    for (const uint8_t type : {1, 12, 33}) {
      const std::string message = question(name, type);
      fuzz::askAndCheck(answerer, bytesOf(message), fuzz::askerOf(asker++ % 3), fuzz::transportOf(type));
    }
  }
  fuzz::askAndCheck(answerer, bytesOf(question("web", 28)), fuzz::askerOf(0x49), fuzz::transportOf(0));
}

std::string removal() {
  std::string changes;
  for (uint32_t number = 1; number < 10; number++) changes += fuzz::removeEndpoint(number) + fuzz::removeView(number);
  return changes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::string changes = fuzz::worldChanges().substr(0, 700);
  Answerer answerer;
  // As far as they are whole.
  answerer.apply(bytesOf(changes));
  answerer.apply({data, size});
  askAll(answerer);
  answerer.apply(bytesOf(removal()));
  askAll(answerer);
  answerer.counts();
  return 0;
}
