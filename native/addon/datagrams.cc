#include "datagrams.h"

#include <algorithm>

namespace fairlead {

namespace {

/**
 * From one buffer to the next. Not a power of two: the beginnings of all of them, which is what is used, would be in the same few
 * lines of the processor's cache. Pages that no datagram has reached take no memory.
 */
constexpr size_t strideBytes = datagramBytes + 192;

uint8_t* bufferOf(const std::unique_ptr<uint8_t[]>& bytes, size_t index) { return bytes.get() + index * strideBytes; }

}  // namespace

DatagramInbox::DatagramInbox() : bytes_(std::make_unique_for_overwrite<uint8_t[]>(datagramsAtOnce * strideBytes)) {
  for (size_t i = 0; i < datagramsAtOnce; i++) {
    parts_[i] = {bufferOf(bytes_, i), datagramBytes};
    msghdr& header = headers_[i].msg_hdr;
    header.msg_name = &peers_[i];
    header.msg_namelen = sizeof peers_[i];
    header.msg_iov = &parts_[i];
    header.msg_iovlen = 1;
  }
}

size_t DatagramInbox::receive(int fd) {
  const int count = recvmmsg(fd, headers_.data(), datagramsAtOnce, MSG_DONTWAIT, nullptr);
  // An error is one of an answer that did not arrive, and over once it has been told.
  for (int i = 0; i < count; i++) headers_[static_cast<size_t>(i)].msg_hdr.msg_namelen = sizeof(Peer);
  return static_cast<size_t>(std::max(count, 0));
}

dns::Bytes DatagramInbox::message(size_t index) const { return {bufferOf(bytes_, index), headers_[index].msg_len}; }

DatagramOutbox::DatagramOutbox() : bytes_(std::make_unique_for_overwrite<uint8_t[]>(datagramsAtOnce * strideBytes)) {
  for (size_t i = 0; i < datagramsAtOnce; i++) {
    headers_[i].msg_hdr.msg_name = &peers_[i];
    headers_[i].msg_hdr.msg_iov = &parts_[i];
    headers_[i].msg_hdr.msg_iovlen = 1;
  }
}

std::span<uint8_t> DatagramOutbox::room() { return {bufferOf(bytes_, count_), datagramBytes}; }

void DatagramOutbox::addWritten(const Peer& to, size_t length) { add(to, {bufferOf(bytes_, count_), length}); }

void DatagramOutbox::add(const Peer& to, dns::Bytes message) {
  peers_[count_] = to;
  parts_[count_] = {const_cast<uint8_t*>(message.data()), message.size()};
  headers_[count_].msg_hdr.msg_namelen = lengthOf(to);
  count_++;
}

void DatagramOutbox::send(int fd) {
  for (size_t sent = 0; sent < count_;) {
    const int more = sendmmsg(fd, &headers_[sent], static_cast<unsigned>(count_ - sent), MSG_DONTWAIT);
    // It fails for the first one that is left alone; those behind it may go elsewhere (man 2 sendmmsg).
    sent += more > 0 ? static_cast<size_t>(more) : 1;
  }
  count_ = 0;
}

}  // namespace fairlead
