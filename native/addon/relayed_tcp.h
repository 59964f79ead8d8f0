// A relayed TCP port and its connections.
#pragma once

#include <list>
#include <memory>
#include <optional>

#include "relayed_port.h"

namespace fairlead {

class TcpPort;

/** Two sockets and what is on its way between them. */
class Connection final : public Watched {
 public:
  Connection(TcpPort& port, Shared& shared, Fd client, Fd server)
      : port_(port), shared_(shared), client_(std::move(client)), server_(std::move(server)) {}

  /** False when it could not begin; then it has been reset. */
  bool start(const SocketAddress& to);
  void ready() override;
  /** With RST on both sides. */
  void abort();

  /** Where its port keeps it. */
  std::list<std::unique_ptr<Connection>>::iterator place;

 private:
  /** One direction. */
  struct Way {
    std::optional<Pipe> pipe;
    /** Bytes in the pipe. */
    size_t held = 0;
    /** Nothing more comes from its sender. */
    bool ended = false;
    /** Its receiver has been told so. */
    bool told = false;
  };

  /** Whether it is connected. Otherwise it is under way, or has been ended. */
  bool finishConnecting();
  bool move(Way& way, int from, int to);
  bool take(Way& way, int from);
  bool give(Way& way, int to);
  void end(bool withReset);
  void close();

  TcpPort& port_;
  Shared& shared_;
  Fd client_;
  Fd server_;
  Way there_;
  Way back_;
  bool connected_ = false;
  /** One of the sockets was reset, or cannot be served: what is on its way still arrives, then both are reset. */
  bool broken_ = false;
};

class TcpPort final : public RelayedPort {
 public:
  TcpPort(Shared& shared, Fd listener, SocketAddress to, PortLimits limits)
      : shared_(shared), listener_(std::move(listener)), to_(to), limits_(limits) {}

  void ready() override;
  void close() override;
  /** Listens on after a pause. */
  void tick(Clock::time_point) override;

  const SocketAddress& to() const { return to_; }
  /** It has closed its sockets. */
  void lose(Connection& connection);

 private:
  void pause();

  Shared& shared_;
  Fd listener_;
  const SocketAddress to_;
  const PortLimits limits_;
  std::list<std::unique_ptr<Connection>> connections_;
};

}  // namespace fairlead
