#include "embed/bert/converted_model.h"

#include "base/encoding.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <unistd.h>

namespace nexus::embed::bert {
namespace {

static_assert(std::endian::native == std::endian::little, "the file is mapped as it is");

constexpr std::array<char, 8> kMagic{'N', 'X', 'B', 'E', 'R', 'T', '\r', '\n'};

struct Header {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t header_bytes;
  std::uint64_t file_bytes;
  std::uint64_t vocabulary_bytes;
  ModelShape shape;
  std::uint32_t max_tokens;
  std::uint32_t pooling;
  std::uint32_t normalise;
  std::array<char, 104> name;  // texts end with a zero and are zero from there on
  std::array<char, 504> query_prefix;
  std::array<char, 504> document_prefix;
  crypto::Digest source_sum;
  crypto::Digest sum;  // SHA-256 of the file with these 32 bytes zero
  std::array<std::byte, 32> reserved;
};
static_assert(sizeof(Header) == kHeaderBytes && std::is_trivially_copyable_v<Header>);
static_assert(kHeaderBytes % 64 == 0);

template <std::size_t N>
void put_text(std::array<char, N>& field, std::string_view text) {
  std::copy(text.begin(), text.end(), field.begin());
}

template <std::size_t N>
[[nodiscard]] std::string get_text(const std::array<char, N>& field) {
  const auto end = std::find(field.begin(), field.end(), '\0');
  if (end == field.end()) throw std::runtime_error("a text in its header does not end");
  return {field.begin(), end};
}

[[nodiscard]] crypto::Digest sum_of(Header header, std::span<const std::byte> file) {
  header.sum = {};
  crypto::Sha256 sum;
  sum.update(std::as_bytes(std::span(&header, 1)));
  sum.update(file.subspan(kHeaderBytes));
  return sum.finish();
}

[[nodiscard]] Header read_header(std::span<const std::byte> file) {
  if (file.size() < kHeaderBytes) throw std::runtime_error("it is too short");
  Header header;
  std::memcpy(&header, file.data(), sizeof header);
  if (header.magic != kMagic) throw std::runtime_error("it is not a converted encoder");
  if (header.version != kFormatVersion)
    throw std::runtime_error("it has format " + std::to_string(header.version) + ", this program reads format " +
                             std::to_string(kFormatVersion) + "; install the model again");
  if (header.header_bytes != kHeaderBytes) throw std::runtime_error("its header has the wrong size");
  if (header.file_bytes != file.size()) throw std::runtime_error("its length is not the one in its header");
  return header;
}

[[nodiscard]] ModelConfig config_of(const Header& header) {
  ModelConfig config;
  config.name = get_text(header.name);
  config.shape = header.shape;
  config.max_tokens = header.max_tokens;
  config.pooling = static_cast<Pooling>(header.pooling);
  config.normalise = header.normalise != 0;
  config.query_prefix = get_text(header.query_prefix);
  config.document_prefix = get_text(header.document_prefix);
  check_config(config);
  return config;
}

void check_numbers(const Weights& weights, const ModelShape& shape) {
  for (const std::span<const float> section : weights.floats)
    if (!std::all_of(section.begin(), section.end(), [](float x) { return std::isfinite(x); }))
      throw std::runtime_error("it holds a number that is not finite");
  const auto no_negative = [](const float* first, std::size_t count) {
    if (std::any_of(first, first + count, [](float x) { return x < 0; }))
      throw std::runtime_error("it holds a negative scale");
  };
  no_negative(weights.word_scale, shape.vocabulary);
  for (const LayerWeights& layer : weights.layers)
    for (const Linear* linear : {&layer.qkv, &layer.output, &layer.up, &layer.down})
      no_negative(linear->scale, linear->outputs);
}

class Output {
 public:
  explicit Output(const std::filesystem::path& path)
      : path_(path), fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
    if (fd_ < 0) fail();
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() { ::close(fd_); }

  void write(std::span<const std::byte> bytes) const {
    while (!bytes.empty()) {
      const ssize_t done = ::write(fd_, bytes.data(), bytes.size());
      if (done < 0 && errno != EINTR) fail();
      if (done > 0) bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
    if (::fsync(fd_) != 0) fail();
  }

 private:
  [[noreturn]] void fail() const { throw std::system_error(errno, std::generic_category(), path_.string()); }

  std::filesystem::path path_;
  int fd_;
};

}  // namespace

ConvertedModel::ConvertedModel(const std::filesystem::path& path) : file_(path) {
  const std::span<const std::byte> file = file_.bytes();
  const Header header = read_header(file);
  config_ = config_of(header);
  const std::size_t image = image_bytes(config_.shape);
  if (header.vocabulary_bytes > kMaxVocabularyBytes ||
      file.size() != kHeaderBytes + image + static_cast<std::size_t>(header.vocabulary_bytes))
    throw std::runtime_error("its length does not follow from the sizes in its header");
  if (sum_of(header, file) != header.sum) throw std::runtime_error("its SHA-256 sum is wrong: the file is damaged");
  weights_ = bind_weights(config_.shape, file.data() + kHeaderBytes);
  check_numbers(weights_, config_.shape);
  vocabulary_ = file.subspan(kHeaderBytes + image);
  source_sum_ = header.source_sum;
  id_ = config_.name + "@" + hex_encode(header.sum).substr(0, 12);
}

ConvertedModel ConvertedModel::open(const std::filesystem::path& path) {
  try {
    return ConvertedModel(path);
  } catch (const std::system_error&) {
    throw;  // names the file already
  } catch (const std::runtime_error& e) {
    throw std::runtime_error("model file " + path.string() + " cannot be used: " + e.what());
  }
}

void seal_model(const ModelConfig& config, const crypto::Digest& source_sum, std::size_t vocabulary_bytes,
                std::span<std::byte> file) {
  check_config(config);
  if (vocabulary_bytes > kMaxVocabularyBytes ||
      file.size() != kHeaderBytes + image_bytes(config.shape) + vocabulary_bytes)
    throw std::invalid_argument("the bytes of a model do not have the size of its shape");
  Header header{};
  header.magic = kMagic;
  header.version = kFormatVersion;
  header.header_bytes = kHeaderBytes;
  header.file_bytes = file.size();
  header.vocabulary_bytes = vocabulary_bytes;
  header.shape = config.shape;
  header.max_tokens = config.max_tokens;
  header.pooling = static_cast<std::uint32_t>(config.pooling);
  header.normalise = config.normalise ? 1U : 0U;
  put_text(header.name, config.name);
  put_text(header.query_prefix, config.query_prefix);
  put_text(header.document_prefix, config.document_prefix);
  header.source_sum = source_sum;
  header.sum = sum_of(header, file);
  std::memcpy(file.data(), &header, sizeof header);
}

void write_model_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  std::filesystem::path aside = path;
  aside += "." + std::to_string(::getpid()) + ".tmp";
  try {
    Output(aside).write(bytes);
    std::filesystem::rename(aside, path);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove(aside, ignored);
    throw;
  }
}

}  // namespace nexus::embed::bert
