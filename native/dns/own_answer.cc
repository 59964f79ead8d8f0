#include "own_answer.h"

#include <algorithm>
#include <cstring>

#include "special_name.h"

namespace fairlead::dns {

struct AddressFamily {
  uint16_t type;
  size_t bytes;
  std::string Endpoint::*addresses;
};

namespace {

using namespace std::string_view_literals;

constexpr AddressFamily ipv4{type::a, 4, &Endpoint::ipv4};
constexpr AddressFamily ipv6{type::aaaa, 16, &Endpoint::ipv6};

constexpr std::array<uint8_t, 2> ofQuestion{questionPointer >> 8, questionPointer & 0xFF};
/** A pointer cannot say an offset from here on. */
constexpr size_t pointerLimit = 0x4000;
constexpr size_t serverFixedBytes = 6;

constexpr auto hinfoData = "\x07RFC8482\0"sv;
// fairlead hostmaster.fairlead, serial 1, refresh 3600, retry 600, expire 86400, minimum 5
constexpr auto soaData =
    "\x08" "fairlead\0" "\x0a" "hostmaster\x08" "fairlead\0"
    "\0\0\0\x01" "\0\0\x0e\x10" "\0\0\x02\x58" "\0\x01\x51\x80" "\0\0\0\x05"sv;

void writeRecord(Section section, Bytes owner, uint16_t recordType, std::string_view data, ReplyWriter& reply) {
  uint8_t* at = reply.record(section, owner, recordType, data.size());
  if (at != nullptr) std::memcpy(at, data.data(), data.size());
}

/** A name that is known but has no record of the type; ANY gets the one record that says so (RFC 8482 section 4.2). */
Verdict writeNoData(uint16_t askedType, ReplyWriter& reply) {
  if (askedType == type::any)
    writeRecord(Section::answer, ofQuestion, type::hinfo, hinfoData, reply);
  else
    writeRecord(Section::authority, ofQuestion, type::soa, soaData, reply);
  return Verdict::noData;
}

std::array<uint8_t, 2> pointerTo(size_t offset) {
  return {static_cast<uint8_t>(0xC0 | offset >> 8), static_cast<uint8_t>(offset)};
}

/** Which of several comes first. Only who had a choice moves on: names with one address take no turns from the others. */
size_t takeTurn(uint32_t& turn, size_t choices) { return choices < 2 ? 0 : turn++ % choices; }

bool hasTarget(const Endpoint* endpoint) { return !endpoint->target.empty(); }

}  // namespace

Verdict writeNoName(Bytes zone, ReplyWriter& reply) {
  writeRecord(Section::authority, zone, type::soa, soaData, reply);
  return Verdict::noName;
}

Verdict OwnAnswers::write(const Query& query, View& view, ReplyWriter& reply) {
  if (search_.findOwners(view, query.name, 0)) return writeOfName(query, view, reply);
  const auto address = addressOfReverseName(query.name);
  if (address && search_.findHolders(view, address->text())) return writeOfAddress(query, reply);
  return writeOfService(query, view, reply);
}

Verdict OwnAnswers::writeOfName(const Query& query, View& view, ReplyWriter& reply) {
  if (query.type != type::a && query.type != type::aaaa) return writeNoData(query.type, reply);
  const bool isIpv4 = query.type == type::a;
  const AddressFamily& family = isIpv4 ? ipv4 : ipv6;
  addresses_.begin(family.bytes);
  for (const Endpoint* owner : search_.found()) addresses_.add(owner->*family.addresses);
  if (addresses_.size() == 0) return writeNoData(query.type, reply);
  const size_t first = takeTurn(isIpv4 ? view.turns.a : view.turns.aaaa, addresses_.size());
  writeAddresses(family, Section::answer, ofQuestion, first, reply);
  credit(search_.found());
  return Verdict::answered;
}

Verdict OwnAnswers::writeOfAddress(const Query& query, ReplyWriter& reply) {
  if (query.type != type::ptr) return writeNoData(query.type, reply);
  const auto& holders = search_.found();
  if (!std::ranges::all_of(holders, hasTarget)) return Verdict::unwritable;
  for (const Endpoint* holder : holders) {
    uint8_t* at = reply.record(Section::answer, ofQuestion, type::ptr, holder->target.size() + 1);
    if (at == nullptr) break;
    std::memcpy(at, holder->target.c_str(), holder->target.size() + 1);
  }
  credit(holders);
  return Verdict::answered;
}

/** SRV of a port of a known name. Ports the name does not have do not exist; other names of this form are none of ours. */
Verdict OwnAnswers::writeOfService(const Query& query, View& view, ReplyWriter& reply) {
  const auto service = serviceNameOf(query.name);
  if (!service || !search_.findOwners(view, query.name, service->base)) return Verdict::unknown;
  if (!service->port) return writeNoData(query.type, reply);
  servers_.clear();
  for (const Endpoint* owner : search_.found()) {
    const bool serves = *service->port <= UINT16_MAX &&
                        std::ranges::binary_search(
                            owner->services, Service{service->protocol, static_cast<uint16_t>(*service->port)});
    if (serves) servers_.push_back(owner);
  }
  if (servers_.empty()) return writeNoName(pointerTo(headerBytes + query.name.startOf(service->base)), reply);
  if (query.type != type::srv) return writeNoData(query.type, reply);
  if (!std::ranges::all_of(servers_, hasTarget)) return Verdict::unwritable;
  writeServers(static_cast<uint16_t>(*service->port), takeTurn(view.turns.srv, servers_.size()), reply);
  credit(servers_);
  return Verdict::answered;
}

// RFC 2782
//   offset  size  field
//   0       2     priority, zero
//   2       2     weight, zero
//   4       2     port
//   6       any   target
void OwnAnswers::writeServers(uint16_t port, size_t first, ReplyWriter& reply) {
  targetOffsets_.assign(servers_.size(), 0);
  for (size_t i = 0; i < servers_.size(); i++) {
    const size_t index = (first + i) % servers_.size();
    const std::string& target = servers_[index]->target;
    uint8_t* at = reply.record(Section::answer, ofQuestion, type::srv, serverFixedBytes + target.size() + 1);
    if (at == nullptr) return;
    write32(at, 0);
    write16(at + 4, port);
    std::memcpy(at + serverFixedBytes, target.c_str(), target.size() + 1);
    targetOffsets_[index] = reply.offset() - target.size() - 1;
  }
  for (size_t i = 0; i < servers_.size(); i++) writeTargetAddresses(*servers_[i], targetOffsets_[i], reply);
}

void OwnAnswers::writeTargetAddresses(const Endpoint& server, size_t targetOffset, ReplyWriter& reply) {
  const auto pointer = pointerTo(targetOffset);
  // The terminating zero is the root's octet.
  const Bytes whole{reinterpret_cast<const uint8_t*>(server.target.c_str()), server.target.size() + 1};
  const Bytes owner = targetOffset < pointerLimit ? Bytes(pointer) : whole;
  for (const AddressFamily* family : {&ipv4, &ipv6}) {
    addresses_.begin(family->bytes);
    addresses_.add(server.*family->addresses);
    writeAddresses(*family, Section::additional, owner, 0, reply);
  }
}

/** Those that were gathered, beginning with one of them. */
void OwnAnswers::writeAddresses(const AddressFamily& family, Section section, Bytes owner, size_t first,
                                ReplyWriter& reply) const {
  size_t index = first;
  for (size_t left = addresses_.size(); left > 0; left--) {
    uint8_t* at = reply.record(section, owner, family.type, family.bytes);
    if (at == nullptr) return;
    std::memcpy(at, addresses_[index], family.bytes);
    if (++index == addresses_.size()) index = 0;
  }
}

/** Counts the question for each network whose names answered it. */
void OwnAnswers::credit(const std::vector<const Endpoint*>& endpoints) {
  answer_++;
  for (const Endpoint* endpoint : endpoints) {
    if (endpoint->network->credited == answer_) continue;
    endpoint->network->credited = answer_;
    endpoint->network->answered++;
  }
}

}  // namespace fairlead::dns
