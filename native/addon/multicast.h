// Sockets that hear what the kernel announces to netlink multicast groups.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "error.h"
#include "fd.h"

namespace fairlead {

/** Opens a non-blocking socket in the calling thread's namespace that is a member of the groups (RTNLGRP_…, NFNLGRP_…). */
Result<Fd> openMulticast(int protocol, const std::vector<uint32_t>& groups);

/** Reads one datagram of the kernel's and returns its length; EAGAIN when there is none, ENOBUFS when some were lost. */
Result<size_t> receive(int fd, std::span<uint8_t> buffer);

}  // namespace fairlead
