#include "relay.h"

#include <sys/eventfd.h>
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

void Relay::Wakeup::ready() {
  eventfd_t count;
  eventfd_read(counter.get(), &count);
}

void Relay::Wakeup::call() const { eventfd_write(counter.get(), 1); }

Result<Done> Relay::add(int protocol, Fd listener, const SocketAddress& to, const PortLimits& limits) {
  if (const auto error = start()) return *error;
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
  wanted_++;
  const std::lock_guard lock(mutex_);
  const Result<Done> watched = shared_.reactor.watch(fd, EPOLLIN, *port);
  if (!errorOf(watched)) ports_.emplace(fd, std::move(port));
  wanted_--;
  idle_.notify_one();
  return watched;
}

void Relay::remove(const std::vector<int>& listeners) {
  wanted_++;
  const std::lock_guard lock(mutex_);
  for (const int fd : listeners) {
    const auto known = ports_.find(fd);
    if (known == ports_.end()) continue;
    known->second->close();
    shared_.reactor.bury(std::move(known->second));
    ports_.erase(known);
  }
  wanted_--;
  idle_.notify_one();
  wakeup_.call();  // to free what was closed
}

void Relay::closeTo(const std::vector<std::string>& interfaces) {
  wanted_++;
  const std::lock_guard lock(mutex_);
  shared_.closed = {interfaces.begin(), interfaces.end()};
  wanted_--;
  idle_.notify_one();
}

void Relay::stop() {
  if (!thread_) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  idle_.notify_one();
  wakeup_.call();
  thread_->join();
  thread_.reset();
  std::vector<int> all;
  for (const auto& [fd, port] : ports_) all.push_back(fd);
  remove(all);
}

/** With the first port. */
std::optional<SystemError> Relay::start() {
  if (thread_) return std::nullopt;
  if (!shared_.reactor) return SystemError{EMFILE, "epoll_create1"};
  shared_.connections.set(limitOf(filesPerConnection));
  shared_.clients.set(limitOf(filesPerClient));
  wakeup_.counter = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wakeup_.counter) return lastError("eventfd");
  const Result<Done> watched = shared_.reactor.watch(wakeup_.counter.get(), EPOLLIN, wakeup_);
  if (const SystemError* error = errorOf(watched)) return *error;
  Result<Thread> started = Thread::start([this] { loop(); });
  if (const SystemError* error = errorOf(started)) return *error;
  thread_ = std::move(std::get<Thread>(started));
  return std::nullopt;
}

void Relay::loop() {
  int timeoutMs = -1;
  while (true) {
    shared_.reactor.wait(timeoutMs);
    std::unique_lock lock(mutex_);
    shared_.reactor.beginTurn();
    if (!turn(lock)) return;
    tick(Clock::now());
    const bool isUnfinished = shared_.reactor.endTurn();
    timeoutMs = isUnfinished ? 0 : shared_.ticking.empty() ? -1 : static_cast<int>(tickEvery.count());
  }
}

bool Relay::turn(std::unique_lock<std::mutex>& lock) {
  while (!stopping_) {
    // A mutex alone is not fair: the event loop would wait for as long as there is traffic.
    if (wanted_ > 0) idle_.wait(lock, [this] { return wanted_ == 0 || stopping_; });
    Watched* watched = shared_.reactor.next();
    if (watched == nullptr) return true;
    watched->ready();
  }
  return false;
}

void Relay::tick(Clock::time_point now) {
  if (!shared_.isFreer && now - lastTick_ < tickEvery) return;
  shared_.isFreer = false;
  lastTick_ = now;
  const std::vector<RelayedPort*> due = shared_.ticking;
  for (RelayedPort* port : due) port->tick(now);
}

}  // namespace fairlead
