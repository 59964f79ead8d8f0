// Names that say what they are of by their form: of an address, or of a port.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "name.h"

namespace fairlead::dns {

struct Address {
  std::array<uint8_t, 16> bytes;
  size_t size;

  std::string_view text() const { return textOf({bytes.data(), size}); }
};

/** The address a name of the reverse trees stands for: in-addr.arpa (RFC 1035 section 3.5) or ip6.arpa (RFC 3596 section 2.5). */
std::optional<Address> addressOfReverseName(const Name& name);

/** `_port._proto.name`, or the `_proto.name` above it. */
struct ServiceName {
  std::optional<uint32_t> port;
  /** The IP protocol's number. */
  uint8_t protocol;
  /** The label at which `name` begins. */
  size_t base;
};

std::optional<ServiceName> serviceNameOf(const Name& name);

}  // namespace fairlead::dns
