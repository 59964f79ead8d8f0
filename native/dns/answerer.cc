#include "answerer.h"

#include <algorithm>
#include <type_traits>

#include "change.h"
#include "name_table.h"
#include "own_answer.h"
#include "query.h"
#include "reply_memo.h"
#include "reply_writer.h"
#include "view.h"

namespace fairlead::dns {

namespace {

/** The most a message over TCP may have. */
constexpr size_t streamBytesMax = 65'535;
constexpr std::array<uint8_t, 1> rootZone{0};

bool isTransfer(uint16_t askedType) { return askedType == type::axfr || askedType == type::ixfr; }

/** A reply without records. */
Answer refuse(const Query& query, uint16_t code, std::span<uint8_t> out) {
  return {Outcome::reply, ReplyWriter(query, out).finish(code, false)};
}

uint64_t& countOf(Verdict verdict, Tally& tally) {
  if (verdict == Verdict::answered) return tally.answered;
  return verdict == Verdict::noData ? tally.noData : tally.noName;
}

Answer leave(View* view, uint32_t era = 0) {
  if (view != nullptr) view->tally.left++;
  return {Outcome::leave, 0, era};
}

}  // namespace

struct Answerer::State {
  NameTable table;
  Views views{table};
  OwnAnswers ownAnswers{table};
  ReplyMemo memo;
  uint64_t malformed = 0;

  void apply(Change change);
  View* viewOf(const Asker& asker) const;
  Answer answer(const Query& query, const Asker& asker, std::span<uint8_t> out, uint64_t nowMs);
  Answer answerSeen(const Query& query, View& view, bool unknownIsElsewhere, std::span<uint8_t> out, uint64_t nowMs);
  Answer answerUnknown(const Query& query, View& view, std::span<uint8_t> out, uint64_t nowMs);
};

Answerer::Answerer() : state_(std::make_unique<State>()) {}
Answerer::~Answerer() = default;

bool Answerer::apply(Bytes changes) {
  while (!changes.empty()) {
    auto change = takeChange(changes);
    if (!change) return false;
    state_->apply(std::move(*change));
  }
  return true;
}

Answer Answerer::answer(Bytes message, const Asker& asker, bool isDatagram, std::span<uint8_t> out, uint64_t nowMs) {
  if (out.size() < plainPayloadBytes) return leave(nullptr);
  Query query;
  const Incoming incoming = query.read(message);
  switch (incoming) {
    case Incoming::noQuery:
      state_->malformed++;
      return {Outcome::silence};
    case Incoming::otherOpcode:
      return {Outcome::reply, writeBareReply(message, rcode::notImp, out)};
    case Incoming::malformed:
      state_->malformed++;
      return {Outcome::reply, writeBareReply(message, rcode::formErr, out)};
    case Incoming::question:
      break;
  }
  const size_t limit = query.replyLimit(std::min(out.size(), streamBytesMax), isDatagram);
  return state_->answer(query, asker, out.first(limit), nowMs);
}

void Answerer::remember(Bytes message, uint32_t era, Bytes reply, uint32_t lifetimeMs, uint64_t nowMs) {
  Query query;
  const uint32_t group = state_->views.groupIn(era);
  if (group == 0 || lifetimeMs == 0 || query.read(message) != Incoming::question) return;
  if (query.ednsVersion != 0 || query.questionClass != classIn) return;
  state_->memo.keep(query, group, reply, nowMs + lifetimeMs, nowMs);
}

Counts Answerer::counts() const {
  Counts counts;
  state_->views.each([&](const View& view) {
    const Tally& tally = view.tally;
    counts.sandboxes.push_back({view.sandbox, tally.questions, tally.answered, tally.noData, tally.noName,
                                tally.remembered, tally.left});
  });
  state_->table.eachNetwork([&](const Network& network) { counts.networks.push_back({network.number, network.answered}); });
  counts.malformed = state_->malformed;
  return counts;
}

void Answerer::State::apply(Change change) {
  if (auto* entry = std::get_if<NameEntry>(&change)) table.put(std::move(*entry));
  if (const auto* removed = std::get_if<RemovedEndpoint>(&change)) table.remove(removed->endpoint);
  if (auto* entry = std::get_if<ViewEntry>(&change)) views.set(std::move(*entry));
  if (const auto* removed = std::get_if<RemovedView>(&change)) views.remove(removed->sandbox);
}

/** What the asker may see; null when that is not known. At a gateway, who has an address sees what its sandbox sees. */
View* Answerer::State::viewOf(const Asker& asker) const {
  if (asker.sandbox != 0) return views.of(asker.sandbox);
  const Endpoint* endpoint = table.holder(asker.network, textOf(Bytes(asker.address).first(asker.addressBytes)));
  return endpoint == nullptr ? nullptr : views.of(endpoint->sandbox);
}

Answer Answerer::State::answer(const Query& query, const Asker& asker, std::span<uint8_t> out, uint64_t nowMs) {
  View* view = viewOf(asker);
  if (view != nullptr) view->tally.questions++;
  if (query.ednsVersion != 0) return refuse(query, rcode::badVers, out);
  if (query.questionClass != classIn) return refuse(query, rcode::refused, out);
  if (view == nullptr) return leave(view);
  if (isTransfer(query.type)) return refuse(query, rcode::refused, out);
  return answerSeen(query, *view, asker.unknownIsElsewhere, out, nowMs);
}

Answer Answerer::State::answerSeen(const Query& query, View& view, bool unknownIsElsewhere, std::span<uint8_t> out,
                                   uint64_t nowMs) {
  ReplyWriter reply(query, out);
  const Verdict verdict = ownAnswers.write(query, view, reply);
  if (verdict == Verdict::unwritable) return leave(&view);
  if (verdict == Verdict::unknown) return unknownIsElsewhere ? leave(&view) : answerUnknown(query, view, out, nowMs);
  countOf(verdict, view.tally)++;
  return {Outcome::reply, reply.finish(verdict == Verdict::noName ? rcode::nxDomain : rcode::noError, true)};
}

Answer Answerer::State::answerUnknown(const Query& query, View& view, std::span<uint8_t> out, uint64_t nowMs) {
  if (view.group == 0) {
    ReplyWriter reply(query, out);
    countOf(writeNoName(rootZone, reply), view.tally)++;
    return {Outcome::reply, reply.finish(rcode::nxDomain, true)};
  }
  const Remembered* remembered = memo.find(query, view.group, nowMs);
  if (remembered == nullptr) return leave(&view, view.era);
  const size_t length = writeRemembered(*remembered, query, out, nowMs);
  // What the slow path cuts for this asker is not to take the place of the whole.
  if (length == 0) return leave(&view);
  view.tally.remembered++;
  return {Outcome::reply, length};
}

}  // namespace fairlead::dns
