#include "name_server.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "prompt_thread.h"

namespace fairlead {

namespace {

/** How exact idle times are. */
constexpr std::chrono::milliseconds tickEvery{250};

constexpr size_t mostConnections = 8192;
/** Half of what the relay leaves. */
constexpr size_t partOfDescriptors = 4;

constexpr size_t replyHeadBytes = 10;

size_t connectionsLimit() {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  return std::min<size_t>(mostConnections, files.rlim_cur / partOfDescriptors);
}

/** Whoever opened it: the thread waits for all of them at a time. */
void neverWait(const Fd& socket) {
  const int flags = fcntl(socket.get(), F_GETFL);
  if ((flags & O_NONBLOCK) == 0) fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK);
}

}  // namespace

bool NameServer::apply(dns::Bytes changes) {
  if (answering_.changes.add(changes)) {
    if (thread_.isRunning()) {
      thread_.wake();
    } else {
      answering_.refresh(Clock::now());
    }
  }
  return !answering_.changes.takeFailure();
}

Result<uint32_t> NameServer::listen(Fd udp, Fd tcp, const dns::Asker& asker, const ListenerLimits& limits) {
  const Result<Done> running = start();
  if (const SystemError* error = errorOf(running)) return *error;
  for (const Fd* socket : {&udp, &tcp}) neverWait(*socket);
  while (++lastNumber_ == 0 || numbers_.contains(lastNumber_)) {
  }
  const uint32_t number = lastNumber_;
  Listener listener{
      std::make_unique<DatagramListener>(answering_, std::move(udp), number, asker, limits.datagramBytes),
      std::make_unique<StreamListener>(answering_, std::move(tcp), number, asker, limits.stream)};
  DatagramListener& datagrams = *listener.datagrams;
  StreamListener& stream = *listener.stream;
  numbers_.insert(number);
  {
    const std::lock_guard lock(ordersMutex_);
    orders_.opened.emplace_back(number, std::move(listener));
  }
  // From here on the thread may be told of questions to it. It is handed over with the first reply, or when it is closed.
  for (const Result<Done>& started : {datagrams.start(), stream.start()}) {
    const SystemError* error = errorOf(started);
    if (error == nullptr) continue;
    close(number);
    return *error;
  }
  return number;
}

void NameServer::close(uint32_t number) {
  if (numbers_.erase(number) == 0) return;
  std::unique_lock lock(ordersMutex_);
  orders_.closing = number;
  if (!thread_.isRunning()) {
    lock.unlock();
    return carryOut();
  }
  thread_.wake();
  carriedOut_.wait(lock, [this] { return orders_.closing == 0; });
}

void NameServer::reply(dns::Bytes replies) {
  if (!thread_.isRunning()) return;
  bool isFirst;
  {
    const std::lock_guard lock(ordersMutex_);
    isFirst = orders_.replies.empty();
    orders_.replies.insert(orders_.replies.end(), replies.begin(), replies.end());
  }
  if (isFirst) thread_.wake();
}

NameServerCounts NameServer::counts() {
  const ReactorThread::Guest guest(thread_);
  answering_.refresh(Clock::now());
  return {answering_.answerer.counts(), answering_.overflowed, answering_.connectionsOpen};
}

void NameServer::stop() {
  thread_.stop();
  while (!numbers_.empty()) close(*numbers_.begin());
}

/** With the first listener. */
Result<Done> NameServer::start() {
  if (thread_.isRunning()) return Done{};
  answering_.connections.set(connectionsLimit());
  return thread_.start("netd names", {.started = askForPromptness,
                                      .woken = [this] { carryOut(); },
                                      .turnEnded = [this] { return tick(Clock::now()); }});
}

void NameServer::carryOut() {
  Orders orders;
  {
    const std::lock_guard lock(ordersMutex_);
    orders.replies.swap(orders_.replies);
    orders.opened.swap(orders_.opened);
    orders.closing = orders_.closing;
  }
  answering_.refresh(Clock::now());
  for (auto& [number, listener] : orders.opened) listeners_.emplace(number, std::move(listener));
  sendReplies(orders.replies);
  if (orders.closing == 0) return;
  closeNow(orders.closing);
  {
    const std::lock_guard lock(ordersMutex_);
    orders_.closing = 0;
  }
  carriedOut_.notify_one();
}

void NameServer::closeNow(uint32_t number) {
  const auto known = listeners_.find(number);
  if (known == listeners_.end()) return;
  Listener& listener = known->second;
  listener.datagrams->close();
  listener.stream->close();
  answering_.left.forget(number);
  answering_.reactor.bury(std::move(listener.datagrams));
  answering_.reactor.bury(std::move(listener.stream));
  listeners_.erase(known);
}

void NameServer::sendReplies(dns::Bytes replies) {
  uint32_t pending = 0;
  while (replies.size() >= replyHeadBytes) {
    const uint32_t lifetimeMs = dns::read32(&replies[4]);
    const size_t end = replyHeadBytes + dns::read16(&replies[8]);
    const auto ticket = answering_.left.redeem(dns::read32(&replies[0]));
    const dns::Bytes message = replies.first(end).subspan(replyHeadBytes);
    replies = replies.subspan(end);
    if (!ticket) continue;
    const auto& [listener, connection, asker] = ticket->place;
    if (!message.empty()) answering_.remember(*ticket, message, lifetimeMs);
    if (connection != 0) {
      listeners_.at(listener).stream->reply(connection, message);
    } else if (!message.empty()) {
      if (listener != pending || answering_.replies.isFull()) sendDatagrams(std::exchange(pending, listener));
      answering_.replies.add(asker, message);
    }
  }
  sendDatagrams(pending);
}

void NameServer::sendDatagrams(uint32_t listener) {
  if (!answering_.replies.isEmpty()) answering_.replies.send(listeners_.at(listener).datagrams->socket());
}

int NameServer::tick(Clock::time_point now) {
  if (now - lastTick_ >= tickEvery) {
    lastTick_ = now;
    const std::vector<StreamListener*> due(answering_.ticking.begin(), answering_.ticking.end());
    for (StreamListener* listener : due) listener->tick(now);
  }
  return answering_.ticking.empty() ? -1 : static_cast<int>(tickEvery.count());
}

}  // namespace fairlead
