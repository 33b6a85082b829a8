#include "modules/limits/bucket_table.h"

#include <algorithm>

namespace nexus::limits {
namespace {

/// Idle buckets removed for each one added: more than one, so that a table shrinks after a rush.
constexpr int kCleanedPerCreate = 2;

}  // namespace

BucketTable::BucketTable(std::size_t most) : most_(std::max<std::size_t>(most, 2)) {}

BucketTable::Entry* BucketTable::find(const BucketName& name) {
  const auto at = entries_.find(name);
  return at == entries_.end() ? nullptr : &at->second;
}

const BucketTable::Entry* BucketTable::find(const BucketName& name) const {
  const auto at = entries_.find(name);
  return at == entries_.end() ? nullptr : &at->second;
}

BucketTable::Entry& BucketTable::create(const BucketName& name, const Rate& rate, std::int64_t now_us) {
  make_room(now_us);
  heap_.push_back(nullptr);
  try {
    Entry& entry = entries_.emplace(name, Entry(name, Bucket::full(rate, now_us), rate)).first->second;
    place(&entry, heap_.size() - 1);  // held entries are the largest: the end is where they belong
    return entry;
  } catch (...) {
    heap_.pop_back();
    throw;
  }
}

void BucketTable::hold(Entry& entry) {
  entry.due_us = kHeld;
  move_down(entry.place);
}

void BucketTable::settle(Entry& entry) {
  const std::int64_t full_at = entry.bucket.full_at_us(entry.rate);
  if (full_at >= entry.due_us) return;
  entry.due_us = full_at;
  move_up(entry.place);
}

void BucketTable::make_room(std::int64_t now_us) {
  for (int i = 0; i < kCleanedPerCreate && !heap_.empty(); ++i) {
    correct_top();
    if (heap_.front()->due_us > now_us - kIdleUs) break;
    evict_top();
  }
  if (heap_.size() < most_) return;
  correct_top();
  evict_top();
}

void BucketTable::correct_top() {
  while (heap_.front()->due_us != kHeld) {
    Entry& top = *heap_.front();
    const std::int64_t full_at = top.bucket.full_at_us(top.rate);
    if (full_at <= top.due_us) return;
    top.due_us = full_at;
    move_down(0);
  }
}

void BucketTable::evict_top() {
  const BucketName name = heap_.front()->name;
  place(heap_.back(), 0);
  heap_.pop_back();
  if (!heap_.empty()) move_down(0);
  entries_.erase(name);
}

void BucketTable::place(Entry* entry, std::size_t at) {
  heap_[at] = entry;
  entry->place = at;
}

void BucketTable::move_up(std::size_t at) {
  Entry* const moved = heap_[at];
  while (at > 0 && moved->due_us < heap_[(at - 1) / 2]->due_us) {
    place(heap_[(at - 1) / 2], at);
    at = (at - 1) / 2;
  }
  place(moved, at);
}

void BucketTable::move_down(std::size_t at) {
  Entry* const moved = heap_[at];
  for (std::size_t child = 2 * at + 1; child < heap_.size(); child = 2 * at + 1) {
    if (child + 1 < heap_.size() && heap_[child + 1]->due_us < heap_[child]->due_us) ++child;
    if (heap_[child]->due_us >= moved->due_us) break;
    place(heap_[child], at);
    at = child;
  }
  place(moved, at);
}

}  // namespace nexus::limits
