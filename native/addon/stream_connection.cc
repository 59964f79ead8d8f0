#include "stream_connection.h"

#include <netinet/tcp.h>

#include "stream_listener.h"

namespace fairlead {

namespace {

/** What one connection may have answered before others have their turn. */
constexpr size_t chunkBytes = 2 << 10;
/** The most a message over TCP may have. */
constexpr size_t messageBytes = 65'535;
constexpr size_t lengthBytes = 2;
/** Replies are sent together up to here. */
constexpr size_t manyBytes = 64 << 10;
/** What one connection may hold: the beginning of a question, and replies its asker leaves unread. */
constexpr size_t mostHeldBytes = 256 << 10;
/** And all of them. */
constexpr size_t mostHeldByAllBytes = 16 << 20;
/** Room for messages that is kept for the next one. */
constexpr size_t usualBytes = 4 << 10;

/** Empty, without the room that a long message took. */
void empty(std::vector<uint8_t>& bytes) {
  if (bytes.capacity() > usualBytes) bytes = {};
  bytes.clear();
}

bool hasFailed(int socket) {
  int error = 0;
  socklen_t length = sizeof error;
  return getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0;
}

}  // namespace

Result<Done> StreamConnection::start() {
  const int on = 1;
  setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  events_ = EPOLLIN;
  return answering_.reactor.watch(socket_.get(), events_, *this);
}

void StreamConnection::ready() {
  if (hasEnded_) {
    // Reading tells nothing any more, and a reset would be told of again and again.
    isBroken_ = hasFailed(socket_.get());
  } else {
    receive();
  }
  settle();
  answering_.left.tell();
}

void StreamConnection::reply(dns::Bytes message) {
  awaited_--;
  if (!message.empty()) say(message);
  settle();
}

void StreamConnection::close() {
  answering_.heldBytes -= std::exchange(held_, 0);
  const linger now{1, 0};
  // What nobody reads would keep the socket, and with it the namespace, for minutes.
  if (unsentBytes() > 0) setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  answering_.reactor.close(socket_);
}

void StreamConnection::receive() {
  // A message that has begun is completed where it is: to move it for each of its parts would take long.
  const size_t begun = rest_.size();
  if (begun > 0) rest_.resize(begun + std::min(missingBytes(), chunkBytes));
  answering_.chunk.resize(chunkBytes);
  std::span<uint8_t> room(begun > 0 ? std::span(rest_).subspan(begun) : std::span(answering_.chunk));
  const ssize_t count = recv(socket_.get(), room.data(), room.size(), 0);
  if (begun > 0) rest_.resize(begun + static_cast<size_t>(std::max<ssize_t>(count, 0)));
  if (count < 0) {
    isBroken_ = errno != EAGAIN;
  } else if (count == 0) {
    hasEnded_ = true;
  } else {
    answering_.refresh(Clock::now());
    if (begun == 0) {
      take(room.first(static_cast<size_t>(count)));
    } else if (missingBytes() == 0) {
      ask(dns::Bytes(rest_).subspan(lengthBytes));
      empty(rest_);
    }
  }
}

void StreamConnection::take(dns::Bytes bytes) {
  while (bytes.size() >= lengthBytes && !isBroken_) {
    const size_t end = lengthBytes + dns::read16(bytes.data());
    if (bytes.size() < end) break;
    ask(bytes.first(end).subspan(lengthBytes));
    bytes = bytes.subspan(end);
  }
  rest_.assign(bytes.begin(), bytes.end());
}

size_t StreamConnection::missingBytes() const {
  const size_t end = rest_.size() < lengthBytes ? lengthBytes : lengthBytes + dns::read16(rest_.data());
  return end - rest_.size();
}

void StreamConnection::ask(dns::Bytes message) {
  dns::Asker by = listener_.asker();
  if (by.network != 0) setAddress(by, asker_);
  answering_.reply.resize(messageBytes);
  const Said said = answering_.answer({message, by, {listener_.number(), number_, asker_}}, answering_.reply);
  if (said.isLeft) awaited_++;
  if (said.length > 0) say(dns::Bytes(answering_.reply).first(said.length));
  listener_.use(*this);
}

void StreamConnection::say(dns::Bytes message) {
  if (sent_ >= manyBytes) {
    unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(std::exchange(sent_, 0)));
  }
  unsent_.resize(unsent_.size() + lengthBytes);
  dns::write16(&unsent_[unsent_.size() - lengthBytes], static_cast<uint16_t>(message.size()));
  unsent_.insert(unsent_.end(), message.begin(), message.end());
  if (unsentBytes() >= manyBytes) send();
  if (unsentBytes() > mostHeldBytes) isBroken_ = true;
}

void StreamConnection::send() {
  while (unsentBytes() > 0) {
    const ssize_t count = ::send(socket_.get(), &unsent_[sent_], unsentBytes(), MSG_NOSIGNAL);
    if (count < 0) {
      if (errno != EAGAIN) isBroken_ = true;
      return;
    }
    sent_ += static_cast<size_t>(count);
    listener_.use(*this);
  }
  empty(unsent_);
  sent_ = 0;
}

/** Nobody may hold more than is left to all others: who holds most goes first, and who reads what it is told stays. */
void StreamConnection::holdRest() {
  answering_.heldBytes -= held_;
  held_ = rest_.size() + unsentBytes();
  if (held_ + answering_.heldBytes + held_ > mostHeldByAllBytes) isBroken_ = true;
  answering_.heldBytes += held_;
}

void StreamConnection::settle() {
  if (!isBroken_) send();
  holdRest();
  const bool isDone = hasEnded_ && awaited_ == 0 && unsentBytes() == 0;
  if (isBroken_ || isDone) {
    close();
    return listener_.lose(*this);
  }
  uint32_t events = 0;
  if (!hasEnded_) events |= EPOLLIN;
  if (unsentBytes() > 0) events |= EPOLLOUT;
  if (events == events_) return;
  events_ = events;
  answering_.reactor.change(socket_.get(), events_, *this);
}

}  // namespace fairlead
