// Answers questions for names by a thread of its own, which goes on while the event loop is busy; what it does not know it leaves
// to the event loop.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "answering.h"
#include "datagram_listener.h"
#include "reactor_thread.h"
#include "stream_listener.h"

namespace fairlead {

struct ListenerLimits {
  /** The most a reply has in a datagram. */
  size_t datagramBytes;
  StreamLimits stream;
};

struct NameServerCounts {
  dns::Counts names;
  /** Questions refused because too many were left. */
  uint64_t overflowed;
  size_t connections;
};

/**
 * Everything but `takeLeft` is called by one thread, that of the event loop. The names' thread never waits for it: a thread that
 * holds a lock may have to wait for a processor, and with it everybody who asks.
 */
class NameServer {
 public:
  /** `bell` is an eventfd that is readable while questions that are left can be taken. */
  explicit NameServer(Fd bell) : answering_(thread_.reactor(), std::move(bell)) {}
  ~NameServer() { stop(); }
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;

  /** False when earlier ones turned out to be malformed since this was said last. */
  bool apply(dns::Bytes changes);
  /** Takes both sockets over, also when it fails. Returns the listener's number, which is not 0. */
  Result<uint32_t> listen(Fd udp, Fd tcp, const dns::Asker& asker, const ListenerLimits& limits);
  /** When it returns, its sockets and connections are closed. A number not known is passed over. */
  void close(uint32_t listener);
  /** As of LeftQuestions. */
  std::vector<uint8_t> takeLeft() { return answering_.left.take(); }
  /**
   * Sends replies to questions that were left, one after the other:
   * ticket(4) remembered for milliseconds(4) message(2: length, bytes), of no length when nothing is said.
   */
  void reply(dns::Bytes replies);
  NameServerCounts counts();
  /** Closes all. May be repeated. */
  void stop();

 private:
  struct Listener {
    std::unique_ptr<DatagramListener> datagrams;
    std::unique_ptr<StreamListener> stream;
  };

  /** What the thread is to do when it comes round. */
  struct Orders {
    std::vector<uint8_t> replies;
    std::vector<std::pair<uint32_t, Listener>> opened;
    /** The event loop waits until it is 0. */
    uint32_t closing = 0;
  };

  Result<Done> start();
  void carryOut();
  void closeNow(uint32_t listener);
  void sendReplies(dns::Bytes replies);
  void sendDatagrams(uint32_t listener);
  int tick(Clock::time_point now);

  ReactorThread thread_;
  Answering answering_;
  /** Those the thread knows. */
  std::unordered_map<uint32_t, Listener> listeners_;
  /** Those the event loop knows. */
  std::unordered_set<uint32_t> numbers_;
  uint32_t lastNumber_ = 0;
  Clock::time_point lastTick_;
  /** Held for moments. */
  std::mutex ordersMutex_;
  Orders orders_;
  std::condition_variable carriedOut_;
};

}  // namespace fairlead
