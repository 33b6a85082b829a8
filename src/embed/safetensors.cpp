#include "embed/safetensors.h"

#include <boost/json.hpp>

#include <cstring>
#include <stdexcept>
#include <string_view>

namespace nexus::embed {
namespace {

constexpr std::size_t kMaxHeader = std::size_t{1} << 20U;
constexpr std::size_t kMaxTensors = 1024;
constexpr std::size_t kMaxRank = 8;

[[noreturn]] void bad_container(std::string_view why) {
  throw std::runtime_error("not a usable safetensors file: " + std::string(why));
}

[[nodiscard]] std::uint64_t dtype_size(std::string_view dtype) {
  if (dtype == "F64" || dtype == "I64" || dtype == "U64") return 8;
  if (dtype == "F32" || dtype == "I32" || dtype == "U32") return 4;
  if (dtype == "F16" || dtype == "BF16" || dtype == "I16" || dtype == "U16") return 2;
  if (dtype == "I8" || dtype == "U8" || dtype == "BOOL") return 1;
  bad_container("unknown tensor type");
}

[[nodiscard]] std::uint64_t natural(const boost::json::value& value) {
  boost::json::error_code failed;
  const auto number = value.to_number<std::uint64_t>(failed);
  if (failed) bad_container("a number is not a natural one");
  return number;
}

[[nodiscard]] const boost::json::array& array_at(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_array()) bad_container("a list is missing");
  return value->get_array();
}

[[nodiscard]] Tensor read_tensor(std::string_view name, const boost::json::value& value,
                                 std::span<const std::byte> data) {
  if (!value.is_object()) bad_container("a tensor is not an object");
  const boost::json::object& fields = value.get_object();
  const boost::json::value* dtype = fields.if_contains("dtype");
  if (dtype == nullptr || !dtype->is_string()) bad_container("a tensor has no type");
  Tensor tensor;
  tensor.name = std::string(name);
  tensor.dtype = std::string(std::string_view(dtype->get_string()));
  std::uint64_t expected = dtype_size(tensor.dtype);
  const boost::json::array& shape = array_at(fields, "shape");
  if (shape.size() > kMaxRank) bad_container("too many dimensions");
  for (const boost::json::value& extent : shape) {
    tensor.shape.push_back(natural(extent));
    if (__builtin_mul_overflow(expected, tensor.shape.back(), &expected)) bad_container("a shape overflows");
  }
  const boost::json::array& offsets = array_at(fields, "data_offsets");
  if (offsets.size() != 2) bad_container("offsets are not a pair");
  const std::uint64_t begin = natural(offsets[0]);
  const std::uint64_t end = natural(offsets[1]);
  if (begin > end || end > data.size()) bad_container("a tensor lies outside the file");
  if (end - begin != expected) bad_container("a tensor's size does not match its shape");
  tensor.data = data.subspan(begin, end - begin);
  return tensor;
}

[[nodiscard]] boost::json::value parse_header(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = 8;
  boost::json::error_code failed;
  boost::json::value header = boost::json::parse(text, failed, {}, options);
  if (failed || !header.is_object()) bad_container("the header is not a JSON object");
  return header;
}

}  // namespace

std::vector<Tensor> parse_safetensors(std::span<const std::byte> bytes) {
  if (bytes.size() < 8) bad_container("too short");
  std::uint64_t header_size = 0;
  for (std::size_t i = 8; i-- > 0;) header_size = header_size << 8U | std::to_integer<std::uint64_t>(bytes[i]);
  if (header_size > kMaxHeader || header_size > bytes.size() - 8) bad_container("the header does not fit");
  const std::span<const std::byte> head = bytes.subspan(8, header_size);
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  const boost::json::value header = parse_header(text.substr(0, text.find_last_not_of(' ') + 1));
  const std::span<const std::byte> data = bytes.subspan(8 + header_size);
  if (header.get_object().size() > kMaxTensors) bad_container("too many tensors");
  std::vector<Tensor> tensors;
  for (const auto& entry : header.get_object()) {
    if (entry.key() == "__metadata__") continue;
    tensors.push_back(read_tensor(std::string_view(entry.key()), entry.value(), data));
  }
  return tensors;
}

}  // namespace nexus::embed
