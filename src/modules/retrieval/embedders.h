#pragma once

#include "embed/embedder.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace nexus::observe {
class Metrics;
}

namespace nexus::retrieval {

/// The embedding models of this process. Which one new corpora get is a setting; a corpus keeps the one it was embedded
/// with. Thread-safe; a model is loaded once, on first use.
class Embedders {
 public:
  /// `provider`: EMBEDDING_PROVIDER ("local", "fake", …). `models`: folder of the local models' files.
  Embedders(std::string provider, std::filesystem::path models);

  /// The model for new text; null while none is installed: corpora are then searched by their words only.
  [[nodiscard]] std::shared_ptr<const embed::Embedder> current() const;
  /// The model of that id; null when it is not available here.
  [[nodiscard]] std::shared_ptr<const embed::Embedder> find(std::string_view model_id) const;

 private:
  [[nodiscard]] std::shared_ptr<const embed::Embedder> local() const;

  std::string provider_;
  std::filesystem::path models_;
  std::shared_ptr<const embed::Embedder> fake_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const embed::Embedder> local_;  // guarded by mutex_
  mutable bool broken_ = false;                           // installed but unusable: said once
};

/// Says that `texts` stored texts were embedded in `spent_us`. Questions are not counted here: a search shows its own
/// stages.
void count_embedded(observe::Metrics& metrics, const embed::Embedder& model, std::size_t texts, std::int64_t spent_us);

}  // namespace nexus::retrieval
