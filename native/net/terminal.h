// A terminal of its own for a command nobody watches: what it prints is copied to the log.
#pragma once

#include <variant>

#include "addon/fd.h"
#include "net/failure.h"

namespace fairlead {

class Terminal {
 public:
  static std::variant<Terminal, Failure> open();

  /** Makes it the controlling terminal, the input and the output of the calling process, which leads its session. */
  Outcome take() const;

  /** Appends to `log` what has been printed and not been copied yet. What cannot be written is dropped. */
  void copyTo(int log) const;

  /** Becomes readable when there is something to copy. */
  int descriptor() const { return master_.get(); }

 private:
  Terminal(Fd master, Fd slave) : master_(std::move(master)), slave_(std::move(slave)) {}

  Fd master_;
  /** Kept open, or the master would be for ever readable once the command has closed its end. */
  Fd slave_;
};

}  // namespace fairlead
