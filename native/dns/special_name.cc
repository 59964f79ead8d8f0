#include "special_name.h"

#include <netinet/in.h>

namespace fairlead::dns {

namespace {

/** Of at most so many digits, which may be zeros. */
std::optional<uint32_t> numberOf(std::string_view digits, size_t digitsMax) {
  if (digits.empty() || digits.size() > digitsMax) return std::nullopt;
  uint32_t value = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') return std::nullopt;
    value = value * 10 + static_cast<uint32_t>(digit - '0');
  }
  return value;
}

std::optional<uint8_t> nibbleOf(std::string_view label) {
  if (label.size() != 1) return std::nullopt;
  const char digit = label[0];
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return std::nullopt;
}

std::optional<Address> ipv4Of(const Name& name) {
  Address address{{}, 4};
  for (size_t i = 0; i < 4; i++) {
    const auto byte = numberOf(name.label(3 - i), 3);
    if (!byte || *byte > 255) return std::nullopt;
    address.bytes[i] = static_cast<uint8_t>(*byte);
  }
  return address;
}

std::optional<Address> ipv6Of(const Name& name) {
  Address address{{}, 16};
  for (size_t i = 0; i < 32; i++) {
    const auto nibble = nibbleOf(name.label(31 - i));
    if (!nibble) return std::nullopt;
    address.bytes[i / 2] = static_cast<uint8_t>(address.bytes[i / 2] << 4 | *nibble);
  }
  return address;
}

std::optional<uint8_t> protocolOf(std::string_view label) {
  if (label == "_tcp") return IPPROTO_TCP;
  if (label == "_udp") return IPPROTO_UDP;
  if (label == "_sctp") return IPPROTO_SCTP;
  return std::nullopt;
}

}  // namespace

std::optional<Address> addressOfReverseName(const Name& name) {
  const size_t labels = name.labels();
  if (labels == 6 && name.label(5) == "arpa" && name.label(4) == "in-addr") return ipv4Of(name);
  if (labels == 34 && name.label(33) == "arpa" && name.label(32) == "ip6") return ipv6Of(name);
  return std::nullopt;
}

std::optional<ServiceName> serviceNameOf(const Name& name) {
  if (name.labels() < 2) return std::nullopt;
  const std::string_view first = name.label(0);
  if (const auto protocol = protocolOf(first)) return ServiceName{std::nullopt, *protocol, 1};
  const auto port = first[0] == '_' ? numberOf(first.substr(1), 5) : std::nullopt;
  if (!port || name.labels() < 3) return std::nullopt;
  const auto protocol = protocolOf(name.label(1));
  if (!protocol) return std::nullopt;
  return ServiceName{port, *protocol, 2};
}

}  // namespace fairlead::dns
