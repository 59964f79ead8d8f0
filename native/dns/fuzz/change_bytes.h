// Writes changes in the format the answerer takes them in: src/dns/names/table-changes.ts has the one the daemon uses.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::dns::fuzz {

struct EndpointNames {
  uint32_t endpoint;
  uint32_t network;
  uint32_t sandbox;
  std::string_view networkName;
  /** The first is its own; `a.b` are two labels. */
  std::vector<std::string_view> names;
  /** The last byte of each. */
  std::vector<uint8_t> ipv4;
  std::vector<uint8_t> ipv6;
  std::vector<uint16_t> tcpPorts;
};

struct SandboxView {
  uint32_t sandbox;
  uint32_t group;
  std::vector<uint32_t> networks;
  std::vector<std::pair<std::string_view, uint32_t>> links;
};

/** Labels in wire form without the root's octet. */
std::string wireName(std::string_view text);
/** 10.0.NETWORK.LAST */
std::string ipv4Bytes(uint32_t network, uint8_t last);

std::string putEndpoint(const EndpointNames& of);
std::string removeEndpoint(uint32_t endpoint);
std::string setView(const SandboxView& view);
std::string removeView(uint32_t sandbox);

}  // namespace fairlead::dns::fuzz
