#include "embed/bert/source_tensors.h"

#include "embed/half_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>

namespace nexus::embed::bert {
namespace {

constexpr std::string_view kPrefix = "bert.";

[[nodiscard]] std::vector<float> widen(const Tensor& tensor) {
  std::vector<float> numbers;
  if (tensor.dtype == "F32") {
    numbers.resize(tensor.data.size() / sizeof(float));
    if (!numbers.empty()) std::memcpy(numbers.data(), tensor.data.data(), tensor.data.size());
    return numbers;
  }
  if (tensor.dtype != "F16")
    throw std::runtime_error("tensor " + tensor.name + " is of type " + tensor.dtype + ", not F32 or F16");
  std::vector<std::uint16_t> halves(tensor.data.size() / sizeof(std::uint16_t));
  if (!halves.empty()) std::memcpy(halves.data(), tensor.data.data(), tensor.data.size());
  numbers.resize(halves.size());
  std::transform(halves.begin(), halves.end(), numbers.begin(), half_to_float);
  return numbers;
}

}  // namespace

SourceTensors::SourceTensors(std::span<const Tensor> tensors) {
  for (const Tensor& tensor : tensors) {
    std::string_view name = tensor.name;
    if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
    if (!by_name_.emplace(name, &tensor).second)
      throw std::runtime_error("tensor " + std::string(name) + " is there twice");
  }
}

std::vector<float> SourceTensors::matrix(std::string_view name, std::size_t rows, std::size_t columns) const {
  return numbers(name, {rows, columns});
}

std::vector<float> SourceTensors::vector(std::string_view name, std::size_t size) const {
  return numbers(name, {size});
}

std::vector<float> SourceTensors::numbers(std::string_view name, const std::vector<std::uint64_t>& shape) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) throw std::runtime_error("tensor " + std::string(name) + " is missing");
  if (found->second->shape != shape)
    throw std::runtime_error("tensor " + std::string(name) + " does not have the shape that config.json asks for");
  std::vector<float> numbers = widen(*found->second);
  if (!std::all_of(numbers.begin(), numbers.end(), [](float x) { return std::isfinite(x); }))
    throw std::runtime_error("tensor " + std::string(name) + " holds a number that is not finite");
  return numbers;
}

}  // namespace nexus::embed::bert
