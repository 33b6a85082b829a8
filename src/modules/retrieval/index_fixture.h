#pragma once

#include "base/ids.h"
#include "modules/authz/tenant_access.h"
#include "modules/retrieval/index_repository.h"
#include "modules/retrieval/index_store.h"
#include "modules/retrieval/segment_writer.h"
#include "support/call_fixture.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// For the tests of this room only.
namespace nexus::retrieval {

/// Segments of corpora without the rows of their chunks: documents are found by the words that were put.
struct Shelf {
  testing::TestCall t;
  IndexRepository rows;

  [[nodiscard]] IndexStore store(std::size_t budget = std::size_t{64} << 20) {
    return IndexStore(budget, t.clock, t.metrics);
  }

  /// Puts the document, new or again, as one transaction.
  void put(const std::string& document, const std::vector<std::string>& texts, std::string_view corpus = "c1") {
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < texts.size(); ++i) ids.push_back(uuid4());
    std::vector<IndexChunk> chunks;
    for (std::size_t i = 0; i < texts.size(); ++i) chunks.push_back({ids[i], document, texts[i], {}});
    const std::vector<std::byte> segment = build_segment(nullptr, chunks);
    t.database->write([&](db::Tx& tx) {
      rows.bury_document(tx, t.tenant(), corpus, document);
      rows.add_segment(tx, t.tenant(), corpus, segment, static_cast<std::int64_t>(chunks.size()));
    });
  }
  void drop(const std::string& document, std::string_view corpus = "c1") {
    t.database->write([&](db::Tx& tx) { rows.bury_document(tx, t.tenant(), corpus, document); });
  }

  /// The documents whose chunks hold the word, sorted, once for each chunk.
  [[nodiscard]] std::vector<std::string> find(IndexStore& store, std::string_view word,
                                              std::string_view corpus = "c1") {
    return t.database->read([&](db::Snapshot& snapshot) {
      const auto state = store.open(snapshot, t.tenant(), corpus)->snapshot();
      const search::ReadableOrdinals readable(authz::ReadableDocumentsFactory::everything(), state->documents());
      std::vector<std::string> out;
      for (const search::Hit& hit :
           state->search({.text = word, .k = 1000, .mode = search::Mode::kLexical, .readable = readable}))
        out.push_back(hit.document_id);
      std::sort(out.begin(), out.end());
      return out;
    });
  }

  [[nodiscard]] std::size_t segments(std::string_view corpus = "c1") {
    return t.database->read([&](db::Snapshot& s) { return rows.list(s, t.tenant(), corpus).size(); });
  }
  [[nodiscard]] std::size_t tombstones(std::string_view corpus = "c1") {
    return t.database->read([&](db::Snapshot& s) { return rows.tombstones(s, t.tenant(), corpus).size(); });
  }
};

}  // namespace nexus::retrieval
