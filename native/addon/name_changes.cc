#include "name_changes.h"

#include <utility>

namespace fairlead {

namespace {

constexpr size_t manyBytes = 64 << 10;

}  // namespace

bool NameChanges::add(dns::Bytes changes) {
  const std::lock_guard lock(mutex_);
  auto& [bytes, ends] = waiting_;
  const bool wereMany = bytes.size() >= manyBytes;
  bytes.insert(bytes.end(), changes.begin(), changes.end());
  ends.push_back(bytes.size());
  return !wereMany && bytes.size() >= manyBytes;
}

void NameChanges::applyTo(dns::Answerer& answerer) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.ends.empty()) return;
    std::swap(waiting_, applied_);
  }
  const dns::Bytes all(applied_.bytes);
  size_t start = 0;
  for (const size_t end : applied_.ends) {
    if (!answerer.apply(all.subspan(start, end - start))) failed_ = true;
    start = end;
  }
  // The first names of all, say, are many more than ever change at a time.
  if (applied_.bytes.capacity() > 2 * manyBytes) applied_ = {};
  applied_.bytes.clear();
  applied_.ends.clear();
}

}  // namespace fairlead
