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
  while (++lastNumber_ == 0 || listeners_.contains(lastNumber_)) {
  }
  const uint32_t number = lastNumber_;
  Listener listener{
      std::make_unique<DatagramListener>(answering_, std::move(udp), number, asker, limits.datagramBytes),
      std::make_unique<StreamListener>(answering_, std::move(tcp), number, asker, limits.stream)};
  const ReactorThread::Guest guest(thread_);
  for (const Result<Done>& started : {listener.datagrams->start(), listener.stream->start()}) {
    const SystemError* error = errorOf(started);
    if (error == nullptr) continue;
    end(std::move(listener));
    return *error;
  }
  listeners_.emplace(number, std::move(listener));
  return number;
}

void NameServer::close(uint32_t number) {
  const ReactorThread::Guest guest(thread_);
  const auto known = listeners_.find(number);
  if (known == listeners_.end()) return;
  woken();  // who was answered before this is told
  end(std::move(known->second));
  answering_.left.forget(number);
  listeners_.erase(known);
}

/** The thread may have been told of its sockets already. */
void NameServer::end(Listener listener) {
  listener.datagrams->close();
  listener.stream->close();
  answering_.reactor.bury(std::move(listener.datagrams));
  answering_.reactor.bury(std::move(listener.stream));
  thread_.wake();  // to free what was closed
}

void NameServer::reply(dns::Bytes replies) {
  if (!thread_.isRunning()) return;
  bool isFirst;
  {
    const std::lock_guard lock(repliesMutex_);
    isFirst = replies_.empty();
    replies_.insert(replies_.end(), replies.begin(), replies.end());
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
  while (!listeners_.empty()) close(listeners_.begin()->first);
}

/** With the first listener. */
Result<Done> NameServer::start() {
  if (thread_.isRunning()) return Done{};
  answering_.connections.set(connectionsLimit());
  return thread_.start("netd names", {.started = askForPromptness,
                                      .woken = [this] { woken(); },
                                      .turnEnded = [this] { return tick(Clock::now()); }});
}

void NameServer::woken() {
  std::vector<uint8_t> replies;
  {
    const std::lock_guard lock(repliesMutex_);
    replies.swap(replies_);
  }
  answering_.refresh(Clock::now());
  sendReplies(replies);
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
