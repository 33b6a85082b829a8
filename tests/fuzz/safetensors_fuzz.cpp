// Model tables: whatever parses must lie inside the given bytes.
#include "embed/safetensors.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <stdexcept>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    for (const nexus::embed::Tensor& tensor : nexus::embed::parse_safetensors(bytes))
      if (tensor.data.data() < bytes.data() || tensor.data.data() + tensor.data.size() > bytes.data() + bytes.size())
        std::abort();
  } catch (const std::runtime_error&) {
    return 0;
  }
  return 0;
}
