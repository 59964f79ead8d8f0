// A hash table that grows by one bucket at a time, so that no single change pays for all (linear hashing, Litwin 1980).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace fairlead::dns {

/** Owns its items, which have a `hash` and a `next`, and stay where they are. */
template <class Item>
class HashIndex {
 public:
  HashIndex() : buckets_(1) {}

  template <class Matches>
  Item* find(uint64_t hash, Matches matches) const {
    for (Item* item = buckets_[bucketOf(hash)].get(); item != nullptr; item = item->next.get()) {
      if (item->hash == hash && matches(*item)) return item;
    }
    return nullptr;
  }

  Item& add(std::unique_ptr<Item> item) {
    Item& added = *item;
    push(buckets_[bucketOf(added.hash)], std::move(item));
    size_++;
    if (size_ > buckets_.size()) split();
    return added;
  }

  std::unique_ptr<Item> remove(const Item& item) {
    std::unique_ptr<Item>* place = &buckets_[bucketOf(item.hash)];
    while (place->get() != &item) place = &(*place)->next;
    std::unique_ptr<Item> removed = std::move(*place);
    *place = std::move(removed->next);
    size_--;
    return removed;
  }

  template <class Visit>
  void each(Visit visit) const {
    for (const auto& bucket : buckets_) {
      for (Item* item = bucket.get(); item != nullptr; item = item->next.get()) visit(*item);
    }
  }

  size_t size() const { return size_; }

 private:
  /** The buckets behind `half_` that are there yet were split from those `half_` before them. */
  size_t bucketOf(uint64_t hash) const {
    const size_t bucket = hash & (2 * half_ - 1);
    return bucket < buckets_.size() ? bucket : bucket - half_;
  }

  static void push(std::unique_ptr<Item>& bucket, std::unique_ptr<Item> item) {
    item->next = std::move(bucket);
    bucket = std::move(item);
  }

  void split() {
    std::unique_ptr<Item> moved = std::move(buckets_[buckets_.size() - half_]);
    buckets_.emplace_back();
    while (moved != nullptr) {
      std::unique_ptr<Item> rest = std::move(moved->next);
      std::unique_ptr<Item>& bucket = buckets_[bucketOf(moved->hash)];
      push(bucket, std::move(moved));
      moved = std::move(rest);
    }
    if (buckets_.size() == 2 * half_) half_ *= 2;
  }

  std::vector<std::unique_ptr<Item>> buckets_;
  /** A power of two, more than half of the buckets and no more than there are. */
  size_t half_ = 1;
  size_t size_ = 0;
};

}  // namespace fairlead::dns
