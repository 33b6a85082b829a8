// Our file of one encoder: a fixed header, the tensors (see weights.h), the tokenizer's bytes. Little-endian, every
// section at a multiple of 64 bytes. It is mapped read-only and shared by all processes.
#pragma once

#include "crypto/hash.h"
#include "embed/bert/model_config.h"
#include "embed/bert/weights.h"
#include "embed/mapped_file.h"

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace nexus::embed::bert {

inline constexpr std::uint32_t kFormatVersion = 1;
inline constexpr std::size_t kHeaderBytes = 1280;
inline constexpr std::size_t kMaxVocabularyBytes = std::size_t{64} << 20U;

// Immutable after opening; every member may be called from any thread.
class ConvertedModel {
 public:
  // Checks everything: magic, version, sizes within check_config(), the length of the file, the SHA-256 sum over all of
  // it, and that every float is finite and no scale negative. Reads the whole file once (about 20 ms for 24 MB).
  // Throws std::runtime_error with the file's name and the reason, std::system_error when it cannot be mapped.
  [[nodiscard]] static ConvertedModel open(const std::filesystem::path& path);

  [[nodiscard]] const ModelConfig& config() const noexcept { return config_; }
  [[nodiscard]] const Weights& weights() const noexcept { return weights_; }
  // What the converter was given for the tokenizer, unchanged.
  [[nodiscard]] std::span<const std::byte> vocabulary() const noexcept { return vocabulary_; }
  // Of the files that were converted.
  [[nodiscard]] const crypto::Digest& source_sum() const noexcept { return source_sum_; }
  // Name and the first twelve digits of the file's own sum: two files of different content have different ids.
  [[nodiscard]] const std::string& id() const noexcept { return id_; }

 private:
  explicit ConvertedModel(const std::filesystem::path& path);

  MappedFile file_;
  ModelConfig config_;
  Weights weights_;
  std::span<const std::byte> vocabulary_;
  crypto::Digest source_sum_{};
  std::string id_;
};

// Fills in the header of `file`, whose first kHeaderBytes are still free and whose other bytes are complete: an image
// of image_bytes(config.shape) and then `vocabulary_bytes` of tokenizer. The same input gives the same bytes.
void seal_model(const ModelConfig& config, const crypto::Digest& source_sum, std::size_t vocabulary_bytes,
                std::span<std::byte> file);

// Writes aside, syncs and renames, so that a reader sees the old file or the whole new one.
// Throws std::system_error.
void write_model_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace nexus::embed::bert
