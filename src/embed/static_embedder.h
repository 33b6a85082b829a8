// A static table of token vectors (wordllama): the embedding of a text is the normalised mean of its tokens' rows.
#pragma once

#include "embed/bpe_tokenizer.h"
#include "embed/embedder.h"
#include "embed/half_rows.h"
#include "embed/mapped_file.h"
#include "embed/model_files.h"

#include <filesystem>
#include <memory>
#include <vector>

namespace nexus::embed {

class StaticEmbedder final : public Embedder {
 public:
  // Maps the table of `model` in `dir` and loads its tokenizer. The tokenizer's tables are taken from an image kept
  // beside it ("<name>.nxtk", made on the first start, replaced when damaged or stale; a read-only folder only costs
  // the 25 ms again). Checks the sizes of both files and the sum of the tokenizer; `verify()` checks the table's sum.
  // Throws std::runtime_error (std::system_error for the file system) when the model cannot be used.
  [[nodiscard]] static std::unique_ptr<StaticEmbedder> open(const std::filesystem::path& dir,
                                                            const ModelSpec& model = kStaticModel);

  [[nodiscard]] std::string_view model_id() const noexcept override { return model_id_; }
  [[nodiscard]] std::size_t dimension() const noexcept override { return dimension_; }
  [[nodiscard]] float fusion_weight() const noexcept override { return 0.4F; }
  void embed(std::string_view text, std::span<float> out) const override;

  [[nodiscard]] const BpeTokenizer& tokenizer() const noexcept { return tokenizer_; }

  // Whether the tokenizer came from its image (for start-up logs and tests).
  [[nodiscard]] bool loaded_from_image() const noexcept { return loaded_from_image_; }

 private:
  struct Loaded;
  explicit StaticEmbedder(Loaded loaded);
  [[nodiscard]] static Loaded load(const std::filesystem::path& dir, const ModelSpec& model);

  std::string_view model_id_;
  std::size_t dimension_;
  MappedFile table_file_;
  const std::uint16_t* table_;  // vocabulary × dimension halves inside table_file_
  BpeTokenizer tokenizer_;
  SumHalfRows sum_;
  bool loaded_from_image_;
};

}  // namespace nexus::embed
