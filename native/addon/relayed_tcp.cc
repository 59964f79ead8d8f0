#include "relayed_tcp.h"

#include <fcntl.h>
#include <netinet/tcp.h>

#include "relay_arrival.h"

namespace fairlead {

namespace {

/** What one of many may do in a turn: accept so many, move so many chunks each way. */
constexpr int acceptsPerTurn = 32;
constexpr int roundsPerTurn = 16;
/** As much as a pipe takes (man 7 pipe). */
constexpr size_t chunkBytes = 64 << 10;

constexpr unsigned spliceFlags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;

/** Five SYNs in half a minute, of an endpoint that does not answer (man 7 tcp). */
constexpr int synRetries = 4;

/** A peer that is gone without a word is noticed after a quarter of an hour: then its connection is no longer counted. */
constexpr int keepIdleSeconds = 600;
constexpr int keepIntervalSeconds = 60;
constexpr int keepProbes = 5;

void set(int fd, int level, int option, int value) { setsockopt(fd, level, option, &value, sizeof value); }

void prepare(int fd) {
  set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(fd, IPPROTO_TCP, TCP_KEEPIDLE, keepIdleSeconds);
  set(fd, IPPROTO_TCP, TCP_KEEPINTVL, keepIntervalSeconds);
  set(fd, IPPROTO_TCP, TCP_KEEPCNT, keepProbes);
  // What the sender has sent at once has been sent at once here too.
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

/** Closing it sends RST. */
void resetOnClose(int fd) {
  const linger now{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

bool connectTo(int fd, const SocketAddress& to) {
  return connect(fd, reinterpret_cast<const sockaddr*>(&to.storage), to.length) == 0;
}

}  // namespace

bool Connection::start(const SocketAddress& to) {
  prepare(client_.get());
  prepare(server_.get());
  set(server_.get(), IPPROTO_TCP, TCP_SYNCNT, synRetries);
  const bool isUnderWay = connectTo(server_.get(), to) || errno == EINPROGRESS;
  constexpr uint32_t events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  if (isUnderWay && !errorOf(shared_.reactor.watch(client_.get(), events, *this)) &&
      !errorOf(shared_.reactor.watch(server_.get(), events, *this))) {
    return true;
  }
  abort();
  return false;
}

void Connection::ready() {
  if (!connected_ && !finishConnecting()) return;
  const bool isThere = move(there_, client_.get(), server_.get());
  const bool isBack = move(back_, server_.get(), client_.get());
  if (broken_ && there_.held == 0 && back_.held == 0) return end(true);
  if (there_.told && back_.told) return end(false);
  if (!isThere || !isBack) shared_.reactor.again(*this);
}

bool Connection::finishConnecting() {
  // Asked again, connect tells how it goes: EALREADY as long as there is no answer (net/ipv4/af_inet.c).
  connected_ = connectTo(server_.get(), port_.to());
  if (connected_) return true;
  int failed = 0;
  socklen_t length = sizeof failed;
  const bool isWaiting = errno == EALREADY || errno == EINPROGRESS;
  const bool isAsked = getsockopt(client_.get(), SOL_SOCKET, SO_ERROR, &failed, &length) == 0 && failed == 0;
  if (!isWaiting || !isAsked) end(true);
  return false;
}

/** Moves what can be moved; false when there may be more. */
bool Connection::move(Way& way, int from, int to) {
  bool isMoving = true;
  for (int round = 0; isMoving && round < roundsPerTurn; round++) {
    const bool isTaken = take(way, from);
    isMoving = give(way, to) || isTaken;
  }
  if (way.held > 0) return !isMoving;
  if (way.pipe) {
    shared_.pipes.giveBack(std::move(*way.pipe));
    way.pipe.reset();
  }
  if (way.ended && !way.told && !broken_) {
    shutdown(to, SHUT_WR);
    way.told = true;
  }
  return !isMoving;
}

bool Connection::take(Way& way, int from) {
  if (way.ended) return false;
  if (!way.pipe) way.pipe = shared_.pipes.take();
  if (!way.pipe) {
    way.ended = broken_ = true;
    return false;
  }
  const ssize_t count = splice(from, nullptr, way.pipe->in.get(), nullptr, chunkBytes, spliceFlags);
  if (count > 0) {
    way.held += static_cast<size_t>(count);
    return true;
  }
  // Either there is nothing to take, or the pipe takes no more.
  if (count < 0 && errno == EAGAIN) return false;
  way.ended = true;
  if (count < 0) broken_ = true;
  return false;
}

bool Connection::give(Way& way, int to) {
  if (way.held == 0) return false;
  const ssize_t count = splice(way.pipe->out.get(), nullptr, to, nullptr, way.held, spliceFlags);
  if (count > 0) {
    way.held -= static_cast<size_t>(count);
    return true;
  }
  if (count < 0 && errno == EAGAIN) return false;
  // Nobody is there to take it.
  way.ended = broken_ = true;
  way.held = 0;
  way.pipe.reset();
  return false;
}

void Connection::abort() {
  resetOnClose(client_.get());
  resetOnClose(server_.get());
  close();
}

void Connection::close() {
  shared_.reactor.close(client_);
  shared_.reactor.close(server_);
}

void Connection::end(bool withReset) {
  if (withReset) {
    abort();
  } else {
    close();
  }
  port_.lose(*this);
}

void TcpPort::ready() {
  for (int i = 0; i < acceptsPerTurn; i++) {
    if (connections_.size() >= limits_.most || !shared_.connections.take()) return pause();
    Fd client(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    const int refused = client ? 0 : errno;
    if (client && shared_.isClosedTo(arrivalInterfaceOf(client.get()))) {
      shared_.connections.giveBack();
      resetOnClose(client.get());
      continue;
    }
    Fd server(client ? socket(to_.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP) : -1);
    if (!client || !server) {
      shared_.connections.giveBack();
      if (client) resetOnClose(client.get());
      if (refused == EAGAIN) return;
      // Errors of the connection that was to be accepted come here too and concern it alone (man 2 accept).
      if (client || refused == EMFILE || refused == ENFILE || refused == ENOBUFS || refused == ENOMEM) return pause();
      continue;
    }
    connections_.push_front(std::make_unique<Connection>(*this, shared_, std::move(client), std::move(server)));
    Connection& connection = *connections_.front();
    connection.place = connections_.begin();
    if (!connection.start(to_)) lose(connection);
  }
}

/** Those that ask meanwhile wait in the listening socket's queue. */
void TcpPort::pause() {
  shared_.reactor.change(listener_.get(), 0, *this);
  shared_.keepTicking(*this);
}

void TcpPort::tick(Clock::time_point) {
  shared_.stopTicking(*this);
  shared_.reactor.change(listener_.get(), EPOLLIN, *this);
}

void TcpPort::lose(Connection& connection) {
  std::unique_ptr<Connection> lost = std::move(*connection.place);
  connections_.erase(connection.place);
  shared_.connections.giveBack();
  shared_.isFreer = true;
  shared_.reactor.bury(std::move(lost));
}

void TcpPort::close() {
  shared_.stopTicking(*this);
  shared_.reactor.close(listener_);
  while (!connections_.empty()) {
    connections_.front()->abort();
    lose(*connections_.front());
  }
}

}  // namespace fairlead
