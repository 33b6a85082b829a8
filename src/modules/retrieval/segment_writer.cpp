#include "modules/retrieval/segment_writer.h"

#include <optional>
#include <stdexcept>

namespace nexus::retrieval {
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

void SegmentWriter::add(const IndexChunk& chunk) {
  const std::optional<search::ChunkId> id = search::ChunkId::parse(chunk.id);
  if (!id) throw std::invalid_argument("chunk id is not a UUID");
  builder_.add(*id, chunk.document, chunk.text, chunk.vector);
}

std::vector<std::byte> build_segment(const embed::Embedder* model, std::span<const IndexChunk> chunks) {
  SegmentWriter writer(model);
  for (const IndexChunk& chunk : chunks) writer.add(chunk);
  return writer.finish();
}

}  // namespace nexus::retrieval
