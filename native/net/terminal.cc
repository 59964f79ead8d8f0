#include "net/terminal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>

namespace fairlead {

std::variant<Terminal, Failure> Terminal::open() {
  Fd master(::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  if (!master || unlockpt(master.get()) != 0) return systemFailure("cannot open a terminal");
  // Opened through the master: a path could lead into another mount of devpts.
  Fd slave(ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!slave) return systemFailure("cannot open the other end of a terminal");
  const winsize size{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
  ioctl(master.get(), TIOCSWINSZ, &size);
  return Terminal(std::move(master), std::move(slave));
}

Outcome Terminal::take() const {
  if (ioctl(slave_.get(), TIOCSCTTY, 0) != 0) return systemFailure("cannot take the terminal");
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (dup2(slave_.get(), standard) < 0) return systemFailure("cannot use the terminal");
  }
  return std::nullopt;
}

void Terminal::copyTo(int log) const {
  std::array<char, 4096> buffer;
  // More than a terminal holds, but not for ever: the caller has other things to look after.
  for (int round = 0; round < 64; ++round) {
    const ssize_t count = ::read(master_.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    if (::write(log, buffer.data(), static_cast<size_t>(count)) < 0) continue;
  }
}

}  // namespace fairlead
