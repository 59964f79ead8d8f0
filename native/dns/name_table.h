// The names and addresses of all endpoints, by network.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string_view>

#include "bytes.h"
#include "hash.h"
#include "hash_index.h"
#include "name_entry.h"

namespace fairlead::dns {

struct Network {
  uint64_t hash;
  std::unique_ptr<Network> next;
  uint32_t number;
  std::string suffix;
  /** Endpoints on it and views of it: without any it is forgotten. */
  size_t users = 0;
  /** Questions that were answered with its names. */
  uint64_t answered = 0;
  /** The last of them. */
  uint64_t credited = 0;
};

struct Owners;

struct Endpoint {
  uint64_t hash;
  std::unique_ptr<Endpoint> next;
  uint32_t number;
  uint32_t sandbox;
  Network* network;
  /** When it came, among the others. */
  uint64_t arrival;
  std::string order;
  std::string target;
  std::string ipv4;
  std::string ipv6;
  std::vector<Service> services;
  /** By which it is found. */
  std::vector<Owners*> keys;

  /** The search that found it last. */
  mutable uint64_t search = 0;
};

/** The order of the endpoints of a network. */
bool comesBefore(const Endpoint* one, const Endpoint* other);

/** What endpoints of a network are found by. */
enum class KeyKind : uint8_t { name, address, sandbox };

/** The endpoints of a network that have a name, have an address, or are a sandbox's; in order. */
struct Owners {
  uint64_t hash;
  std::unique_ptr<Owners> next;
  KeyKind kind;
  uint32_t network;
  std::string key;
  std::vector<const Endpoint*> endpoints;
};

/** Who has names of a hash, on whatever network: one name's as a rule, but not for certain. */
struct KnownName {
  uint64_t hash;
  std::unique_ptr<KnownName> next;
  std::vector<const Owners*> owners;
};

/** The networks whose names may end so. */
struct Suffix {
  uint64_t hash;
  std::unique_ptr<Suffix> next;
  std::string text;
  std::vector<Network*> networks;
};

class NameTable {
 public:
  using Found = std::span<const Endpoint* const>;

  /** Adds or replaces the names of one endpoint. */
  void put(NameEntry entry);
  /** Absent is fine. */
  void remove(uint32_t endpoint);

  /** The network of that number, which stays for as long as it has a user. */
  Network& use(uint32_t number);
  void unuse(Network& network);

  uint64_t hashOf(std::string_view name) const { return hash_(name); }
  /** Those of one network that have a name. */
  Found named(uint32_t network, std::string_view name, uint64_t nameHash) const;
  Found holding(uint32_t network, std::string_view address) const;
  Found ofSandbox(uint32_t network, uint32_t sandbox) const;
  /** Those of all networks that have names of a hash. */
  std::span<const Owners* const> knownBy(uint64_t nameHash) const;
  /** The networks whose names may end so. */
  std::span<Network* const> withSuffix(std::string_view suffix) const;
  /** Whether there are suffixes of so many labels. */
  bool hasSuffixesOf(size_t labels) const { return suffixLabels_[labels] > 0; }

  /** The endpoint that has an address on a network; the latest, where one replaces another. */
  const Endpoint* holder(uint32_t network, std::string_view address) const;

  template <class Visit>
  void eachNetwork(Visit visit) const {
    networks_.each(visit);
  }

 private:
  void addKey(Endpoint& endpoint, KeyKind kind, std::string_view key);
  void removeKey(Owners& owners, const Endpoint& endpoint);
  void noteName(const Owners& owners, uint64_t nameHash);
  void forgetName(const Owners& owners, uint64_t nameHash);
  void setSuffix(Network& network, std::string suffix);
  void addSuffix(Network& network);
  void removeSuffix(Network& network);
  Found find(KeyKind kind, uint32_t network, std::string_view key, uint64_t keyHash) const;

  Hash hash_;
  HashIndex<Network> networks_;
  HashIndex<Endpoint> endpoints_;
  HashIndex<Owners> owners_;
  HashIndex<KnownName> knownNames_;
  HashIndex<Suffix> suffixes_;
  /** By their number of labels. */
  std::array<size_t, 128> suffixLabels_{};
  uint64_t arrivals_ = 0;
};

}  // namespace fairlead::dns
