// Changes of names and views off the wire. The format is that of src/dns/names/table-changes.ts:
//   change         op(1) length(4: of the body) body
//   1 putEndpoint  endpoint(4) network(4) sandbox(4) suffix:name order:text target:name names:count(4) name*
//                  ipv4:count(4) 4 bytes* ipv6:count(4) 16 bytes* services:count(4) (protocol(1) port(2))*
//   2 removeEndpoint  endpoint(4)
//   3 setView      sandbox(4) group(4) networks:count(4) network(4)* links:count(4) (alias:name sandbox(4))*
//   4 removeView   sandbox(4)
//   name           length(1), then that many bytes: labels in wire form without the root's octet
//   text           length(1), then that many bytes
#pragma once

#include <optional>
#include <variant>

#include "bytes.h"
#include "name_entry.h"

namespace fairlead::dns {

struct RemovedEndpoint {
  uint32_t endpoint;
};

struct RemovedView {
  uint32_t sandbox;
};

using Change = std::variant<NameEntry, RemovedEndpoint, ViewEntry, RemovedView>;

/** Takes the first change off the bytes; nothing when it is malformed. */
std::optional<Change> takeChange(Bytes& bytes);

}  // namespace fairlead::dns
