#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::rag {

/// Frames of a run one behind the other, each with its length in four bytes (most significant first) before it.

/// Bytes that `frame` takes in a batch.
[[nodiscard]] std::size_t framed_size(std::string_view frame);
void append_frame(std::string& batch, std::string_view frame);
/// Takes whole frames of at most `most` bytes, at least one if there is any, from the front of `waiting`.
[[nodiscard]] std::string take_batch(std::string& waiting, std::size_t most);
/// Appends the frames of a batch; false when its bytes are no sequence of frames.
[[nodiscard]] bool split_frames(std::string_view batch, std::vector<std::string>& frames);

}  // namespace nexus::rag
