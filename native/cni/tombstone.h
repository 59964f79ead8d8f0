// A deletion nobody was there to do, kept as a file until netd starts and does it. The files lie beside netd's socket,
// most often below /run: they need not outlive the machine, because what they are about does not either.
#pragma once

#include <optional>
#include <string>

#include "cni/call.h"
#include "cni/reply.h"

namespace fairlead {

class Tombstone {
 public:
  /** The same for every call about the same attachment. */
  explicit Tombstone(const Call& call);

  /** Writes it, or writes it anew. @param body what netd would have been sent. */
  std::optional<CniError> write(const std::string& body) const;

  /** May be repeated. */
  void remove() const;

 private:
  std::string folder_;
  std::string path_;
};

}  // namespace fairlead
