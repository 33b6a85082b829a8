#include "modules/retrieval/embedders.h"

#include "embed/fake_embedder.h"
#include "embed/model_files.h"
#include "embed/static_embedder.h"
#include "observe/log.h"
#include "observe/metrics.h"

#include <exception>

namespace nexus::retrieval {

Embedders::Embedders(std::string provider, std::filesystem::path models)
    : provider_(std::move(provider)), models_(std::move(models)), fake_(std::make_shared<embed::FakeEmbedder>()) {}

std::shared_ptr<const embed::Embedder> Embedders::current() const {
  if (provider_ == "fake") return fake_;
  return provider_ == "local" ? local() : nullptr;
}

std::shared_ptr<const embed::Embedder> Embedders::find(std::string_view model_id) const {
  if (model_id == fake_->model_id()) return fake_;
  if (model_id == embed::kStaticModel.id) return local();
  return nullptr;
}

std::shared_ptr<const embed::Embedder> Embedders::local() const {
  const std::lock_guard lock(mutex_);
  if (local_ || broken_) return local_;
  if (!embed::is_installed(models_, embed::kStaticModel)) return nullptr;
  try {
    local_ = embed::StaticEmbedder::open(models_);
  } catch (const std::exception& e) {
    broken_ = true;
    observe::log_error("local embedding model cannot be used",
                       {{"model", embed::kStaticModel.id}, {"folder", models_.string()}, {"reason", e.what()}});
  }
  return local_;
}

void count_embedded(observe::Metrics& metrics, const embed::Embedder& model, std::size_t texts, std::int64_t spent_us) {
  const std::string id(model.model_id());
  metrics.counter("nexusrag_embed_texts_total", {{"model", id}}).add(texts);
  metrics.histogram("nexusrag_embed_seconds", {{"model", id}}).observe(static_cast<double>(spent_us) / 1e6);
}

}  // namespace nexus::retrieval
