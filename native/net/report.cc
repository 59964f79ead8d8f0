#include "net/report.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

namespace fairlead {

Report Report::open() {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) return {};
  return {.reading = Fd(ends[0]), .writing = Fd(ends[1])};
}

void Report::send(const Failure& failure) {
  // One byte of status, then the text; within PIPE_BUF, so it is written at once or not at all.
  const std::string bytes = static_cast<char>(failure.status) + failure.message.substr(0, 4000);
  if (::write(writing.get(), bytes.data(), bytes.size()) < 0) return;  // nobody wants to know
}

std::optional<Failure> Report::receive() {
  std::string bytes;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t count = ::read(reading.get(), buffer.data(), buffer.size());
    if (count > 0) bytes.append(buffer.data(), static_cast<size_t>(count));
    if (count == 0 || (count < 0 && errno != EINTR)) break;
  }
  if (bytes.empty()) return std::nullopt;
  return Failure{static_cast<unsigned char>(bytes[0]), bytes.substr(1)};
}

}  // namespace fairlead
