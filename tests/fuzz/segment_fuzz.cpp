// Search segments: bytes that open must be safe to read, search and merge.
#include "search/index.h"
#include "search/segment.h"
#include "search/segment_builder.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace nexus::search {

struct ReadableDocumentsTestPeer {
  [[nodiscard]] static ReadableOrdinals everything(const Snapshot& snapshot) {
    return ReadableOrdinals::everything(snapshot.documents());
  }
};

namespace {

void use(const std::shared_ptr<const Segment>& segment) {
  CorpusIndex index;
  const auto snapshot = index.add_segment({"s", segment});
  const ReadableOrdinals readable = ReadableDocumentsTestPeer::everything(*snapshot);
  const std::vector<float> vector(segment->dimension(), 0.5F);
  for (const Mode mode : {Mode::kHybrid, Mode::kDense, Mode::kLexical})
    (void)snapshot->search({.text = "alpha beta the", .vector = vector, .mode = mode, .readable = readable});
  for (std::uint32_t term = 0; term < segment->term_count(); ++term) (void)segment->find_term(segment->term(term));
  const std::vector<MergeInput> inputs{{segment, nullptr}};
  (void)Segment::open(merge_segments(inputs));
}

}  // namespace
}  // namespace nexus::search

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nexus::search;
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    use(Segment::open(bytes, Segment::Check::kStructureOnly));
  } catch (const CorruptSegment&) {
    return 0;
  }
  return 0;
}
