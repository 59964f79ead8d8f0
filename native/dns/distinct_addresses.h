// The addresses of one family that some endpoints have, each once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hash.h"

namespace fairlead::dns {

/** What it holds has to stay where it is. Nothing is allocated once it has been as full before. */
class DistinctAddresses {
 public:
  /** Forgets all that was added; `bytes` is the length of an address. */
  void begin(size_t bytes);
  /** Adds those that are not there yet of many, one after the other. */
  void add(const std::string& addresses);

  size_t size() const { return items_.size(); }
  const char* operator[](size_t index) const { return items_[index]; }

 private:
  bool isNew(const char* address);
  bool isNewByLooking(const char* address) const;
  size_t slotOf(const char* address) const;
  void grow();

  size_t bytes_ = 4;
  std::vector<const char*> items_;
  /** Indexes in `items_` plus one, by hash; used from so many items on that looking at each takes longer. */
  std::vector<uint32_t> slots_;
  Hash hash_;
};

}  // namespace fairlead::dns
