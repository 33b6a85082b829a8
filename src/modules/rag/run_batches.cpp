#include "modules/rag/run_batches.h"

#include <optional>
#include <utility>

namespace nexus::rag {
namespace {

constexpr std::size_t kLengthBytes = 4;

/// Bytes of the frame that begins at `at`, with its length; empty when there is no whole one.
std::optional<std::size_t> size_at(std::string_view batch, std::size_t at) {
  if (batch.size() - at < kLengthBytes) return std::nullopt;
  std::size_t size = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) size = size << 8U | static_cast<unsigned char>(batch[at + i]);
  if (batch.size() - at - kLengthBytes < size) return std::nullopt;
  return kLengthBytes + size;
}

}  // namespace

std::size_t framed_size(std::string_view frame) {
  return kLengthBytes + frame.size();
}

void append_frame(std::string& batch, std::string_view frame) {
  for (std::size_t i = kLengthBytes; i-- > 0;) batch.push_back(static_cast<char>((frame.size() >> (8 * i)) & 0xFFU));
  batch.append(frame);
}

std::string take_batch(std::string& waiting, std::size_t most) {
  if (waiting.size() <= most) return std::exchange(waiting, {});
  std::size_t end = 0;
  while (const std::optional<std::size_t> size = size_at(waiting, end)) {
    if (end > 0 && end + *size > most) break;
    end += *size;
  }
  std::string batch = waiting.substr(0, end);
  waiting.erase(0, end);
  return batch;
}

bool split_frames(std::string_view batch, std::vector<std::string>& frames) {
  for (std::size_t at = 0; at < batch.size();) {
    const std::optional<std::size_t> size = size_at(batch, at);
    if (!size) return false;
    frames.emplace_back(batch.substr(at + kLengthBytes, *size - kLengthBytes));
    at += *size;
  }
  return true;
}

}  // namespace nexus::rag
