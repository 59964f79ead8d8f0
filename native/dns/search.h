// Finds the endpoints that a name or an address stands for, to one asker.
#pragma once

#include <vector>

#include "name.h"
#include "name_table.h"
#include "view.h"

namespace fairlead::dns {

class Search {
 public:
  explicit Search(const NameTable& table) : table_(table) {}

  /**
   * The owners of a name that is the labels of another from one on. Returns whether a network of the asker has it, or a link, which
   * hides other owners, and may lead to none that the asker could reach.
   */
  bool findOwners(const View& view, const Name& name, size_t firstLabel);
  /** Those that have an address on networks of the asker; returns whether there are any. */
  bool findHolders(const View& view, std::string_view address);

  /** Each once, in the order of the networks. */
  const std::vector<const Endpoint*>& found() const { return found_; }

 private:
  void begin();
  bool addLinked(const View& view, std::string_view name);
  void gatherQualified(const View& view, const Name& name, size_t firstLabel);
  void gather(const View& view, KeyKind kind, std::string_view text);
  void gatherOn(size_t place, std::span<const Endpoint* const> endpoints);
  void addGathered();

  /** Owners on one network. */
  struct Gathered {
    /** Of the network in the view. */
    size_t place;
    std::span<const Endpoint* const> endpoints;
  };

  const NameTable& table_;
  std::vector<Gathered> gathered_;
  std::vector<const Endpoint*> found_;
  /** Tells marks of this search from those of others. */
  uint64_t search_ = 0;
};

}  // namespace fairlead::dns
