// Questions that come in datagrams to one socket.
#pragma once

#include "answering.h"
#include "reactor.h"

namespace fairlead {

class DatagramListener final : public Watched {
 public:
  /** `replyBytes` is the most a reply may have. */
  DatagramListener(Answering& answering, Fd socket, uint32_t number, const dns::Asker& asker, size_t replyBytes)
      : answering_(answering), socket_(std::move(socket)), number_(number), asker_(asker), replyBytes_(replyBytes) {}

  Result<Done> start();
  /** Answers as many as are received at once: more than that waits until others had their turn. */
  void ready() override;
  void close();
  /** For replies of the event loop. */
  int socket() const { return socket_.get(); }

 private:
  void answer(dns::Bytes message, const Peer& from);

  Answering& answering_;
  Fd socket_;
  const uint32_t number_;
  /** At a gateway, with the address of who asked last. */
  dns::Asker asker_;
  const size_t replyBytes_;
};

}  // namespace fairlead
