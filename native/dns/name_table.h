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

/** What endpoints are found by. */
enum class KeyKind : uint8_t { name, address, sandbox };

/** A name in wire form, the bytes of an address, or a sandbox's number. */
struct Key {
  KeyKind kind;
  std::string_view text;
  uint64_t hash;
};

using Endpoints = std::vector<const Endpoint*>;

/** The endpoints that have a key, on all networks. */
struct Owners {
  struct OnNetwork {
    uint32_t network;
    /** In order. */
    Endpoints endpoints;
  };

  uint64_t hash;
  std::unique_ptr<Owners> next;
  KeyKind kind;
  std::string text;
  /** Sorted by network. */
  std::vector<OnNetwork> networks;

  /** Those on one network. */
  std::span<const Endpoint* const> on(uint32_t network) const;
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
  /** Adds or replaces the names of one endpoint. */
  void put(NameEntry entry);
  /** Absent is fine. */
  void remove(uint32_t endpoint);

  /** The network of that number, which stays for as long as it has a user. */
  Network& use(uint32_t number);
  void unuse(Network& network);

  /** Null when nobody has it. */
  const Owners* ownersOf(KeyKind kind, std::string_view text) const { return find(keyOf(kind, text)); }
  /** The text of a sandbox's key, for as long as the number is there. */
  static std::string_view sandboxKey(const uint32_t& sandbox);
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
  Key keyOf(KeyKind kind, std::string_view text) const;
  Owners* find(const Key& key) const;
  void addKey(Endpoint& endpoint, KeyKind kind, std::string_view text);
  void removeKey(Owners& owners, const Endpoint& endpoint);
  void setSuffix(Network& network, std::string suffix);
  void addSuffix(Network& network);
  void removeSuffix(Network& network);

  Hash hash_;
  HashIndex<Network> networks_;
  HashIndex<Endpoint> endpoints_;
  HashIndex<Owners> owners_;
  HashIndex<Suffix> suffixes_;
  /** By their number of labels. */
  std::array<size_t, 128> suffixLabels_{};
  uint64_t arrivals_ = 0;
};

}  // namespace fairlead::dns
