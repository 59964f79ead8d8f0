// Questions that come by connections to one socket.
#pragma once

#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <unordered_map>

#include "answering.h"
#include "reactor.h"
#include "stream_connection.h"

namespace fairlead {

struct StreamLimits {
  /** Of all askers together. */
  size_t connections;
  /** For how long a connection is open without a question or a reply. */
  std::chrono::milliseconds idle;
};

class StreamListener final : public Watched {
 public:
  StreamListener(Answering& answering, Fd socket, uint32_t number, const dns::Asker& asker, StreamLimits limits)
      : answering_(answering), socket_(std::move(socket)), number_(number), asker_(asker), limits_(limits) {}

  Result<Done> start();
  void ready() override;
  /** With all connections. */
  void close();
  /** Closes what is idle for too long, and listens on after a pause. */
  void tick(Clock::time_point now);
  /** The reply to a question that was left; empty when there is none. */
  void reply(uint64_t connection, dns::Bytes message);

  uint32_t number() const { return number_; }
  const dns::Asker& asker() const { return asker_; }
  /** It was asked, or has said something. */
  void use(StreamConnection& connection);
  /** It has closed its socket. */
  void lose(StreamConnection& connection);

 private:
  void accept(Fd socket, const Peer& asker);
  void pause();

  Answering& answering_;
  Fd socket_;
  const uint32_t number_;
  const dns::Asker asker_;
  const StreamLimits limits_;
  /** The one that was used last is last. */
  std::list<std::unique_ptr<StreamConnection>> connections_;
  std::unordered_map<uint64_t, StreamConnection*> byNumber_;
  std::map<AddressKey, size_t> byAsker_;
  uint64_t lastNumber_ = 0;
  bool isPausing_ = false;
};

}  // namespace fairlead
