#include "relay_arrival.h"

#include <netinet/in.h>

#include <cstring>

namespace fairlead {

namespace {

template <typename Info>
std::vector<uint8_t> ancillary(int level, int type, const Info& info) {
  std::vector<uint8_t> bytes(CMSG_SPACE(sizeof info));
  cmsghdr header{};
  header.cmsg_level = level;
  header.cmsg_type = type;
  header.cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(bytes.data(), &header, sizeof header);
  std::memcpy(bytes.data() + CMSG_LEN(0), &info, sizeof info);
  return bytes;
}

Result<bool> isIpv6(int fd) {
  sockaddr_storage own{};
  socklen_t length = sizeof own;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&own), &length) != 0) return lastError("getsockname");
  return own.ss_family == AF_INET6;
}

}  // namespace

Result<Done> tellArrival(int fd) {
  const Result<bool> six = isIpv6(fd);
  if (const SystemError* error = errorOf(six)) return *error;
  const int on = 1;
  const int level = std::get<bool>(six) ? IPPROTO_IPV6 : IPPROTO_IP;
  const int option = std::get<bool>(six) ? IPV6_RECVPKTINFO : IP_PKTINFO;
  if (setsockopt(fd, level, option, &on, sizeof on) != 0) return lastError("setsockopt");
  return Done{};
}

Arrival arrivalOf(msghdr& message) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(header), sizeof info);
      return {static_cast<unsigned>(info.ipi_ifindex),
              ancillary(IPPROTO_IP, IP_PKTINFO, in_pktinfo{0, info.ipi_spec_dst, {}})};
    }
    if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(header), sizeof info);
      const unsigned interface = info.ipi6_ifindex;
      if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) info.ipi6_ifindex = 0;
      return {interface, ancillary(IPPROTO_IPV6, IPV6_PKTINFO, info)};
    }
  }
  return {};
}

unsigned arrivalInterfaceOf(int connection) {
  const Result<bool> six = isIpv6(connection);
  if (errorOf(six)) return 0;
  Ancillary control;
  socklen_t length = sizeof control.bytes;
  const int level = std::get<bool>(six) ? IPPROTO_IPV6 : IPPROTO_IP;
  // Of a stream socket these tell what recvmsg tells of datagrams (net/ipv6/ipv6_sockglue.c, net/ipv4/ip_sockglue.c).
  const int option = std::get<bool>(six) ? IPV6_2292PKTOPTIONS : IP_PKTOPTIONS;
  if (getsockopt(connection, level, option, control.bytes, &length) != 0) return 0;
  msghdr message{};
  message.msg_control = control.bytes;
  message.msg_controllen = length;
  return arrivalOf(message).interface;
}

}  // namespace fairlead
