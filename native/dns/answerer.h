// The fast path of the resolver: questions about names the asker's networks have, and replies of upstreams that were given before.
// Knows neither sockets nor JavaScript; one thread uses it.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "bytes.h"

namespace fairlead::dns {

/** Who asks: a sandbox by its own resolver, or whoever has that address on a network, at the network's gateway. */
struct Asker {
  /** Of the resolver inside a sandbox; 0 at a gateway. */
  uint32_t sandbox = 0;
  /** Of the gateway; 0 inside a sandbox. */
  uint32_t network = 0;
  /** At a gateway, of either family: four bytes, or sixteen. */
  std::array<uint8_t, 16> address{};
  uint8_t addressBytes = 0;
  /** Beside the resolver of a container engine: what no network knows is that one's, whatever the view says. */
  bool unknownIsElsewhere = false;
};

enum class Outcome {
  /** The reply has been written. */
  reply,
  /** Nothing is to be said. */
  silence,
  /** The slow path has to answer. */
  leave,
};

struct Answer {
  Outcome outcome;
  /** Of the reply that was written. */
  size_t length = 0;
  /** Of a question that is left: what its reply may be remembered by; 0 when it may not. */
  uint32_t era = 0;
};

struct SandboxCounts {
  uint32_t sandbox;
  uint64_t questions;
  /** Answered with records of its networks. */
  uint64_t answered;
  /** Known names without a record of the type. */
  uint64_t noData;
  uint64_t noName;
  /** Answered with what an upstream said before. */
  uint64_t remembered;
  uint64_t left;
};

struct NetworkCounts {
  uint32_t network;
  /** Questions that were answered with its names. */
  uint64_t answered;
};

struct Counts {
  std::vector<SandboxCounts> sandboxes;
  std::vector<NetworkCounts> networks;
  /** Messages that are no proper question. */
  uint64_t malformed = 0;
};

class Answerer {
 public:
  Answerer();
  ~Answerer();
  Answerer(const Answerer&) = delete;
  Answerer& operator=(const Answerer&) = delete;

  /**
   * Takes changes of names and views in the format of src/dns/names/table-changes.ts, in order; stops at the first that is malformed
   * and returns false.
   */
  bool apply(Bytes changes);

  /**
   * Answers one message. `out` has room for `limitBytes`, which is what the transport lets through: an asker over UDP (`isDatagram`)
   * may take less, as its message says.
   */
  Answer answer(Bytes message, const Asker& asker, bool isDatagram, std::span<uint8_t> out, uint64_t nowMs);

  /**
   * Keeps the reply to a message that was left, as it was sent, to answer the same question of the same group by; not when the asker
   * is of another group by now: then it may be what servers of that one said.
   */
  void remember(Bytes message, uint32_t era, Bytes reply, uint32_t lifetimeMs, uint64_t nowMs);

  Counts counts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fairlead::dns
