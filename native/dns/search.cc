#include "search.h"

#include <algorithm>
#include <utility>

namespace fairlead::dns {

bool Search::findOwners(const View& view, const Name& name, size_t firstLabel) {
  begin();
  if (addLinked(view, name.from(firstLabel))) return true;
  gather(view, KeyKind::name, name.from(firstLabel));
  gatherQualified(view, name, firstLabel);
  addGathered();
  return !found_.empty();
}

bool Search::findHolders(const View& view, std::string_view address) {
  begin();
  gather(view, KeyKind::address, address);
  addGathered();
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
    gather(view, KeyKind::sandbox, NameTable::sandboxKey(link.target));
    addGathered();
  }
  return isLinked;
}

void Search::gatherQualified(const View& view, const Name& name, size_t firstLabel) {
  for (size_t start = firstLabel + 1; start < name.labels(); start++) {
    if (!table_.hasSuffixesOf(name.labels() - start)) continue;
    const auto networks = table_.withSuffix(name.from(start));
    const Owners* owners =
        networks.empty() ? nullptr : table_.ownersOf(KeyKind::name, name.between(firstLabel, start));
    if (owners == nullptr) continue;
    for (const Network* network : networks) {
      if (const auto place = view.placeOf(network->number)) gatherOn(*place, owners->on(network->number));
    }
  }
}

void Search::gather(const View& view, KeyKind kind, std::string_view text) {
  const Owners* owners = table_.ownersOf(kind, text);
  if (owners == nullptr) return;
  // A sandbox may be on very many networks, and a name too, but hardly both.
  if (owners->networks.size() < view.networks.size()) {
    for (const auto& [network, endpoints] : owners->networks) {
      if (const auto place = view.placeOf(network)) gatherOn(*place, endpoints);
    }
    return;
  }
  for (size_t i = 0; i < view.networks.size(); i++) gatherOn(i, owners->on(view.networks[i]->number));
}

void Search::gatherOn(size_t place, std::span<const Endpoint* const> endpoints) {
  if (!endpoints.empty()) gathered_.push_back({place, endpoints});
}

/** Adds what was gathered in the order of the networks, each endpoint once. */
void Search::addGathered() {
  if (gathered_.size() > 1) std::ranges::sort(gathered_, {}, &Gathered::place);
  size_t networkStart = 0;
  for (size_t i = 0; i < gathered_.size(); i++) {
    const bool isSameNetwork = i > 0 && gathered_[i].place == gathered_[i - 1].place;
    if (!isSameNetwork) networkStart = found_.size();
    for (const Endpoint* endpoint : gathered_[i].endpoints) {
      if (std::exchange(endpoint->search, search_) != search_) found_.push_back(endpoint);
    }
    // Some have the name by one form, some by the other.
    if (isSameNetwork) std::ranges::sort(std::span(found_).subspan(networkStart), comesBefore);
  }
  gathered_.clear();
}

}  // namespace fairlead::dns
