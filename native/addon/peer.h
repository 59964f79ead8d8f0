// The other side of a socket, in the little room its address needs: there may be thousands of them.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace fairlead {

union Peer {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

inline bool isV4(const Peer& peer) { return peer.any.sa_family == AF_INET; }

inline socklen_t lengthOf(const Peer& peer) { return isV4(peer) ? sizeof peer.v4 : sizeof peer.v6; }

/** Four bytes, or sixteen. */
inline std::span<const uint8_t> addressOf(const Peer& peer) {
  if (isV4(peer)) return {reinterpret_cast<const uint8_t*>(&peer.v4.sin_addr), sizeof peer.v4.sin_addr};
  return {peer.v6.sin6_addr.s6_addr, sizeof peer.v6.sin6_addr};
}

using AddressKey = std::array<uint8_t, 16>;

/** A socket has peers of one family, so that no two of them are alike here. */
inline AddressKey keyOf(const Peer& peer) {
  AddressKey key{};
  std::ranges::copy(addressOf(peer), key.begin());
  return key;
}

}  // namespace fairlead
