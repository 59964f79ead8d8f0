#include "cni/write_all.h"

#include <unistd.h>

#include <cerrno>

namespace fairlead {

bool writeAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t bytes = ::write(fd, text.data(), text.size());
    if (bytes >= 0) {
      text.remove_prefix(static_cast<size_t>(bytes));
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace fairlead
