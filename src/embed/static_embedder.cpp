#include "embed/static_embedder.h"

#include "base/encoding.h"
#include "crypto/hash.h"
#include "embed/safetensors.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace nexus::embed {
namespace {

[[nodiscard]] MappedFile map_checked(const std::filesystem::path& dir, const ModelFile& file) {
  MappedFile mapped(dir / file.name);
  if (mapped.bytes().size() != file.bytes)
    throw std::runtime_error("model file " + (dir / file.name).string() + " has the wrong size");
  return mapped;
}

// Halves of a [rows, dimension] fp16 tensor.
[[nodiscard]] const std::uint16_t* find_table(std::span<const std::byte> bytes, std::size_t rows,
                                              std::size_t dimension) {
  for (const Tensor& tensor : parse_safetensors(bytes)) {
    if (tensor.dtype != "F16" || tensor.shape != std::vector<std::uint64_t>{rows, dimension}) continue;
    if (reinterpret_cast<std::uintptr_t>(tensor.data.data()) % alignof(std::uint16_t) != 0) continue;
    return reinterpret_cast<const std::uint16_t*>(tensor.data.data());
  }
  throw std::runtime_error("the model holds no fp16 table that fits its tokenizer");
}

// Written aside and renamed, so that no reader ever sees half of it. False when the folder does not take it.
bool write_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  std::filesystem::path aside = path;
  aside += "." + std::to_string(::getpid()) + ".tmp";
  std::ofstream file(aside, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  file.close();
  std::error_code failed;
  if (file) std::filesystem::rename(aside, path, failed);
  if (file && !failed) return true;
  std::filesystem::remove(aside, failed);
  return false;
}

[[nodiscard]] std::optional<TokenizerTables> read_image(const std::filesystem::path& path,
                                                        const crypto::Digest& source) {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed)) return std::nullopt;
  try {
    return TokenizerTables::from_image(MappedFile(path).bytes(), source);
  } catch (const std::system_error&) {
    return std::nullopt;  // unreadable is as good as absent: the JSON is the truth
  }
}

[[nodiscard]] std::vector<TokenId>& token_scratch() {
  thread_local std::vector<TokenId> ids;
  ids.clear();
  return ids;
}

}  // namespace

struct StaticEmbedder::Loaded {
  std::string_view model_id;
  std::size_t dimension;
  MappedFile table_file;
  const std::uint16_t* table;
  TokenizerTables tables;
  bool from_image;
};

StaticEmbedder::Loaded StaticEmbedder::load(const std::filesystem::path& dir, const ModelSpec& model) {
  if (model.dimension == 0 || model.dimension % 32 != 0)
    throw std::runtime_error("a static model's dimension must be a multiple of 32");
  const MappedFile json = map_checked(dir, model.files[1]);
  const crypto::Digest sum = crypto::sha256(json.bytes());
  if (hex_encode(sum) != model.files[1].sha256)
    throw std::runtime_error("model file " + (dir / model.files[1].name).string() + " has the wrong SHA-256 sum");
  std::filesystem::path image_path = dir / model.files[1].name;
  image_path += ".nxtk";
  std::optional<TokenizerTables> tables = read_image(image_path, sum);
  const bool from_image = tables.has_value();
  if (!tables) {
    const std::span<const std::byte> bytes = json.bytes();
    tables = TokenizerTables::from_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    write_atomically(image_path, tables->to_image(sum));
  }
  MappedFile table_file = map_checked(dir, model.files[0]);
  const std::uint16_t* table = find_table(table_file.bytes(), tables->vocabulary_size(), model.dimension);
  return {model.id, model.dimension, std::move(table_file), table, std::move(*tables), from_image};
}

StaticEmbedder::StaticEmbedder(Loaded loaded)
    : model_id_(loaded.model_id),
      dimension_(loaded.dimension),
      table_file_(std::move(loaded.table_file)),
      table_(loaded.table),
      tokenizer_(std::move(loaded.tables)),
      sum_(half_rows_kernels().front().sum),
      loaded_from_image_(loaded.from_image) {}

std::unique_ptr<StaticEmbedder> StaticEmbedder::open(const std::filesystem::path& dir, const ModelSpec& model) {
  return std::unique_ptr<StaticEmbedder>(new StaticEmbedder(load(dir, model)));
}

void StaticEmbedder::embed(std::string_view text, std::span<float> out) const {
  require_size(out.size(), 1);
  std::vector<TokenId>& ids = token_scratch();
  tokenizer_.encode(text, ids);
  sum_(table_, ids, out);
  double squares = 0;
  for (const float x : out) squares += double{x} * double{x};
  if (!(squares > 0)) return;
  const auto scale = static_cast<float>(1.0 / std::sqrt(squares));
  std::for_each(out.begin(), out.end(), [scale](float& x) { x *= scale; });
}

}  // namespace nexus::embed
