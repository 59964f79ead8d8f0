#include "ethtool.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "fd.h"

namespace fairlead {

namespace {

/** The answer to a command that is asked or told one value; the namespace is that of the thread. */
Result<uint32_t> ask(const std::string& ifname, uint32_t command, uint32_t value) {
  const Fd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return lastError("socket");
  ethtool_value data{command, value};
  ifreq request{};
  ifname.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&data);
  if (ioctl(fd.get(), SIOCETHTOOL, &request) != 0) return lastError("ioctl");
  return data.data;
}

}  // namespace

Result<bool> hasTransmitChecksum(const std::string& ifname) {
  const Result<uint32_t> answer = ask(ifname, ETHTOOL_GTXCSUM, 0);
  if (const SystemError* error = errorOf(answer)) return *error;
  return std::get<uint32_t>(answer) != 0;
}

Result<Done> setTransmitChecksum(const std::string& ifname, bool on) {
  const Result<uint32_t> answer = ask(ifname, ETHTOOL_STXCSUM, on ? 1 : 0);
  if (const SystemError* error = errorOf(answer)) return *error;
  return Done{};
}

}  // namespace fairlead
