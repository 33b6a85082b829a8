// Keeps the best of many scored slots.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace nexus::search {

struct Candidate {
  float score;
  std::uint32_t slot;
};

// Collects into a buffer a few times k and cuts it back with nth_element: cheaper than a heap for k around 100.
// `Before(a, b)` is a strict total order, true when a is better than b, and puts higher scores first.
template <class Before>
class TopCollector {
 public:
  TopCollector(std::size_t k, std::vector<Candidate>& buffer, Before before) : k_(k), buffer_(buffer), before_(before) {
    buffer_.clear();
  }

  // No slot with a lower score can be among the best any more.
  [[nodiscard]] float least() const noexcept { return least_; }

  void add(Candidate candidate) {
    buffer_.push_back(candidate);
    if (buffer_.size() >= 4 * k_ + 64) cut();
  }

  // The best k, best first.
  [[nodiscard]] std::span<const Candidate> finish() {
    if (buffer_.size() > k_) cut();
    std::sort(buffer_.begin(), buffer_.end(), before_);
    return buffer_;
  }

  void start_at(float least) noexcept { least_ = least; }

 private:
  void cut() {
    const auto last = buffer_.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
    std::nth_element(buffer_.begin(), last, buffer_.end(), before_);
    buffer_.resize(k_);
    least_ = buffer_.back().score;
  }

  std::size_t k_;
  std::vector<Candidate>& buffer_;
  Before before_;
  float least_ = 0;
};

}  // namespace nexus::search
