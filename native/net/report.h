// How a process tells the one that forked it what became of a start.
#pragma once

#include <optional>
#include <string>

#include "addon/fd.h"
#include "net/failure.h"

namespace fairlead {

/** A pipe, both ends closed by exec. */
struct Report {
  Fd reading;
  Fd writing;

  /** Ends without a number when there is no pipe to be had; errno says why. */
  static Report open();

  /** Status 0 says that all went well. */
  void send(const Failure& failure);

  /** Waits for what is sent; nothing when the other process ended, or became another program, without a word. */
  std::optional<Failure> receive();
};

}  // namespace fairlead
