// Reader of the safetensors container: eight bytes of header length, a JSON header, raw little-endian tensors.
// Source: the format description in the safetensors project. Only what static tables need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace nexus::embed {

struct Tensor {
  std::string name;
  std::string dtype;  // "F16", "F32", "I8", …
  std::vector<std::uint64_t> shape;
  std::span<const std::byte> data;  // view into the given bytes
};

// Throws std::runtime_error on anything that is not a well-formed container of at most 1,024 tensors with a header of
// at most 1 MiB: wrong lengths, ranges outside the file, sizes that do not follow from shape and type.
[[nodiscard]] std::vector<Tensor> parse_safetensors(std::span<const std::byte> bytes);

}  // namespace nexus::embed
