#include "view.h"

#include <algorithm>

namespace fairlead::dns {

std::optional<size_t> View::placeOf(uint32_t network) const {
  const auto found = std::ranges::lower_bound(places, network, {}, &std::pair<uint32_t, size_t>::first);
  return found != places.end() && found->first == network ? std::optional(found->second) : std::nullopt;
}

void Views::set(ViewEntry entry) {
  View* view = of(entry.sandbox);
  if (view == nullptr) {
    auto made = std::make_unique<View>();
    made->hash = Hash::with(0, entry.sandbox);
    made->sandbox = entry.sandbox;
    view = &views_.add(std::move(made));
  }
  std::vector<Network*> networks;
  for (const uint32_t number : entry.networks) networks.push_back(&table_.use(number));
  networks.swap(view->networks);
  // After those of now are in use: what is in both is not forgotten in between.
  for (Network* network : networks) table_.unuse(*network);
  view->places.clear();
  view->places.reserve(entry.networks.size());
  for (size_t i = 0; i < entry.networks.size(); i++) view->places.emplace_back(entry.networks[i], i);
  std::ranges::sort(view->places);
  if (view->group != entry.group) setGroup(*view, entry.group);
  view->links = std::move(entry.links);
}

void Views::remove(uint32_t sandbox) {
  View* view = of(sandbox);
  if (view == nullptr) return;
  for (Network* network : view->networks) table_.unuse(*network);
  groups_.erase(view->era);
  views_.remove(*view);
}

View* Views::of(uint32_t sandbox) const {
  return views_.find(Hash::with(0, sandbox), [&](const View& each) { return each.sandbox == sandbox; });
}

uint32_t Views::groupIn(uint32_t era) const {
  const auto known = groups_.find(era);
  return known == groups_.end() ? 0 : known->second;
}

void Views::setGroup(View& view, uint32_t group) {
  groups_.erase(view.era);
  view.group = group;
  view.era = 0;
  if (group == 0) return;
  while (++lastEra_ == 0 || groups_.contains(lastEra_)) {
  }
  view.era = lastEra_;
  groups_.emplace(view.era, group);
}

}  // namespace fairlead::dns
