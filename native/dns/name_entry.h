// The names of one endpoint and what one sandbox may see, as the changes tell of them.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace fairlead::dns {

struct Service {
  /** The IP protocol's number. */
  uint8_t protocol;
  uint16_t port;

  auto operator<=>(const Service&) const = default;
};

/** Names are labels in wire form without the root's octet, in lower case; all numbers but 0 are good. */
struct NameEntry {
  uint32_t endpoint;
  uint32_t network;
  uint32_t sandbox;
  /** What the names of the network's endpoints may end with; empty when no message can hold it. */
  std::string suffix;
  /** Where it is among the endpoints of its network. */
  std::string order;
  /** Its own name as PTR and SRV show it, in its own case; empty when no message can hold it. */
  std::string target;
  std::vector<std::string> names;
  /** One after the other: four bytes each, and sixteen. */
  std::string ipv4;
  std::string ipv6;
  /** Sorted. */
  std::vector<Service> services;
};

struct Link {
  std::string alias;
  uint32_t target;
};

struct ViewEntry {
  uint32_t sandbox;
  /** What the replies to unknown names are remembered under; 0 when they are known not to exist. */
  uint32_t group;
  /** In order of attachment. */
  std::vector<uint32_t> networks;
  std::vector<Link> links;
};

}  // namespace fairlead::dns
