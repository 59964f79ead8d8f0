#include "answering.h"

#include "../dns/query.h"
#include "../dns/reply_writer.h"

namespace fairlead {

namespace {

constexpr uint16_t serverFailure = 2;

/** Returns its length; 0 to what is no question. */
size_t refuse(dns::Bytes message, std::span<uint8_t> out) {
  dns::Query query;
  if (query.read(message) != dns::Incoming::question) return 0;
  return dns::ReplyWriter(query, out).finish(serverFailure, false);
}

uint64_t milliseconds(Clock::time_point time) {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count());
}

}  // namespace

void Answering::refresh(Clock::time_point time) {
  now = time;
  changes.applyTo(answerer);
}

Said Answering::answer(const Question& question, std::span<uint8_t> out) {
  const auto& [message, by, place] = question;
  const bool isDatagram = place.connection == 0;
  const dns::Answer answer = answerer.answer(message, by, isDatagram, out, milliseconds(now));
  if (answer.outcome == dns::Outcome::reply) return {answer.length, false};
  if (answer.outcome == dns::Outcome::silence) return {0, false};
  if (left.leave(place, message, answer.era)) return {0, true};
  overflowed++;
  return {refuse(message, out), false};
}

void Answering::remember(const LeftQuestions::Ticket& ticket, dns::Bytes reply, uint32_t lifetimeMs) {
  if (ticket.era == 0 || lifetimeMs == 0) return;
  answerer.remember(ticket.message, ticket.era, reply, lifetimeMs, milliseconds(now));
}

}  // namespace fairlead
