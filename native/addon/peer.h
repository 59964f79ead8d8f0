// The other side of a socket, in the little room its address needs: there may be thousands of them.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

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

}  // namespace fairlead
