// Datagrams, many by one system call.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>

#include "../dns/answerer.h"
#include "peer.h"

namespace fairlead {

/** How many are received, or sent, at once. */
constexpr size_t datagramsAtOnce = 64;

/** More than any datagram has. */
constexpr size_t datagramBytes = 64 << 10;

class DatagramInbox {
 public:
  DatagramInbox();

  /** Takes what is there, never waits. Returns how many there are; they stay until the next time. */
  size_t receive(int fd);
  dns::Bytes message(size_t index) const;
  const Peer& from(size_t index) const { return peers_[index]; }

 private:
  std::unique_ptr<uint8_t[]> bytes_;
  std::array<Peer, datagramsAtOnce> peers_;
  std::array<iovec, datagramsAtOnce> parts_;
  std::array<mmsghdr, datagramsAtOnce> headers_{};
};

class DatagramOutbox {
 public:
  DatagramOutbox();

  bool isFull() const { return count_ == datagramsAtOnce; }
  bool isEmpty() const { return count_ == 0; }
  /** Where the next one may be written. */
  std::span<uint8_t> room();
  /** What was written there. */
  void addWritten(const Peer& to, size_t length);
  /** What is somewhere else, and stays there until it has been sent. */
  void add(const Peer& to, dns::Bytes message);
  /** Sends all, and is empty then. What cannot be sent is lost, as datagrams may be. */
  void send(int fd);

 private:
  std::unique_ptr<uint8_t[]> bytes_;
  std::array<Peer, datagramsAtOnce> peers_;
  std::array<iovec, datagramsAtOnce> parts_;
  std::array<mmsghdr, datagramsAtOnce> headers_{};
  size_t count_ = 0;
};

}  // namespace fairlead
