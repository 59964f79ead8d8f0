#include "relay.h"

#include <sys/resource.h>

#include <algorithm>

#include "relay_arrival.h"
#include "relayed_tcp.h"
#include "relayed_udp.h"

namespace fairlead {

namespace {

/** How exact idle times are. */
constexpr std::chrono::milliseconds tickEvery{250};

/** Listening was the start of a port that is only held; one that is asked has a queue as long as the kernel gives (man 2 listen). */
constexpr int backlog = 4096;

/** Connections, and clients of UDP, in all. */
constexpr size_t most = 8192;
/** Two sockets, and four ends of pipes while something is on its way both ways. */
constexpr size_t filesPerConnection = 6;
constexpr size_t filesPerClient = 1;

/** The relay leaves half of the descriptors this process may have to others. */
size_t limitOf(size_t filesEach) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  return std::min<size_t>(most, files.rlim_cur / (4 * filesEach));
}

}  // namespace

Result<Done> Relay::add(int protocol, Fd listener, const SocketAddress& to, const PortLimits& limits) {
  const Result<Done> started = start();
  if (errorOf(started)) return started;
  const int fd = listener.get();
  const Result<Done> told = tellArrival(fd);
  if (errorOf(told)) return told;
  std::unique_ptr<RelayedPort> port;
  if (protocol == IPPROTO_TCP) {
    if (listen(fd, backlog) != 0) return lastError("listen");
    port = std::make_unique<TcpPort>(shared_, std::move(listener), to, limits);
  } else {
    port = std::make_unique<UdpPort>(shared_, std::move(listener), to, limits);
  }
  const ReactorThread::Guest guest(thread_);
  const Result<Done> watched = shared_.reactor.watch(fd, EPOLLIN, *port);
  if (!errorOf(watched)) ports_.emplace(fd, std::move(port));
  return watched;
}

void Relay::remove(const std::vector<int>& listeners) {
  const ReactorThread::Guest guest(thread_);
  for (const int fd : listeners) {
    const auto known = ports_.find(fd);
    if (known == ports_.end()) continue;
    known->second->close();
    shared_.reactor.bury(std::move(known->second));
    ports_.erase(known);
  }
  thread_.wake();  // to free what was closed
}

void Relay::closeTo(const std::vector<std::string>& interfaces) {
  const ReactorThread::Guest guest(thread_);
  shared_.closed = {interfaces.begin(), interfaces.end()};
}

void Relay::stop() {
  if (!thread_.isRunning()) return;
  thread_.stop();
  std::vector<int> all;
  for (const auto& [fd, port] : ports_) all.push_back(fd);
  remove(all);
}

/** With the first port. */
Result<Done> Relay::start() {
  if (thread_.isRunning()) return Done{};
  shared_.connections.set(limitOf(filesPerConnection));
  shared_.clients.set(limitOf(filesPerClient));
  return thread_.start("netd relay", {.turnEnded = [this] { return tick(Clock::now()); }});
}

int Relay::tick(Clock::time_point now) {
  if (shared_.isFreer || now - lastTick_ >= tickEvery) {
    shared_.isFreer = false;
    lastTick_ = now;
    const std::vector<RelayedPort*> due = shared_.ticking;
    for (RelayedPort* port : due) port->tick(now);
  }
  return shared_.ticking.empty() ? -1 : static_cast<int>(tickEvery.count());
}

}  // namespace fairlead
