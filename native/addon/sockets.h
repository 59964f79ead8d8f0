// Sockets of the Internet protocols: servers in a namespace, and holders of host ports.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "error.h"
#include "fd.h"

namespace fairlead {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

/** `text` is a valid IPv4 or IPv6 address. */
SocketAddress toSocketAddress(const std::string& text, uint16_t port);

/** A bound (IPPROTO_UDP) or listening (IPPROTO_TCP) non-blocking socket in the calling thread's namespace. */
Result<Fd> openServer(int protocol, const SocketAddress& address);

/** One of UDP and one of TCP, or none. */
Result<std::vector<Fd>> openServers(const SocketAddress& address);

/**
 * A non-blocking socket on a free port of `from`, in the calling thread's namespace. Of TCP it is on its way to `to`, as only
 * sockets that are can be handed to node; of UDP it can still be connected.
 */
Result<Fd> openClient(int protocol, const SocketAddress& from, const SocketAddress& to);

/**
 * A non-blocking raw socket in the calling thread's namespace that sends ICMP to `to` and gets what comes from there. Not a
 * datagram socket: who may have those depends on net.ipv4.ping_group_range. No message is sent in fragments, and what the kernel
 * has learned of the way's MTU has no effect.
 */
Result<Fd> openEcho(const SocketAddress& to);

struct HeldPort {
  Fd fd;
  uint16_t port;
};

/**
 * Binds a port so that nobody else gets it, and lets no packet in: published ports are carried by the firewall.
 * Port 0 takes a free one. `protocol` is IPPROTO_TCP, IPPROTO_UDP or IPPROTO_SCTP. `both`: `address` is :: and stands for
 * 0.0.0.0 as well.
 */
Result<HeldPort> holdPort(int protocol, const SocketAddress& address, bool both);

/** Sends one datagram to a unix socket; a path that begins with @ is in the abstract namespace. */
Result<Done> sendToUnix(const std::string& path, const std::string& text);

}  // namespace fairlead
