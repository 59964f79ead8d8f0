#include "search.h"

#include <algorithm>

namespace fairlead::dns {

namespace {

/** From so many on it pays to ask first which networks have the name. */
constexpr size_t manyNetworks = 3;

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
  gathered_.clear();
  gatherPlain(view, name.from(firstLabel));
  gatherQualified(view, name, firstLabel);
  if (gathered_.size() > 1) std::ranges::sort(gathered_, {}, &Gathered::place);
  size_t networkStart = 0;
  for (size_t i = 0; i < gathered_.size(); i++) {
    const bool isSameNetwork = i > 0 && gathered_[i].place == gathered_[i - 1].place;
    if (!isSameNetwork) networkStart = found_.size();
    add(gathered_[i].endpoints);
    // Some have the name by one form, some by the other.
    if (isSameNetwork) std::ranges::sort(std::span(found_).subspan(networkStart), comesBefore);
  }
}

void Search::gatherPlain(const View& view, std::string_view name) {
  const uint64_t hash = table_.hashOf(name);
  const auto& networks = view.networks;
  if (networks.size() >= manyNetworks) {
    const auto known = table_.knownBy(hash);
    if (known.size() < networks.size()) {
      for (const Owners* owners : known) {
        if (owners->key != name) continue;
        if (const auto place = view.placeOf(owners->network)) gather(*place, owners->endpoints);
      }
      return;
    }
  }
  for (size_t i = 0; i < networks.size(); i++) gather(i, table_.named(networks[i]->number, name, hash));
}

void Search::gatherQualified(const View& view, const Name& name, size_t firstLabel) {
  for (size_t start = firstLabel + 1; start < name.labels(); start++) {
    if (!table_.hasSuffixesOf(name.labels() - start)) continue;
    const auto networks = table_.withSuffix(name.from(start));
    if (networks.empty()) continue;
    const std::string_view base = name.between(firstLabel, start);
    const uint64_t hash = table_.hashOf(base);
    for (const Network* network : networks) {
      const auto place = view.placeOf(network->number);
      if (place) gather(*place, table_.named(network->number, base, hash));
    }
  }
}

void Search::gather(size_t place, NameTable::Found endpoints) {
  if (!endpoints.empty()) gathered_.push_back({place, endpoints});
}

void Search::add(NameTable::Found endpoints) {
  for (const Endpoint* endpoint : endpoints) {
    if (endpoint->search == search_) continue;
    endpoint->search = search_;
    found_.push_back(endpoint);
  }
}

}  // namespace fairlead::dns
