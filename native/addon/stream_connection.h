// A connection by which questions come, each with its length in two bytes before it (RFC 1035 section 4.2.2).
#pragma once

#include <list>
#include <memory>
#include <vector>

#include "answering.h"
#include "reactor.h"

namespace fairlead {

class StreamConnection final : public Watched {
 public:
  StreamConnection(StreamListener& listener, Answering& answering, Fd socket, uint64_t number, const Peer& asker)
      : listener_(listener), answering_(answering), socket_(std::move(socket)), number_(number), asker_(asker) {}

  Result<Done> start();
  void ready() override;
  /** The reply to a question that was left; empty when there is none. */
  void reply(dns::Bytes message);
  /** What has not been sent is lost. */
  void close();

  uint64_t number() const { return number_; }
  const Peer& asker() const { return asker_; }

  /** Where its listener keeps it. */
  std::list<std::unique_ptr<StreamConnection>>::iterator place;
  Clock::time_point lastUsed;

 private:
  /** Takes what has come, up to what is fair to others. */
  void receive();
  void take(dns::Bytes bytes);
  /** Of the message in `rest_`, with its length. */
  size_t missingBytes() const;
  void ask(dns::Bytes message);
  void say(dns::Bytes message);
  void send();
  void holdRest();
  /** After anything was done: what cannot go on ends, and what cannot be sent yet waits. */
  void settle();
  size_t unsentBytes() const { return unsent_.size() - sent_; }

  StreamListener& listener_;
  Answering& answering_;
  Fd socket_;
  const uint64_t number_;
  const Peer asker_;
  /** The beginning of a message, with its length. */
  std::vector<uint8_t> rest_;
  std::vector<uint8_t> unsent_;
  /** How many of these bytes have been sent. */
  size_t sent_ = 0;
  /** What the bytes held by all have of these. */
  size_t held_ = 0;
  /** Questions left. */
  size_t awaited_ = 0;
  uint32_t events_ = 0;
  /** Nothing more comes from the asker. */
  bool hasEnded_ = false;
  bool isBroken_ = false;
};

}  // namespace fairlead
