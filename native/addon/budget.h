// How many of a kind there may be at a time.
#pragma once

#include <cstddef>

namespace fairlead {

class Budget {
 public:
  void set(size_t limit) { left_ = limit; }

  bool take() {
    if (left_ == 0) return false;
    left_--;
    return true;
  }
  void giveBack() { left_++; }

 private:
  size_t left_ = 0;
};

}  // namespace fairlead
