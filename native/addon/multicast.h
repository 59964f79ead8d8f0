// Sockets that hear what the kernel announces to netlink multicast groups.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "error.h"
#include "fd.h"

namespace fairlead {

/** Opens a non-blocking socket in the calling thread's namespace that is a member of the groups (RTNLGRP_…, NFNLGRP_…). */
Result<Fd> openMulticast(int protocol, const std::vector<uint32_t>& groups);

/**
 * The same for rtnetlink, but heard are the messages of one type alone (RTM_…), and those of every namespace that the thread's own
 * has a number for (since Linux 4.2).
 */
Result<Fd> openMulticastEverywhere(uint16_t messageType, const std::vector<uint32_t>& groups);

struct Datagram {
  size_t length;
  /** Of the namespace it was announced in; absent for the socket's own. */
  std::optional<int> namespaceId;
};

/** Reads one datagram of the kernel's; EAGAIN when there is none, ENOBUFS when some were lost. */
Result<Datagram> receive(int fd, std::span<uint8_t> buffer);

}  // namespace fairlead
