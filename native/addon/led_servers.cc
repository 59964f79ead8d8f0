#include "led_servers.h"

#include <arpa/inet.h>
#include <linux/netlink.h>

#include <utility>

#include "netlink_socket.h"

namespace fairlead {

namespace {

/** The kernel answers a batch with little. */
constexpr size_t datagramBytes = 16 << 10;

bool isTaken(const SystemError* error) { return error != nullptr && error->number == EADDRINUSE; }

/** Whose port it is, is told by what can be bound: who has that of all addresses keeps it for all others. */
Result<Done> requireOwnAddress(const SocketAddress& address, const SocketAddress& elsewhere) {
  const Result<std::vector<Fd>> own = openServers(address);
  const SystemError* error = errorOf(own);
  if (error == nullptr) return Done{};
  if (!isTaken(error) || !isTaken(errorOf(openServers(elsewhere)))) return *error;
  return Done{};
}

Result<Done> commit(NetlinkSocket& socket, std::vector<uint8_t> batch) {
  std::vector<uint8_t> buffer(datagramBytes);
  std::vector<uint8_t> replies;
  const Reply reply = socket.exchange({batch, 1, false}, buffer, replies);
  if (reply.refusal) return SystemError{reply.refusal->number, "nf_tables"};
  return Done{};
}

Result<Fd> commitAndHold(std::vector<uint8_t> batch) {
  Result<NetlinkSocket> opened = NetlinkSocket::open(NETLINK_NETFILTER);
  if (const SystemError* error = errorOf(opened)) return *error;
  NetlinkSocket& socket = std::get<NetlinkSocket>(opened);
  const Result<Done> committed = commit(socket, std::move(batch));
  if (const SystemError* error = errorOf(committed)) return *error;
  return socket.release();
}

/** The port is at the same place in both families. */
SocketAddress atPort(SocketAddress address, uint16_t port) {
  reinterpret_cast<sockaddr_in&>(address.storage).sin_port = htons(port);
  return address;
}

}  // namespace

Result<std::vector<Fd>> openLedServers(const LedServers& wanted) {
  if (wanted.elsewhere) {
    const Result<Done> isOurs = requireOwnAddress(wanted.address, *wanted.elsewhere);
    if (const SystemError* error = errorOf(isOurs)) return *error;
  }
  for (const auto& [port, batch] : wanted.places) {
    Result<std::vector<Fd>> servers = openServers(atPort(wanted.address, port));
    if (isTaken(errorOf(servers))) continue;
    if (errorOf(servers)) return servers;
    Result<Fd> owner = commitAndHold(batch);
    if (const SystemError* error = errorOf(owner)) return *error;
    std::get<std::vector<Fd>>(servers).push_back(std::move(std::get<Fd>(owner)));
    return servers;
  }
  return SystemError{EADDRINUSE, "bind"};
}

Result<Done> commitBy(Fd owner, std::vector<uint8_t> batch) {
  NetlinkSocket socket = NetlinkSocket::resume(std::move(owner));
  return commit(socket, std::move(batch));
}

}  // namespace fairlead
