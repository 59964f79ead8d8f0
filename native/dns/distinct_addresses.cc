#include "distinct_addresses.h"

#include <algorithm>
#include <cstring>

namespace fairlead::dns {

namespace {

constexpr size_t fewItems = 16;

}  // namespace

void DistinctAddresses::begin(size_t bytes) {
  bytes_ = bytes;
  items_.clear();
  slots_.clear();
}

void DistinctAddresses::add(const std::string& addresses) {
  for (size_t at = 0; at < addresses.size(); at += bytes_) {
    const char* address = addresses.data() + at;
    if (isNew(address)) items_.push_back(address);
  }
}

bool DistinctAddresses::isNew(const char* address) {
  if (items_.size() < fewItems) return isNewByLooking(address);
  // A slot for the one that comes, and as many empty ones.
  if (2 * (items_.size() + 1) > slots_.size()) grow();
  uint32_t& slot = slots_[slotOf(address)];
  if (slot != 0) return false;
  slot = static_cast<uint32_t>(items_.size() + 1);
  return true;
}

bool DistinctAddresses::isNewByLooking(const char* address) const {
  return std::ranges::none_of(items_, [&](const char* each) { return std::memcmp(each, address, bytes_) == 0; });
}

/** Where an address is, or would be. */
size_t DistinctAddresses::slotOf(const char* address) const {
  size_t slot = hash_({address, bytes_}) & (slots_.size() - 1);
  while (slots_[slot] != 0 && std::memcmp(items_[slots_[slot] - 1], address, bytes_) != 0)
    slot = (slot + 1) & (slots_.size() - 1);
  return slot;
}

void DistinctAddresses::grow() {
  slots_.assign(std::max(2 * slots_.size(), 4 * fewItems), 0);
  for (size_t i = 0; i < items_.size(); i++) slots_[slotOf(items_[i])] = static_cast<uint32_t>(i + 1);
}

}  // namespace fairlead::dns
