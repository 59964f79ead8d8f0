// Changes of names and views on their way from the event loop to the thread that answers by them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "../dns/answerer.h"

namespace fairlead {

/** Whoever adds is held up by the copying of another one's bytes at most, never by answers. */
class NameChanges {
 public:
  /** Returns true when so much is waiting that it should be applied although nobody asks. */
  bool add(dns::Bytes changes);
  /** What was added before, in order. Called by one thread at a time. */
  void applyTo(dns::Answerer& answerer);
  /** Whether changes were malformed since this was asked last. The rest of what was added with them is lost. */
  bool takeFailure() { return failed_.exchange(false); }

 private:
  struct Batch {
    std::vector<uint8_t> bytes;
    /** Where what was added at a time ends. */
    std::vector<size_t> ends;
  };

  std::mutex mutex_;
  Batch waiting_;
  /** Empty but while it is applied; its room is used again. */
  Batch applied_;
  std::atomic<bool> failed_ = false;
};

}  // namespace fairlead
