// Questions the thread has left to the event loop: what it takes to send their replies, and the questions on their way there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "../dns/answerer.h"
#include "fd.h"
#include "peer.h"

namespace fairlead {

/** Where the reply to a question goes. */
struct ReplyPlace {
  uint32_t listener;
  /** Of that listener; 0 for a datagram. */
  uint64_t connection;
  Peer asker;
};

class LeftQuestions {
 public:
  struct Ticket {
    ReplyPlace place;
    /** What its reply may be remembered by, and the question then; 0 when it may not. */
    uint32_t era;
    std::vector<uint8_t> message;
  };

  /** `bell` is an eventfd that is readable while there are questions to be taken. */
  explicit LeftQuestions(Fd bell) : bell_(std::move(bell)) {}

  /** False when too many are waiting already: of all, of the listener's, or of the asker's. */
  bool leave(const ReplyPlace& place, dns::Bytes message, uint32_t era);
  /** Tells the event loop of what was left. */
  void tell();
  /** Once for each question; none for others. */
  std::optional<Ticket> redeem(uint32_t number);
  /** Nobody waits for replies by that listener any more. */
  void forget(uint32_t listener);

  /**
   * By the event loop's thread: all that was left since the last time, one after the other:
   * ticket(4) listener(4) protocol(1) address(1: length, text) message(2: length, bytes).
   */
  std::vector<uint8_t> take();

 private:
  struct Slot {
    /** Of the ticket's number; it tells a question from those that were at this place before. */
    uint32_t round = 0;
    std::optional<Ticket> ticket;
  };
  struct Waiting {
    size_t questions = 0;
    size_t bytes = 0;
  };
  /** Who asks at a listener. */
  using AskerKey = std::pair<uint32_t, AddressKey>;

  static AskerKey askerOf(const ReplyPlace& place) { return {place.listener, keyOf(place.asker)}; }
  bool hasRoom(const ReplyPlace& place, size_t bytes) const;
  uint32_t keep(Ticket ticket);
  uint32_t numberOf(size_t index) const;
  void append(uint32_t number, const ReplyPlace& place, dns::Bytes message);

  std::vector<Slot> slots_;
  std::vector<size_t> free_;
  Waiting all_;
  std::unordered_map<uint32_t, Waiting> byListener_;
  std::map<AskerKey, Waiting> byAsker_;
  bool isToldOf_ = true;
  Fd bell_;
  std::mutex mutex_;
  std::vector<uint8_t> leaving_;
};

}  // namespace fairlead
