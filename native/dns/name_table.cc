#include "name_table.h"

#include <algorithm>
#include <tuple>

namespace fairlead::dns {

namespace {

template <class OnNetworks>
auto placeOf(OnNetworks& networks, uint32_t network) {
  return std::ranges::lower_bound(networks, network, {}, &Owners::OnNetwork::network);
}

size_t labelsOf(std::string_view name) {
  size_t labels = 0;
  for (size_t offset = 0; offset < name.size(); offset += 1 + static_cast<uint8_t>(name[offset])) labels++;
  return labels;
}

}  // namespace

bool comesBefore(const Endpoint* one, const Endpoint* other) {
  return std::tie(one->order, one->number) < std::tie(other->order, other->number);
}

std::span<const Endpoint* const> Owners::on(uint32_t network) const {
  const auto place = placeOf(networks, network);
  if (place == networks.end() || place->network != network) return {};
  return place->endpoints;
}

void NameTable::put(NameEntry entry) {
  // Before the endpoint it replaces goes, which may be the only one there.
  Network& network = use(entry.network);
  remove(entry.endpoint);
  setSuffix(network, std::move(entry.suffix));
  auto made = std::make_unique<Endpoint>();
  made->hash = Hash::with(0, entry.endpoint);
  made->number = entry.endpoint;
  made->sandbox = entry.sandbox;
  made->network = &network;
  made->arrival = ++arrivals_;
  made->order = std::move(entry.order);
  made->target = std::move(entry.target);
  made->ipv4 = std::move(entry.ipv4);
  made->ipv6 = std::move(entry.ipv6);
  made->services = std::move(entry.services);
  Endpoint& endpoint = endpoints_.add(std::move(made));
  for (const std::string& name : entry.names) addKey(endpoint, KeyKind::name, name);
  for (size_t at = 0; at < endpoint.ipv4.size(); at += 4)
    addKey(endpoint, KeyKind::address, std::string_view(endpoint.ipv4).substr(at, 4));
  for (size_t at = 0; at < endpoint.ipv6.size(); at += 16)
    addKey(endpoint, KeyKind::address, std::string_view(endpoint.ipv6).substr(at, 16));
  addKey(endpoint, KeyKind::sandbox, sandboxKey(endpoint.sandbox));
}

void NameTable::remove(uint32_t number) {
  Endpoint* endpoint =
      endpoints_.find(Hash::with(0, number), [&](const Endpoint& each) { return each.number == number; });
  if (endpoint == nullptr) return;
  for (Owners* owners : endpoint->keys) removeKey(*owners, *endpoint);
  unuse(*endpoint->network);
  endpoints_.remove(*endpoint);
}

Network& NameTable::use(uint32_t number) {
  const uint64_t hash = Hash::with(0, number);
  Network* known = networks_.find(hash, [&](const Network& each) { return each.number == number; });
  if (known == nullptr) {
    auto made = std::make_unique<Network>();
    made->hash = hash;
    made->number = number;
    known = &networks_.add(std::move(made));
  }
  known->users++;
  return *known;
}

void NameTable::unuse(Network& network) {
  if (--network.users > 0) return;
  removeSuffix(network);
  networks_.remove(network);
}

std::string_view NameTable::sandboxKey(const uint32_t& sandbox) {
  return {reinterpret_cast<const char*>(&sandbox), sizeof sandbox};
}

Key NameTable::keyOf(KeyKind kind, std::string_view text) const {
  return {kind, text, Hash::with(hash_(text), static_cast<uint64_t>(kind))};
}

Owners* NameTable::find(const Key& key) const {
  return owners_.find(key.hash, [&](const Owners& each) { return each.kind == key.kind && each.text == key.text; });
}

std::span<Network* const> NameTable::withSuffix(std::string_view suffix) const {
  const Suffix* found = suffixes_.find(hash_(suffix), [&](const Suffix& each) { return each.text == suffix; });
  if (found == nullptr) return {};
  return found->networks;
}

const Endpoint* NameTable::holder(uint32_t network, std::string_view address) const {
  const Owners* owners = ownersOf(KeyKind::address, address);
  if (owners == nullptr) return nullptr;
  const auto holders = owners->on(network);
  const auto latest = std::ranges::max_element(holders, {}, &Endpoint::arrival);
  return latest == holders.end() ? nullptr : *latest;
}

void NameTable::addKey(Endpoint& endpoint, KeyKind kind, std::string_view text) {
  const Key key = keyOf(kind, text);
  Owners* owners = find(key);
  if (owners == nullptr) {
    auto made = std::make_unique<Owners>();
    made->hash = key.hash;
    made->kind = kind;
    made->text = text;
    owners = &owners_.add(std::move(made));
  }
  const uint32_t network = endpoint.network->number;
  auto on = placeOf(owners->networks, network);
  if (on == owners->networks.end() || on->network != network) on = owners->networks.insert(on, {network, {}});
  const auto place = std::ranges::lower_bound(on->endpoints, &endpoint, comesBefore);
  // A sandbox's name is often its hostname too.
  if (place != on->endpoints.end() && *place == &endpoint) return;
  on->endpoints.insert(place, &endpoint);
  endpoint.keys.push_back(owners);
}

void NameTable::removeKey(Owners& owners, const Endpoint& endpoint) {
  const auto on = placeOf(owners.networks, endpoint.network->number);
  on->endpoints.erase(std::ranges::lower_bound(on->endpoints, &endpoint, comesBefore));
  if (on->endpoints.empty()) owners.networks.erase(on);
  if (owners.networks.empty()) owners_.remove(owners);
}

void NameTable::setSuffix(Network& network, std::string suffix) {
  if (network.suffix == suffix) return;
  removeSuffix(network);
  network.suffix = std::move(suffix);
  if (!network.suffix.empty()) addSuffix(network);
}

void NameTable::addSuffix(Network& network) {
  const uint64_t hash = hash_(network.suffix);
  Suffix* suffix = suffixes_.find(hash, [&](const Suffix& each) { return each.text == network.suffix; });
  if (suffix == nullptr) {
    auto made = std::make_unique<Suffix>();
    made->hash = hash;
    made->text = network.suffix;
    suffix = &suffixes_.add(std::move(made));
    suffixLabels_[labelsOf(suffix->text)]++;
  }
  suffix->networks.push_back(&network);
}

void NameTable::removeSuffix(Network& network) {
  if (network.suffix.empty()) return;
  Suffix* suffix =
      suffixes_.find(hash_(network.suffix), [&](const Suffix& each) { return each.text == network.suffix; });
  std::erase(suffix->networks, &network);
  if (!suffix->networks.empty()) return;
  suffixLabels_[labelsOf(suffix->text)]--;
  suffixes_.remove(*suffix);
}

}  // namespace fairlead::dns
