// What each sandbox may see, and what became of its questions.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "hash_index.h"
#include "name_entry.h"
#include "name_table.h"

namespace fairlead::dns {

/** Decides which of several records comes first: one for each type, so that askers of both families get another one each time. */
struct Turns {
  uint32_t a = 0;
  uint32_t aaaa = 0;
  uint32_t srv = 0;
};

struct Tally {
  uint64_t questions = 0;
  uint64_t answered = 0;
  uint64_t noData = 0;
  uint64_t noName = 0;
  uint64_t remembered = 0;
  uint64_t left = 0;
};

struct View {
  uint64_t hash;
  std::unique_ptr<View> next;
  uint32_t sandbox;
  uint32_t group = 0;
  /** Another one each time the group is another; 0 without a group. */
  uint32_t era = 0;
  std::vector<Network*> networks;
  /** Of each network's number, where it is among them; sorted. */
  std::vector<std::pair<uint32_t, size_t>> places;
  std::vector<Link> links;
  Turns turns;
  Tally tally;

  /** Where a network is among those of the view. */
  std::optional<size_t> placeOf(uint32_t network) const;
};

class Views {
 public:
  explicit Views(NameTable& table) : table_(table) {}

  /** Adds or replaces a view; a replaced one keeps its turns and its tally. */
  void set(ViewEntry entry);
  /** Absent is fine. */
  void remove(uint32_t sandbox);
  View* of(uint32_t sandbox) const;
  /** The group of the view that is in that era; 0 when none is any more. */
  uint32_t groupIn(uint32_t era) const;

  template <class Visit>
  void each(Visit visit) const {
    views_.each(visit);
  }

 private:
  void setGroup(View& view, uint32_t group);

  NameTable& table_;
  HashIndex<View> views_;
  std::unordered_map<uint32_t, uint32_t> groups_;
  uint32_t lastEra_ = 0;
};

}  // namespace fairlead::dns
