// A relayed UDP port and its clients: each asks the endpoint by a socket of its own, so that answers find back.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "relay_arrival.h"
#include "relayed_port.h"

namespace fairlead {

class UdpPort;

/** Who asked, and by which address of the host: answers come from there. */
struct UdpAsker {
  SocketAddress from;
  Arrival came;

  std::string key() const;
};

class UdpClient final : public Watched {
 public:
  UdpClient(UdpPort& port, UdpAsker asker, Fd endpoint)
      : port_(port), asker_(std::move(asker)), endpoint_(std::move(endpoint)) {}

  /** The endpoint has answered. */
  void ready() override;
  const UdpAsker& asker() const { return asker_; }
  Fd& endpoint() { return endpoint_; }

  Clock::time_point lastUsed;

 private:
  UdpPort& port_;
  const UdpAsker asker_;
  Fd endpoint_;
};

class UdpPort final : public RelayedPort {
 public:
  UdpPort(Shared& shared, Fd listener, SocketAddress to, PortLimits limits)
      : shared_(shared), listener_(std::move(listener)), to_(to), limits_(limits) {}

  void ready() override;
  void close() override;
  /** Forgets clients that have been idle for too long. */
  void tick(Clock::time_point now) override;

  void answer(UdpClient& client, const uint8_t* bytes, size_t length);

 private:
  using Clients = std::list<std::unique_ptr<UdpClient>>;

  bool receive();
  UdpClient* clientOf(UdpAsker asker);
  UdpClient* meet(UdpAsker asker);
  void use(UdpClient& client);
  void forget(Clients::iterator client);

  Shared& shared_;
  Fd listener_;
  const SocketAddress to_;
  const PortLimits limits_;
  /** The one that was used last is last. */
  Clients clients_;
  std::unordered_map<std::string, Clients::iterator> byAsker_;
};

}  // namespace fairlead
