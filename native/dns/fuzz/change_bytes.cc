#include "change_bytes.h"

namespace fairlead::dns::fuzz {

namespace {

std::string number(uint32_t value, size_t bytes) {
  std::string text;
  for (size_t left = bytes; left > 0; left--) text += static_cast<char>(value >> 8 * (left - 1));
  return text;
}

std::string counted(const std::string& text) { return number(static_cast<uint32_t>(text.size()), 1) + text; }

template <class Items, class Write>
std::string list(const Items& items, Write write) {
  std::string text = number(static_cast<uint32_t>(items.size()), 4);
  for (const auto& item : items) text += write(item);
  return text;
}

std::string change(uint32_t operation, const std::string& body) {
  return number(operation, 1) + number(static_cast<uint32_t>(body.size()), 4) + body;
}

/** fd00::NETWORK:LAST */
std::string ipv6Bytes(uint32_t network, uint8_t last) {
  return "\xfd" + std::string(12, '\0') + number(network, 1) + number(last, 2);
}

}  // namespace

std::string wireName(std::string_view text) {
  std::string name;
  while (!text.empty()) {
    const std::string_view label = text.substr(0, text.find('.'));
    name += counted(std::string(label));
    text.remove_prefix(label.size() == text.size() ? label.size() : label.size() + 1);
  }
  return name;
}

std::string ipv4Bytes(uint32_t network, uint8_t last) { return number(0x0A000000 | network << 8 | last, 4); }

std::string putEndpoint(const EndpointNames& of) {
  const std::string suffix = wireName(of.networkName);
  const std::string own = of.names.empty() ? "" : std::string(of.names[0]);
  const std::string target = own.empty() ? "" : wireName(own) + suffix;
  return change(1, number(of.endpoint, 4) + number(of.network, 4) + number(of.sandbox, 4) + counted(suffix) +
                       counted(own) + counted(target) +
                       list(of.names, [](std::string_view name) { return counted(wireName(name)); }) +
                       list(of.ipv4, [&](uint8_t last) { return ipv4Bytes(of.network, last); }) +
                       list(of.ipv6, [&](uint8_t last) { return ipv6Bytes(of.network, last); }) +
                       list(of.tcpPorts, [](uint16_t port) { return "\x06" + number(port, 2); }));
}

std::string removeEndpoint(uint32_t endpoint) { return change(2, number(endpoint, 4)); }

std::string setView(const SandboxView& view) {
  return change(3, number(view.sandbox, 4) + number(view.group, 4) +
                       list(view.networks, [](uint32_t network) { return number(network, 4); }) +
                       list(view.links, [](const auto& link) {
                         return counted(wireName(link.first)) + number(link.second, 4);
                       }));
}

std::string removeView(uint32_t sandbox) { return change(4, number(sandbox, 4)); }

}  // namespace fairlead::dns::fuzz
