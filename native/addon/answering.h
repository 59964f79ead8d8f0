// What the sockets of a name server share: the names, the questions left, and limits of them all. Used by whoever holds the lock
// of the server's thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <span>
#include <unordered_set>
#include <vector>

#include "../dns/answerer.h"
#include "budget.h"
#include "datagrams.h"
#include "left_questions.h"
#include "name_changes.h"
#include "reactor_thread.h"

namespace fairlead {

class StreamListener;

/** Says at a gateway who asks. */
inline void setAddress(dns::Asker& asker, const Peer& from) {
  const auto address = addressOf(from);
  std::ranges::copy(address, asker.address.begin());
  asker.addressBytes = static_cast<uint8_t>(address.size());
}

struct Question {
  dns::Bytes message;
  const dns::Asker& by;
  ReplyPlace place;
};

/** What is said to a question at once. */
struct Said {
  /** Bytes written; 0 for nothing. */
  size_t length;
  /** The event loop may say something later. */
  bool isLeft;
};

struct Answering {
  Answering(Reactor& itsReactor, Fd bell) : reactor(itsReactor), left(std::move(bell)) {}

  /**
   * Has all changes count that were made before now. Called between receiving questions and answering them: those that were
   * asked after a change see it.
   */
  void refresh(Clock::time_point now);
  Said answer(const Question& question, std::span<uint8_t> out);
  /** Keeps the reply to a question that was left, for the next one who asks. */
  void remember(const LeftQuestions::Ticket& ticket, dns::Bytes reply, uint32_t lifetimeMs);

  Reactor& reactor;
  NameChanges changes;
  dns::Answerer answerer;
  LeftQuestions left;
  Budget connections;
  size_t connectionsOpen = 0;
  /** By connections, for their askers to go on. */
  size_t heldBytes = 0;
  DatagramInbox received;
  DatagramOutbox replies;
  /** For what is read of a stream, and for the reply to it. */
  std::vector<uint8_t> chunk;
  std::vector<uint8_t> reply;
  /** Those that have connections that may be idle, or wait for descriptors to be free. */
  std::unordered_set<StreamListener*> ticking;
  /** When the questions that are answered now were received. */
  Clock::time_point now;
  uint64_t overflowed = 0;
};

}  // namespace fairlead
