#include "name_table.h"

#include <algorithm>
#include <tuple>

namespace fairlead::dns {

namespace {

uint64_t ownersHash(KeyKind kind, uint32_t network, uint64_t keyHash) {
  return Hash::with(keyHash, static_cast<uint64_t>(kind) << 32 | network);
}

std::string_view sandboxKey(const uint32_t& sandbox) {
  return {reinterpret_cast<const char*>(&sandbox), sizeof sandbox};
}

constexpr auto anyName = [](const KnownName&) { return true; };

size_t labelsOf(std::string_view name) {
  size_t labels = 0;
  for (size_t offset = 0; offset < name.size(); offset += 1 + static_cast<uint8_t>(name[offset])) labels++;
  return labels;
}

}  // namespace

bool comesBefore(const Endpoint* one, const Endpoint* other) {
  return std::tie(one->order, one->number) < std::tie(other->order, other->number);
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

NameTable::Found NameTable::named(uint32_t network, std::string_view name, uint64_t nameHash) const {
  return find(KeyKind::name, network, name, nameHash);
}

NameTable::Found NameTable::holding(uint32_t network, std::string_view address) const {
  return find(KeyKind::address, network, address, hash_(address));
}

NameTable::Found NameTable::ofSandbox(uint32_t network, uint32_t sandbox) const {
  const std::string_view key = sandboxKey(sandbox);
  return find(KeyKind::sandbox, network, key, hash_(key));
}

std::span<const Owners* const> NameTable::knownBy(uint64_t nameHash) const {
  const KnownName* known = knownNames_.find(nameHash, anyName);
  if (known == nullptr) return {};
  return known->owners;
}

std::span<Network* const> NameTable::withSuffix(std::string_view suffix) const {
  const Suffix* found = suffixes_.find(hash_(suffix), [&](const Suffix& each) { return each.text == suffix; });
  if (found == nullptr) return {};
  return found->networks;
}

const Endpoint* NameTable::holder(uint32_t network, std::string_view address) const {
  const Found holders = holding(network, address);
  const auto latest = std::ranges::max_element(holders, {}, &Endpoint::arrival);
  return latest == holders.end() ? nullptr : *latest;
}

NameTable::Found NameTable::find(KeyKind kind, uint32_t network, std::string_view key, uint64_t keyHash) const {
  const Owners* found = owners_.find(ownersHash(kind, network, keyHash), [&](const Owners& each) {
    return each.network == network && each.kind == kind && each.key == key;
  });
  if (found == nullptr) return {};
  return found->endpoints;
}

void NameTable::addKey(Endpoint& endpoint, KeyKind kind, std::string_view key) {
  const uint32_t network = endpoint.network->number;
  const uint64_t keyHash = hash_(key);
  const uint64_t hash = ownersHash(kind, network, keyHash);
  Owners* owners = owners_.find(
      hash, [&](const Owners& each) { return each.network == network && each.kind == kind && each.key == key; });
  if (owners == nullptr) {
    auto made = std::make_unique<Owners>();
    made->hash = hash;
    made->kind = kind;
    made->network = network;
    made->key = key;
    owners = &owners_.add(std::move(made));
    if (kind == KeyKind::name) noteName(*owners, keyHash);
  }
  auto& endpoints = owners->endpoints;
  const auto place = std::ranges::lower_bound(endpoints, &endpoint, comesBefore);
  // A sandbox's name is often its hostname too.
  if (place != endpoints.end() && *place == &endpoint) return;
  endpoints.insert(place, &endpoint);
  endpoint.keys.push_back(owners);
}

void NameTable::removeKey(Owners& owners, const Endpoint& endpoint) {
  auto& endpoints = owners.endpoints;
  endpoints.erase(std::ranges::lower_bound(endpoints, &endpoint, comesBefore));
  if (!endpoints.empty()) return;
  if (owners.kind == KeyKind::name) forgetName(owners, hash_(owners.key));
  owners_.remove(owners);
}

void NameTable::noteName(const Owners& owners, uint64_t nameHash) {
  KnownName* known = knownNames_.find(nameHash, anyName);
  if (known == nullptr) {
    auto made = std::make_unique<KnownName>();
    made->hash = nameHash;
    known = &knownNames_.add(std::move(made));
  }
  known->owners.push_back(&owners);
}

void NameTable::forgetName(const Owners& owners, uint64_t nameHash) {
  KnownName* known = knownNames_.find(nameHash, anyName);
  std::erase(known->owners, &owners);
  if (known->owners.empty()) knownNames_.remove(*known);
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
