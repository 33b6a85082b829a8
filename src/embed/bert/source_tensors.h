// The tensors of a BERT checkpoint by name, as single precision numbers.
#pragma once

#include "embed/safetensors.h"

#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace nexus::embed::bert {

class SourceTensors {
 public:
  // Keeps views into `tensors`, which must outlive this.
  explicit SourceTensors(std::span<const Tensor> tensors);

  // rows × columns numbers (a vector is 1 × columns). Throws std::runtime_error naming the tensor when it is missing,
  // of another shape, neither F32 nor F16, or holds a number that is not finite.
  [[nodiscard]] std::vector<float> matrix(std::string_view name, std::size_t rows, std::size_t columns) const;
  [[nodiscard]] std::vector<float> vector(std::string_view name, std::size_t size) const;

 private:
  [[nodiscard]] std::vector<float> numbers(std::string_view name, const std::vector<std::uint64_t>& shape) const;

  std::unordered_map<std::string_view, const Tensor*> by_name_;
};

}  // namespace nexus::embed::bert
