#include "search.h"

#include <algorithm>

namespace fairlead::dns {

namespace {

/** From so many on it pays to ask first whether any network has the name. */
constexpr size_t manyNetworks = 4;

}  // namespace

bool Search::findOwners(const View& view, const Name& name, size_t firstLabel) {
  begin();
  if (addLinked(view, name.from(firstLabel))) return true;
  addNamed(view, name, firstLabel);
  return !found_.empty();
}

bool Search::findHolders(const View& view, std::string_view address) {
  begin();
  for (const Network* network : view.networks) add(table_.holding(network->number, address));
  return !found_.empty();
}

void Search::begin() {
  search_++;
  found_.clear();
}

bool Search::addLinked(const View& view, std::string_view name) {
  bool isLinked = false;
  for (const Link& link : view.links) {
    if (link.alias != name) continue;
    isLinked = true;
    for (const Network* network : view.networks) add(table_.ofSandbox(network->number, link.target));
  }
  return isLinked;
}

void Search::addNamed(const View& view, const Name& name, size_t firstLabel) {
  const std::string_view whole = name.from(firstLabel);
  const uint64_t hash = table_.hashOf(whole);
  const bool mayBePlain = view.networks.size() < manyNetworks || table_.mayKnow(hash);
  const bool mayBeQualified = markSuffixes(name, firstLabel);
  if (!mayBePlain && !mayBeQualified) return;
  for (const Network* network : view.networks) {
    const auto before = static_cast<std::ptrdiff_t>(found_.size());
    if (mayBePlain) add(table_.named(network->number, whole, hash));
    if (network->search != search_) continue;
    add(table_.named(network->number, name.between(firstLabel, network->suffixStart), network->baseHash));
    // Some by one form, some by the other.
    std::sort(found_.begin() + before, found_.end(), comesBefore);
  }
}

/** Marks the networks whose suffix the name ends with, and has something before; returns whether there are any. */
bool Search::markSuffixes(const Name& name, size_t firstLabel) {
  bool areMarked = false;
  for (size_t start = firstLabel + 1; start < name.labels(); start++) {
    if (!table_.hasSuffixesOf(name.labels() - start)) continue;
    const auto networks = table_.withSuffix(name.from(start));
    if (networks.empty()) continue;
    const uint64_t baseHash = table_.hashOf(name.between(firstLabel, start));
    for (Network* network : networks) {
      network->search = search_;
      network->suffixStart = start;
      network->baseHash = baseHash;
    }
    areMarked = true;
  }
  return areMarked;
}

void Search::add(NameTable::Found endpoints) {
  for (const Endpoint* endpoint : endpoints) {
    if (endpoint->search == search_) continue;
    endpoint->search = search_;
    found_.push_back(endpoint);
  }
}

}  // namespace fairlead::dns
