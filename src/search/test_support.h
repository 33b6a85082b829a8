// Shared by the tests of this room: the one way for tests to say what may be read.
#pragma once

#include "search/index.h"
#include "search/segment_builder.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nexus::search {

struct ReadableDocumentsTestPeer {
  [[nodiscard]] static ReadableDocuments everything() { return ReadableDocuments::everything(); }
  [[nodiscard]] static ReadableDocuments only(ReadableDocuments::Ids ids, bool with_no_document = true) {
    return ReadableDocuments::only(std::move(ids), with_no_document);
  }
  [[nodiscard]] static ReadableDocuments except(ReadableDocuments::Ids ids, bool with_no_document = true) {
    return ReadableDocuments::except(std::move(ids), with_no_document);
  }
  [[nodiscard]] static ReadableOrdinals everything(const Snapshot& snapshot) {
    return ReadableOrdinals::everything(snapshot.documents());
  }
  // The named documents, and the chunks without a document unless told otherwise.
  [[nodiscard]] static ReadableOrdinals only(const Snapshot& snapshot, const std::vector<std::string>& ids,
                                             bool with_no_document = true) {
    Bitmap readable(snapshot.documents()->size());
    for (const std::string& id : ids)
      if (const auto ordinal = snapshot.documents()->find(id)) readable.set(*ordinal);
    return ReadableOrdinals::only(snapshot.documents(), std::move(readable), with_no_document);
  }
};

struct TestChunk {
  std::uint64_t id;
  std::string document;
  std::string text;
  std::vector<float> vector = {};
};

// A segment of the chunks; vectors, if the first chunk has one, in `format`.
[[nodiscard]] inline std::shared_ptr<const Segment> make_segment(const std::vector<TestChunk>& chunks,
                                                                 VectorFormat format = VectorFormat::kFloat32) {
  const std::size_t dimension = chunks.empty() ? 0 : chunks.front().vector.size();
  SegmentBuilder builder({dimension > 0 ? format : VectorFormat::kNone, dimension, "test"});
  for (const TestChunk& chunk : chunks)
    builder.add(ChunkId::of_number(chunk.id), chunk.document, chunk.text, chunk.vector);
  return Segment::open(builder.finish());
}

// The last byte of each hit's chunk id, in order: short lists are easy to compare.
[[nodiscard]] inline std::vector<int> numbers(const std::vector<Hit>& hits) {
  std::vector<int> result;
  for (const Hit& hit : hits) result.push_back(hit.chunk.bytes[15]);
  return result;
}

}  // namespace nexus::search
