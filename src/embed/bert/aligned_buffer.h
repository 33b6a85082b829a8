// Bytes that start on a cache line.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <span>

namespace nexus::embed::bert {

inline constexpr std::size_t kAlignment = 64;

[[nodiscard]] constexpr std::size_t aligned(std::size_t bytes) noexcept {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

// Zeroed at construction, fixed in size.
class AlignedBuffer {
 public:
  explicit AlignedBuffer(std::size_t bytes)
      : size_(bytes),
        data_(static_cast<std::byte*>(::operator new (aligned(bytes + 1), std::align_val_t{kAlignment}))) {
    std::memset(data_.get(), 0, size_);
  }

  [[nodiscard]] std::byte* data() noexcept { return data_.get(); }
  [[nodiscard]] const std::byte* data() const noexcept { return data_.get(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_.get(), size_}; }

 private:
  struct Free {
    void operator()(std::byte* data) const noexcept { ::operator delete (data, std::align_val_t{kAlignment}); }
  };

  std::size_t size_;
  std::unique_ptr<std::byte, Free> data_;
};

}  // namespace nexus::embed::bert
