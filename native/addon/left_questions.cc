#include "left_questions.h"

#include <arpa/inet.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace fairlead {

namespace {

constexpr size_t most = 4096;
constexpr size_t mostOfListener = 1024;
/** A message over TCP may be sixty times as long as one is usually. */
constexpr size_t mostBytes = 4 << 20;
constexpr size_t mostBytesOfListener = 1 << 20;

/** How much of a whole is free for one of those who share it, who has some already. */
size_t roomOf(size_t own, size_t used, size_t limit) {
  const size_t unused = limit - std::min(used, limit);
  return unused - std::min(own, unused);
}

/** Numbers of tickets: the place among the slots below, the round of that slot above. */
constexpr unsigned slotBits = 12;
constexpr uint32_t lastRound = UINT32_MAX >> slotBits;
static_assert(most == 1 << slotBits);

/** Of a question on its way to the event loop, before the asker's address. */
constexpr size_t headBytes = 10;

template <class Map>
typename Map::mapped_type valueOf(const Map& map, const typename Map::key_type& key) {
  const auto known = map.find(key);
  return known == map.end() ? typename Map::mapped_type{} : known->second;
}

}  // namespace

bool LeftQuestions::leave(const ReplyPlace& place, dns::Bytes message, uint32_t era) {
  if (!hasRoom(place, message.size())) return false;
  append(keep({place, era, {message.begin(), message.end()}}), place, message);
  return true;
}

void LeftQuestions::tell() {
  if (!std::exchange(isToldOf_, true)) eventfd_write(bell_.get(), 1);
}

std::optional<LeftQuestions::Ticket> LeftQuestions::redeem(uint32_t number) {
  const size_t index = number & (most - 1);
  if (index >= slots_.size() || slots_[index].round != number >> slotBits) return std::nullopt;
  std::optional<Ticket> ticket = std::exchange(slots_[index].ticket, std::nullopt);
  if (!ticket) return ticket;
  free_.push_back(index);
  const auto ofListener = byListener_.find(ticket->place.listener);
  const auto ofAsker = byAsker_.find(askerOf(ticket->place));
  for (Waiting* waiting : {&all_, &ofListener->second, &ofAsker->second}) {
    waiting->questions--;
    waiting->bytes -= ticket->message.size();
  }
  if (ofListener->second.questions == 0) byListener_.erase(ofListener);
  if (ofAsker->second.questions == 0) byAsker_.erase(ofAsker);
  return ticket;
}

void LeftQuestions::forget(uint32_t listener) {
  if (!byListener_.contains(listener)) return;
  for (size_t index = 0; index < slots_.size(); index++) {
    const auto& ticket = slots_[index].ticket;
    if (ticket && ticket->place.listener == listener) redeem(numberOf(index));
  }
}

std::vector<uint8_t> LeftQuestions::take() {
  eventfd_t count;
  eventfd_read(bell_.get(), &count);
  const std::lock_guard lock(mutex_);
  return std::exchange(leaving_, {});
}

/**
 * Nobody may have more than is left to all others (dynamic thresholds, Choudhury and Hahne 1998): however many flood, they come to
 * have the same number each, with as many to spare, and who asks little is let in.
 */
bool LeftQuestions::hasRoom(const ReplyPlace& place, size_t bytes) const {
  const Waiting listener = valueOf(byListener_, place.listener);
  const Waiting asker = valueOf(byAsker_, askerOf(place));
  return roomOf(listener.questions, all_.questions, most) > 0 &&
         roomOf(asker.questions, listener.questions, mostOfListener) > 0 &&
         roomOf(listener.bytes, all_.bytes, mostBytes) >= bytes &&
         roomOf(asker.bytes, listener.bytes, mostBytesOfListener) >= bytes;
}

uint32_t LeftQuestions::keep(Ticket ticket) {
  if (free_.empty()) {
    free_.push_back(slots_.size());
    slots_.emplace_back();
  }
  const size_t index = free_.back();
  free_.pop_back();
  for (Waiting* waiting : {&all_, &byListener_[ticket.place.listener], &byAsker_[askerOf(ticket.place)]}) {
    waiting->questions++;
    waiting->bytes += ticket.message.size();
  }
  Slot& slot = slots_[index];
  slot.round = slot.round % lastRound + 1;  // never 0, so that no ticket has the number 0
  slot.ticket = std::move(ticket);
  return numberOf(index);
}

uint32_t LeftQuestions::numberOf(size_t index) const {
  return slots_[index].round << slotBits | static_cast<uint32_t>(index);
}

void LeftQuestions::append(uint32_t number, const ReplyPlace& place, dns::Bytes message) {
  char address[INET6_ADDRSTRLEN] = "";
  inet_ntop(place.asker.any.sa_family, addressOf(place.asker).data(), address, sizeof address);
  const std::string_view text(address);
  const std::lock_guard lock(mutex_);
  // If there are others, the event loop has been told, or is about to be.
  if (leaving_.empty()) isToldOf_ = false;
  const size_t start = leaving_.size();
  const size_t messageAt = start + headBytes + text.size() + 2;
  leaving_.resize(messageAt + message.size());
  uint8_t* at = &leaving_[start];
  dns::write32(at, number);
  dns::write32(at + 4, place.listener);
  at[8] = place.connection == 0 ? IPPROTO_UDP : IPPROTO_TCP;
  at[9] = static_cast<uint8_t>(text.size());
  std::ranges::copy(text, at + headBytes);
  dns::write16(at + headBytes + text.size(), static_cast<uint16_t>(message.size()));
  std::ranges::copy(message, leaving_.data() + messageAt);
}

}  // namespace fairlead
