#include "modules/ingestion/ingest_handler.h"

#include "embed/fake_embedder.h"
#include "modules/ingestion/ingest_fixture.h"
#include "modules/ingestion/payload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace nexus::ingestion {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr db::Statement kStored{"test.stored_chunk", R"(
  SELECT embedding, embedding_model, document_version, document_uri, metadata_json
  FROM chunks WHERE tenant_id = $1 AND document_id = $2 ORDER BY chunk_index)"};
constexpr db::Statement kStoredText{"test.stored_text",
                                    "SELECT version, text, sha256 FROM document_texts WHERE document_id = $1"};

/// Replaces the stored bytes of a document behind everybody's back.
void damage(const Library& lib, const std::string& id, std::string_view bytes) {
  std::ofstream(lib.objects.path(lib.document(id).storage_path.value()), std::ios::binary) << bytes;
}

TEST(IngestHandler, CommitsChunksTextVectorsIndexAndStateTogether) {
  Library lib;
  lib.make_corpus();
  lib.add("d1", "The first paragraph.\r\n\r\nThe second paragraph.");
  lib.t.clock.advance_s(3);
  lib.work();

  const documents::Document document = lib.document("d1");
  EXPECT_EQ(document.status, "succeeded");
  EXPECT_EQ(document.num_chunks, 2);
  EXPECT_EQ(document.chunks_done, 2);
  EXPECT_EQ(document.chunks_total, 2);
  EXPECT_EQ(document.version, 1);
  EXPECT_EQ(document.failure_reason, std::nullopt);
  EXPECT_EQ(document.processing_started_at, lib.t.clock.now());
  EXPECT_EQ(document.completed_at, lib.t.clock.now());
  EXPECT_EQ(document.last_reindexed_at, std::nullopt);
  EXPECT_EQ(lib.job(*document.last_job_id).state, "done");
  EXPECT_EQ(lib.corpus().embedding_model, "fake");
  EXPECT_EQ(lib.corpus().embedding_dimension, 768);
  EXPECT_THAT(lib.find("second"), ElementsAre("The second paragraph."));

  lib.t.database->read([&](db::Snapshot& s) {
    db::Cursor text = s.query(kStoredText, "d1");
    ASSERT_TRUE(text.next());
    EXPECT_EQ(text.i64(0), 1);
    EXPECT_EQ(text.text(1), "The first paragraph.\n\nThe second paragraph.");
    EXPECT_EQ(text.text(2), crypto::sha256_hex("The first paragraph.\n\nThe second paragraph."));
  });
}

TEST(IngestHandler, StoresTheVectorOfEachChunkAsLittleEndianFloats) {
  Library lib;
  lib.make_corpus();
  lib.add_and_work("d1", "alpha beta");
  std::vector<float> expected(embed::kFakeDimension);
  embed::FakeEmbedder().embed("alpha beta", expected);
  lib.t.database->read([&](db::Snapshot& s) {
    db::Cursor row = s.query(kStored, "t1", "d1");
    ASSERT_TRUE(row.next());
    ASSERT_EQ(row.blob(0).size(), expected.size() * sizeof(float));
    EXPECT_EQ(std::memcmp(row.blob(0).data(), expected.data(), row.blob(0).size()), 0);
    EXPECT_EQ(row.text(1), "fake");
    EXPECT_EQ(row.i64(2), 1);
    EXPECT_EQ(row.text(3), "document://d1");
  });
}

TEST(IngestHandler, MetadataCarriesTheContractsOffsets) {
  Library lib;
  lib.make_corpus();
  const std::string text = "Größe\n\n" + std::string(2600, 'x') + "\n\nGröße";
  (void)lib.service.add_text(lib.t.call, {.corpus_id = "c1",
                                          .text = text,
                                          .document_id = "d1",
                                          .filename = "a.txt",
                                          .metadata_json = boost::json::object{{"team", "core"}},
                                          .chunk_size_chars = 1200,
                                          .chunk_overlap_chars = 150});
  lib.work();
  std::vector<std::pair<std::int64_t, std::int64_t>> offsets;
  const documents::ChunkPage page = lib.chunks("d1");
  for (const documents::ChunkView& chunk : page.items) {
    offsets.emplace_back(chunk.metadata.at("offset_start").as_int64(), chunk.metadata.at("offset_end").as_int64());
    EXPECT_EQ(chunk.metadata.at("filename").as_string(), "a.txt");
    EXPECT_EQ(chunk.metadata.at("content_type").as_string(), "text/plain");
    EXPECT_EQ(chunk.metadata.at("document_metadata"), (boost::json::object{{"team", "core"}}));
    const auto begin = static_cast<std::size_t>(chunk.start.value());
    EXPECT_EQ(text.substr(begin, static_cast<std::size_t>(chunk.end.value()) - begin), chunk.text);
  }
  // Windows of a long paragraph count from its start, and the cursor does not move past it: contract 02 §10.1.
  EXPECT_THAT(offsets, ElementsAre(std::pair(0, 5), std::pair(0, 1200), std::pair(1050, 2250), std::pair(2100, 2600),
                                   std::pair(2609, 2614)));
}

TEST(IngestHandler, PlainDocumentsHaveNoDocumentMetadata) {
  Library lib;
  lib.make_corpus();
  lib.add_and_work("d1", "x");
  EXPECT_FALSE(lib.chunks("d1").items.at(0).metadata.contains("document_metadata"));
}

TEST(IngestHandler, OverwritingReplacesEveryChunkAndRaisesTheVersion) {
  Library lib;
  lib.make_corpus();
  lib.add_and_work("d1", "purple giraffe\n\ngreen giraffe");
  lib.add_and_work("d1", "yellow giraffe", true);
  EXPECT_THAT(lib.find("giraffe"), ElementsAre("yellow giraffe"));
  EXPECT_EQ(lib.document("d1").version, 2);
  EXPECT_EQ(lib.document("d1").num_chunks, 1);
  EXPECT_EQ(lib.chunks("d1").version, 2);
  EXPECT_EQ(lib.ask("giraffe").passages.at(0).document_version, 2);
}

std::uint64_t indexed_chunks(Library& lib) {
  return lib.t.database->read(
      [&](db::Snapshot& s) { return lib.index.store().open(s, lib.t.tenant(), "c1")->snapshot()->live_chunks(); });
}

TEST(IngestHandler, TheIndexHoldsNoChunkThatTheRowsDoNotHave) {
  Library lib;
  lib.make_corpus();
  lib.add_and_work("d1", "purple giraffe\n\ngreen giraffe");
  lib.add_and_work("d2", "blue giraffe");
  EXPECT_EQ(indexed_chunks(lib), 3U);
  lib.add_and_work("d1", "yellow giraffe", true);
  EXPECT_EQ(indexed_chunks(lib), 2U);
  (void)lib.service.reindex(lib.t.call, {.document_id = "d1"});
  lib.work();
  EXPECT_EQ(indexed_chunks(lib), 2U);
  lib.service.remove(lib.t.call, "d2");
  EXPECT_EQ(indexed_chunks(lib), 1U);
}

TEST(IngestHandler, ThePreviousChunksStaySearchableUntilTheCommit) {
  Library lib;
  lib.make_corpus();
  lib.add_and_work("d1", "purple giraffe");
  lib.add("d1", "green giraffe", true);
  EXPECT_THAT(lib.find("giraffe"), ElementsAre("purple giraffe"));
  EXPECT_EQ(lib.document("d1").version, 1);
  lib.work();
  EXPECT_THAT(lib.find("giraffe"), ElementsAre("green giraffe"));
}

TEST(IngestHandler, AFailedReplacementKeepsThePreviousChunks) {
  Library lib;
  lib.make_corpus();
  lib.add_and_work("d1", "purple giraffe");
  lib.add("d1", "green giraffe", true);
  damage(lib, "d1", " \n ");
  lib.work();
  EXPECT_EQ(lib.document("d1").status, "failed");
  EXPECT_THAT(lib.find("giraffe"), ElementsAre("purple giraffe"));
  lib.add_and_work("d1", "blue giraffe", true);
  EXPECT_EQ(lib.document("d1").status, "succeeded");
  EXPECT_EQ(lib.document("d1").failure_reason, std::nullopt);
  EXPECT_EQ(lib.document("d1").version, 2);
}

TEST(IngestHandler, AFileThatCannotBeReadFailsAtOnceWithAReasonForPeople) {
  Library lib;
  lib.make_corpus();
  const std::string job = lib.add("d1", "fine").accepted.job_id.value();
  damage(lib, "d1", " \n ");
  EXPECT_TRUE(lib.worker.run_one());
  EXPECT_EQ(lib.document("d1").status, "failed");
  ASSERT_TRUE(lib.document("d1").failure_reason);
  EXPECT_FALSE(lib.document("d1").failure_reason->empty());
  EXPECT_EQ(lib.document("d1").completed_at, lib.t.clock.now());
  EXPECT_EQ(lib.job(job).state, "dead");
  EXPECT_EQ(lib.job(job).attempts, 1);
}

TEST(IngestHandler, AMissingSourceFailsAtOnce) {
  Library lib;
  lib.make_corpus();
  lib.add("d1", "fine");
  lib.objects.remove(lib.document("d1").storage_path.value());
  lib.work();
  EXPECT_EQ(lib.document("d1").failure_reason, "Stored document text is missing");
}

TEST(IngestHandler, MoreChunksThanAllowedFail) {
  Library lib("fake", {.max_chunks = 2});
  lib.make_corpus();
  lib.add_and_work("d1", "a\n\nb\n\nc");
  EXPECT_EQ(lib.document("d1").status, "failed");
  EXPECT_THAT(lib.document("d1").failure_reason.value(), HasSubstr("more than 2 chunks"));
  EXPECT_TRUE(lib.chunks("d1").items.empty());
  lib.add_and_work("d2", "a\n\nb");
  EXPECT_EQ(lib.document("d2").status, "succeeded");
}

TEST(IngestHandler, AJobOfADocumentThatIsGoneEndsQuietly) {
  Library lib;
  lib.make_corpus();
  const std::string job = lib.add("d1", "fine").accepted.job_id.value();
  lib.service.delete_corpus(lib.t.call, {.corpus_id = "c1", .confirm = "c1"});
  lib.work();
  EXPECT_EQ(lib.job(job).state, "done");
}

TEST(IngestHandler, AJobThatIsNoLongerTheDocumentsLatestEndsQuietly) {
  Library lib;
  lib.make_corpus();
  lib.add_and_work("d1", "purple giraffe");
  lib.t.database->write([&](db::Tx& tx) {
    jobs::JobsRepository().enqueue(tx,
                                   {.id = "stray",
                                    .tenant_id = "t1",
                                    .kind = std::string(kIngestJob),
                                    .payload = payload({.document_id = "d1"}),
                                    .run_at = lib.t.clock.now()},
                                   lib.t.clock.now());
  });
  lib.work();
  EXPECT_EQ(lib.job("stray").state, "done");
  EXPECT_EQ(lib.document("d1").version, 1);
  EXPECT_EQ(lib.document("d1").status, "succeeded");
}

TEST(IngestHandler, AnErrorThatMayPassIsTriedAgainAndThenToldWithoutDetails) {
  Library lib;
  lib.make_corpus("c1", R"({"retrieval":{"provider":"local_pgvector"}})");
  lib.add("d1", "fine");
  lib.t.database->write([&](db::Tx& tx) {
    documents::StoredCorpus corpus = *documents::DocumentsRepository().find_corpus(tx, lib.t.tenant(), "c1");
    corpus.provider_config_json = R"({"retrieval":{"provider":"from the future"}})";
    documents::DocumentsRepository().update_corpus(tx, lib.t.tenant(), corpus);
  });
  EXPECT_TRUE(lib.worker.run_one());
  EXPECT_EQ(lib.document("d1").status, "processing");
  for (int i = 0; i < 2; ++i) {
    lib.t.clock.advance_s(3600);
    EXPECT_TRUE(lib.worker.run_one());
  }
  EXPECT_EQ(lib.document("d1").status, "failed");
  EXPECT_EQ(lib.document("d1").failure_reason, "Ingestion failed; retry or check worker logs");
}

constexpr db::Statement kSeenProgress{"test.seen_progress", "SELECT done, total FROM seen_progress ORDER BY done"};

TEST(IngestHandler, ProgressIsVisibleWhileItWorks) {
  Library lib("fake", {.progress_every = 2});
  lib.make_corpus();
  lib.add("d1", "a\n\nb\n\nc\n\nd\n\ne");
  lib.t.database->run_script("CREATE TABLE seen_progress (done INTEGER, total INTEGER)");
  lib.t.database->run_script(testing::on_postgres() ? R"(
    CREATE FUNCTION note_progress() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO seen_progress VALUES (new.chunks_done, new.chunks_total); RETURN NULL; END $$;
    CREATE TRIGGER watch_progress AFTER UPDATE OF chunks_done ON documents FOR EACH ROW
      WHEN (new.status = 'processing' AND new.chunks_done > 0) EXECUTE FUNCTION note_progress())"
                                                    : R"(
    CREATE TRIGGER watch_progress AFTER UPDATE OF chunks_done ON documents WHEN new.status = 'processing'
      AND new.chunks_done > 0 BEGIN INSERT INTO seen_progress VALUES (new.chunks_done, new.chunks_total); END)");
  lib.work();
  std::vector<std::pair<std::int64_t, std::int64_t>> seen;
  lib.t.database->read([&](db::Snapshot& s) {
    for (db::Cursor row = s.query(kSeenProgress); row.next();) seen.emplace_back(row.i64(0), row.i64(1));
  });
  EXPECT_THAT(seen, ElementsAre(std::pair(2, 5), std::pair(4, 5)));
  EXPECT_EQ(lib.document("d1").chunks_done, 5);
}

TEST(IngestHandler, AStructuredCorpusKeepsHeadingsWithTheirText) {
  Library lib;
  lib.make_corpus("c1", R"({"retrieval":{"provider":"local_pgvector"},"chunking":{"mode":"structured"}})");
  lib.add_and_work("d1", "# Guide\n\nIntro words here.\n\n## Install\n\nRun the installer.");
  bool found = false;
  for (const documents::ChunkView& chunk : lib.chunks("d1").items)
    if (const boost::json::value* path = chunk.metadata.if_contains("heading_path"))
      found = found || std::string_view(path->as_string()).starts_with("Guide");
  EXPECT_TRUE(found);
  EXPECT_FALSE(lib.find("installer").empty());
}

TEST(IngestHandler, WithoutAModelTheWordsAreIndexedAlone) {
  Library lib("none");
  lib.make_corpus();
  lib.add_and_work("d1", "purple giraffe");
  EXPECT_EQ(lib.corpus().embedding_model, std::nullopt);
  EXPECT_EQ(lib.chunks("d1").items.at(0).embedding_model, std::nullopt);
  EXPECT_EQ(lib.ask("giraffe").mode, search::Mode::kLexical);
  EXPECT_EQ(lib.find("giraffe").size(), 1U);
}

TEST(IngestHandler, ACorpusKeepsTheModelItWasEmbeddedWith) {
  Library lib("none");
  lib.make_corpus();
  lib.t.database->write(
      [&](db::Tx& tx) { documents::DocumentsRepository().set_embedding_model(tx, lib.t.tenant(), "c1", "fake", 768); });
  lib.add_and_work("d1", "purple giraffe");
  EXPECT_EQ(lib.chunks("d1").items.at(0).embedding_model, "fake");
}

TEST(IngestHandler, ManyDocumentsAreMergedIntoFewSegmentsAndAllAreFound) {
  Library lib;
  lib.make_corpus();
  for (int i = 0; i < 20; ++i) lib.add_and_work("d" + std::to_string(i), "giraffe number " + std::to_string(i));
  const auto segments = lib.t.database->read(
      [&](db::Snapshot& s) { return retrieval::IndexRepository().list(s, lib.t.tenant(), "c1").size(); });
  EXPECT_LT(segments, 10U);
  EXPECT_EQ(lib.find("giraffe").size(), 20U);
}

TEST(IngestHandler, TwoTenantsWithTheSameIdsDoNotMeet) {
  Library lib;
  lib.make_corpus();
  const http::Call other = lib.t.call_as(Role::kAdmin, "t2");
  (void)lib.service.create_corpus(other, {.id = "c1", .name = "c1"});
  lib.add("d1", "our giraffe");
  (void)lib.service.add_text(other, {.corpus_id = "c1", .text = "their giraffe", .document_id = "d1"});
  lib.work();
  EXPECT_THAT(lib.find("giraffe"), ElementsAre("our giraffe"));
  lib.service.remove(other, "d1");
  EXPECT_THAT(lib.find("giraffe"), ElementsAre("our giraffe"));
}

}  // namespace
}  // namespace nexus::ingestion
