#include "view.h"

namespace fairlead::dns {

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
  view->group = entry.group;
  view->links = std::move(entry.links);
}

void Views::remove(uint32_t sandbox) {
  View* view = of(sandbox);
  if (view == nullptr) return;
  for (Network* network : view->networks) table_.unuse(*network);
  views_.remove(*view);
}

View* Views::of(uint32_t sandbox) const {
  return views_.find(Hash::with(0, sandbox), [&](const View& each) { return each.sandbox == sandbox; });
}

}  // namespace fairlead::dns
