#include "relayed_udp.h"

namespace fairlead {

namespace {

constexpr int datagramsPerTurn = 64;
/** More than any datagram has. */
constexpr size_t datagramBytes = 64 << 10;

/** One buffer is enough: there is one thread, and what it has read it sends at once. */
std::vector<uint8_t>& buffer() {
  static thread_local std::vector<uint8_t> bytes(datagramBytes);
  return bytes;
}

}  // namespace

std::string UdpAsker::key() const {
  std::string key(reinterpret_cast<const char*>(&from.storage), from.length);
  key.append(reinterpret_cast<const char*>(&came.interface), sizeof came.interface);
  return key.append(came.answerBy.begin(), came.answerBy.end());
}

void UdpClient::ready() {
  std::vector<uint8_t>& bytes = buffer();
  for (int i = 0; i < datagramsPerTurn; i++) {
    const ssize_t length = recv(endpoint_.get(), bytes.data(), bytes.size(), 0);
    // Also that nobody listens there: UDP tells the asker nothing.
    if (length < 0) return;
    port_.answer(*this, bytes.data(), static_cast<size_t>(length));
  }
}

void UdpPort::ready() {
  for (int i = 0; i < datagramsPerTurn && receive(); i++) {
  }
}

/** False when there is nothing more. */
bool UdpPort::receive() {
  std::vector<uint8_t>& bytes = buffer();
  UdpAsker asker;
  Ancillary control;
  iovec part{bytes.data(), bytes.size()};
  msghdr message{};
  message.msg_name = &asker.from.storage;
  message.msg_namelen = sizeof asker.from.storage;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  const ssize_t length = recvmsg(listener_.get(), &message, 0);
  // An error is one of an answer that did not arrive, and over once it has been told.
  if (length < 0) return errno != EAGAIN;
  asker.from.length = message.msg_namelen;
  asker.came = arrivalOf(message);
  UdpClient* client = clientOf(std::move(asker));
  if (client != nullptr) send(client->endpoint().get(), bytes.data(), static_cast<size_t>(length), 0);
  return true;
}

/** None when there are as many as may be, or nobody may ask from there. */
UdpClient* UdpPort::clientOf(UdpAsker asker) {
  const auto known = byAsker_.find(asker.key());
  UdpClient* client = known == byAsker_.end() ? meet(std::move(asker)) : known->second->get();
  if (client != nullptr) use(*client);
  return client;
}

UdpClient* UdpPort::meet(UdpAsker asker) {
  if (shared_.isClosedTo(asker.came.interface)) return nullptr;
  // As of connection tracking, new ones take the place of those that were silent longest.
  if (clients_.size() >= limits_.most) forget(clients_.begin());
  if (!shared_.clients.take()) {
    if (clients_.empty()) return nullptr;
    forget(clients_.begin());
    shared_.clients.take();
  }
  Fd endpoint(socket(to_.storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP));
  auto client = std::make_unique<UdpClient>(*this, std::move(asker), std::move(endpoint));
  const auto* to = reinterpret_cast<const sockaddr*>(&to_.storage);
  if (connect(client->endpoint().get(), to, to_.length) != 0 ||
      errorOf(shared_.reactor.watch(client->endpoint().get(), EPOLLIN, *client))) {
    shared_.clients.giveBack();
    return nullptr;
  }
  clients_.push_back(std::move(client));
  byAsker_.emplace(clients_.back()->asker().key(), std::prev(clients_.end()));
  shared_.keepTicking(*this);
  return clients_.back().get();
}

void UdpPort::use(UdpClient& client) {
  client.lastUsed = Clock::now();
  const auto known = byAsker_.find(client.asker().key());
  clients_.splice(clients_.end(), clients_, known->second);
}

void UdpPort::answer(UdpClient& client, const uint8_t* bytes, size_t length) {
  use(client);
  const UdpAsker& asker = client.asker();
  const std::vector<uint8_t>& by = asker.came.answerBy;
  iovec part{const_cast<uint8_t*>(bytes), length};
  msghdr message{};
  message.msg_name = const_cast<sockaddr_storage*>(&asker.from.storage);
  message.msg_namelen = asker.from.length;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = by.empty() ? nullptr : const_cast<uint8_t*>(by.data());
  message.msg_controllen = by.size();
  sendmsg(listener_.get(), &message, 0);
}

void UdpPort::tick(Clock::time_point now) {
  while (!clients_.empty() && now - clients_.front()->lastUsed >= limits_.idle) forget(clients_.begin());
  if (clients_.empty()) shared_.stopTicking(*this);
}

void UdpPort::forget(Clients::iterator client) {
  byAsker_.erase((*client)->asker().key());
  shared_.reactor.close((*client)->endpoint());
  shared_.reactor.bury(std::move(*client));
  clients_.erase(client);
  shared_.clients.giveBack();
}

void UdpPort::close() {
  while (!clients_.empty()) forget(clients_.begin());
  shared_.stopTicking(*this);
  shared_.reactor.close(listener_);
}

}  // namespace fairlead
