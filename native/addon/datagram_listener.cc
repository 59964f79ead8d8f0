#include "datagram_listener.h"

namespace fairlead {

Result<Done> DatagramListener::start() { return answering_.reactor.watch(socket_.get(), EPOLLIN, *this); }

void DatagramListener::ready() {
  const size_t count = answering_.received.receive(socket_.get());
  if (count == 0) return;
  answering_.refresh(Clock::now());
  for (size_t i = 0; i < count; i++) answer(answering_.received.message(i), answering_.received.from(i));
  answering_.replies.send(socket_.get());
  answering_.left.tell();
}

void DatagramListener::answer(dns::Bytes message, const Peer& from) {
  if (asker_.network != 0) setAddress(asker_, from);
  const Said said = answering_.answer({message, asker_, {number_, 0, from}}, answering_.replies.room().first(replyBytes_));
  if (said.length > 0) answering_.replies.addWritten(from, said.length);
}

void DatagramListener::close() { answering_.reactor.close(socket_); }

}  // namespace fairlead
