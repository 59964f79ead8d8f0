#include "stream_listener.h"

namespace fairlead {

namespace {

constexpr int acceptsPerTurn = 16;
constexpr size_t connectionsPerAsker = 64;

}  // namespace

Result<Done> StreamListener::start() { return answering_.reactor.watch(socket_.get(), EPOLLIN, *this); }

void StreamListener::ready() {
  for (int i = 0; i < acceptsPerTurn; i++) {
    Peer asker{};
    socklen_t length = sizeof asker;
    Fd socket(accept4(socket_.get(), &asker.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket) {
      accept(std::move(socket), asker);
      continue;
    }
    if (errno == EAGAIN) return;
    // Errors of the connection that was to be accepted come here too and concern it alone (man 2 accept).
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) return pause();
  }
}

/** One too many is closed at once. */
void StreamListener::accept(Fd socket, const Peer& asker) {
  if (connections_.size() >= limits_.connections) return;
  const auto known = byAsker_.find(keyOf(asker));
  if (known != byAsker_.end() && known->second >= connectionsPerAsker) return;
  if (!answering_.connections.take()) return;
  auto connection = std::make_unique<StreamConnection>(*this, answering_, std::move(socket), ++lastNumber_, asker);
  if (errorOf(connection->start())) return answering_.connections.giveBack();
  byAsker_[keyOf(asker)]++;
  byNumber_.emplace(lastNumber_, connection.get());
  answering_.connectionsOpen++;
  connections_.push_back(std::move(connection));
  connections_.back()->place = std::prev(connections_.end());
  use(*connections_.back());
  answering_.ticking.insert(this);
}

void StreamListener::close() {
  while (!connections_.empty()) {
    connections_.front()->close();
    lose(*connections_.front());
  }
  answering_.ticking.erase(this);
  answering_.reactor.close(socket_);
}

void StreamListener::tick(Clock::time_point now) {
  while (!connections_.empty() && now - connections_.front()->lastUsed >= limits_.idle) {
    connections_.front()->close();
    lose(*connections_.front());
  }
  if (isPausing_) {
    isPausing_ = false;
    answering_.reactor.change(socket_.get(), EPOLLIN, *this);
  }
  if (connections_.empty()) answering_.ticking.erase(this);
}

void StreamListener::reply(uint64_t connection, dns::Bytes message) {
  const auto known = byNumber_.find(connection);
  if (known != byNumber_.end()) known->second->reply(message);
}

void StreamListener::use(StreamConnection& connection) {
  connection.lastUsed = Clock::now();
  connections_.splice(connections_.end(), connections_, connection.place);
}

void StreamListener::lose(StreamConnection& connection) {
  const auto ofAsker = byAsker_.find(keyOf(connection.asker()));
  if (--ofAsker->second == 0) byAsker_.erase(ofAsker);
  byNumber_.erase(connection.number());
  answering_.connections.giveBack();
  answering_.connectionsOpen--;
  const auto place = connection.place;
  answering_.reactor.bury(std::move(*place));
  connections_.erase(place);
}

/** Those that ask meanwhile wait in the listening socket's queue. */
void StreamListener::pause() {
  isPausing_ = true;
  answering_.reactor.change(socket_.get(), 0, *this);
  answering_.ticking.insert(this);
}

}  // namespace fairlead
