#include "cni/tombstone.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "addon/fd.h"
#include "cni/write_all.h"

namespace fairlead {

namespace {

constexpr std::string_view digits = "0123456789abcdef";

/** Leaves what is safe in the name of a file; `@` is none of it. */
std::string encode(std::string_view text) {
  constexpr std::string_view safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
  std::string result;
  for (const char character : text) {
    const auto code = static_cast<uint8_t>(character);
    if (safe.find(character) != std::string_view::npos) {
      result += character;
    } else {
      result += {'%', digits[code >> 4], digits[code & 15]};
    }
  }
  return result;
}

/** FNV-1a with 128 bits, in hexadecimal. */
std::string hash(std::string_view text) {
  using Number = unsigned __int128;
  constexpr Number prime = (Number{1} << 88) + 0x13B;
  Number value = (Number{0x6C62272E07BB0142} << 64) + 0x62B821756295C58D;
  for (const char character : text) value = (value ^ static_cast<uint8_t>(character)) * prime;
  std::string result;
  for (int shift = 124; shift >= 0; shift -= 4) result += digits[static_cast<size_t>(value >> shift) & 15];
  return result;
}

/** Network and container have names of any length; two of them may be too long for a file's. */
std::string fileName(const Call& call) {
  const Request& request = call.request;
  std::string name = encode(call.configuration.name) + "@" + encode(request.containerId) + "@" + encode(request.ifname);
  return name.size() <= NAME_MAX ? name : hash(name);
}

std::string parentOf(const std::string& path) { return path.substr(0, path.find_last_of('/')); }

CniError failure(const std::string& what) {
  return {Code::tryAgain, "netd is away, and the deletion cannot be kept for it: cannot " + what + ": " +
                              std::strerror(errno)};
}

bool makeFolder(const std::string& path, mode_t mode) {
  return path.empty() || ::mkdir(path.c_str(), mode) == 0 || errno == EEXIST;
}

}  // namespace

Tombstone::Tombstone(const Call& call)
    : folder_(parentOf(call.configuration.socketPath) + "/cni-deletions"), path_(folder_ + "/" + fileName(call)) {}

std::optional<CniError> Tombstone::write(const std::string& body) const {
  if (!makeFolder(parentOf(folder_), 0755) || !makeFolder(folder_, 0700)) return failure("make " + folder_);
  // Begins with a dot, so that netd does not take it for a whole one.
  std::string temporary = folder_ + "/.XXXXXX";
  const Fd file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!file) return failure("make a file in " + folder_);
  if (writeAll(file.get(), body) && ::rename(temporary.c_str(), path_.c_str()) == 0) return std::nullopt;
  const CniError error = failure("write " + path_);
  ::unlink(temporary.c_str());
  return error;
}

void Tombstone::remove() const { ::unlink(path_.c_str()); }

}  // namespace fairlead
