// Which files a local model consists of, where they are, and whether they are the right ones.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::embed {

struct ModelFile {
  std::string_view name;
  std::uint64_t bytes;
  std::string_view sha256;  // lower-case hex
};

struct ModelSpec {
  std::string_view id;  // what corpora remember
  std::size_t dimension;
  std::array<ModelFile, 2> files;
};

// The static table: file 0 is the table (safetensors, fp16), file 1 the tokenizer (JSON).
inline constexpr ModelSpec kStaticModel{
    "wordllama-l2-supercat-256",
    256,
    {{{"l2_supercat_256.safetensors", 16'384'096, "64b47a2dc493cb8e85944076601189739852d7b64e0e1eedcb1937a251cd9fd5"},
      {"l2_supercat_tokenizer_config.json", 1'842'796,
       "93248f2a9ec36c7b35f700a033d5f36228aae48db61aee31007fa49062cdeb68"}}}};

enum class FileState { kGood, kMissing, kWrongSize, kWrongSum };

struct FileReport {
  std::string_view name;
  FileState state;
};

// Sizes only: two stat calls, fit for every start.
[[nodiscard]] bool is_installed(const std::filesystem::path& dir, const ModelSpec& model);

// Sizes and SHA-256 sums: reads every byte (18 MB for the static model).
[[nodiscard]] std::vector<FileReport> verify(const std::filesystem::path& dir, const ModelSpec& model);

}  // namespace nexus::embed
