#include "net/message.h"

#include <unistd.h>

#include <string>

namespace fairlead {

void printMessage(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  const std::string line = "net: " + std::string(text) + "\n";
  if (::write(STDERR_FILENO, line.data(), line.size()) < 0) return;  // nobody to tell
}

}  // namespace fairlead
