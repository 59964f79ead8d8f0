#include "world.h"

#include <cstring>

#include "change_bytes.h"

namespace fairlead::dns::fuzz {

namespace {

constexpr uint32_t lab = 1;
constexpr uint32_t back = 2;
constexpr uint32_t many = 3;

std::string smallNetworks() {
  return putEndpoint({1, lab, 1, "lab", {"web", "www", "web-host", "0123456789ab"}, {2}, {2}, {80, 443}}) +
         putEndpoint({2, lab, 2, "lab", {"db", "store", "a.b", "web.back"}, {3}, {}, {5432}}) +
         putEndpoint({3, back, 3, "back", {"db2", "store", "odd\x01\xff"}, {3, 4}, {3, 4}, {5432}}) +
         putEndpoint({4, back, 4, "back", {"both", "_80", "_tcp"}, {5}, {5}, {}}) +
         putEndpoint({5, lab, 4, "lab", {"both", "lab"}, {5}, {5}, {80}}) +
         // Names that no message can hold, and none at all.
         putEndpoint({6, back, 6, "", {}, {6}, {6}, {1}});
}

/** More addresses and servers than a datagram holds, some of them twice. */
std::string manyOwners() {
  std::string changes;
  for (uint32_t i = 0; i < 200; i++) {
    const auto last = static_cast<uint8_t>(i % 150);
    changes += putEndpoint({100 + i, many, 100 + i, "many.more", {"crowd", "all"}, {last}, {last}, {80}});
  }
  return changes;
}

std::string views() {
  return setView({1, group, {lab}, {}}) + setView({2, 0, {lab, back}, {}}) +
         setView({3, group, {back, lab, many}, {{"store", 1}, {"peer", 99}, {"l.ink", 3}}}) +
         setView({4, group + 1, {many}, {}}) + setView({5, group, {}, {}});
}

}  // namespace

const std::string& worldChanges() {
  static const std::string changes = smallNetworks() + manyOwners() + views();
  return changes;
}

Asker askerOf(uint8_t choice) {
  Asker asker;
  asker.unknownIsElsewhere = (choice & 0x80) != 0;
  if ((choice & 0x40) == 0) {
    asker.sandbox = 1 + choice % 8;
    return asker;
  }
  asker.network = 1 + choice % 3;
  const std::string address = ipv4Bytes(asker.network, (choice & 0x3F) >> 2);
  std::memcpy(asker.address.data(), address.data(), address.size());
  asker.addressBytes = static_cast<uint8_t>(address.size());
  return asker;
}

Transport transportOf(uint8_t choice) {
  constexpr size_t limits[] = {512, 1232, 4096, 65'535};
  return {(choice & 4) == 0, limits[choice & 3]};
}

}  // namespace fairlead::dns::fuzz
