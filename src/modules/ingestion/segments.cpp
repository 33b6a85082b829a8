#include "modules/ingestion/segments.h"

#include <optional>
#include <stdexcept>

namespace nexus::ingestion {
namespace {

search::SegmentOptions segment_options(const embed::Embedder* model) {
  search::SegmentOptions options;
  if (model != nullptr) {
    options.vector_format = model->model_id() == "fake" ? search::VectorFormat::kFloat32 : search::VectorFormat::kInt8;
    options.dimension = model->dimension();
    options.model_id = model->model_id();
  }
  return options;
}

}  // namespace

SegmentWriter::SegmentWriter(const embed::Embedder* model) : builder_(segment_options(model)) {}

void SegmentWriter::add(std::string_view chunk_id, std::string_view document, std::string_view text,
                        std::span<const float> vector) {
  const std::optional<search::ChunkId> id = search::ChunkId::parse(chunk_id);
  if (!id) throw std::invalid_argument("chunk id is not a UUID");
  builder_.add(*id, document, text, vector);
}

std::vector<std::byte> build_segment(const embed::Embedder* model, std::string_view document,
                                     std::span<const NewChunk> chunks) {
  SegmentWriter writer(model);
  for (const NewChunk& chunk : chunks) writer.add(chunk.id, document, chunk.text, chunk.vector);
  return writer.finish();
}

}  // namespace nexus::ingestion
