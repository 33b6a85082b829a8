#include "modules/documents/documents_service.h"

#include "modules/ingestion/ingest_fixture.h"

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace nexus::documents {
namespace {

using ingestion::Library;
using ingestion::Refusal;
using ingestion::refusal_of;
using testing::TenantScopeFactory;

TEST(DocumentsRules, PrepareEveryStatement) {
  const Library lib;
  EXPECT_EQ(lib.t.database->check_statements(documents_statements()), std::vector<std::string>{});
}

TEST(DocumentsRules, AnIdIsShortPlainAndNeverAPath) {
  for (const char* good : {"a", "A-b_c.d:9", "0", "x..y"}) EXPECT_TRUE(is_valid_id(good)) << good;
  EXPECT_TRUE(is_valid_id(std::string(128, 'x')));
  EXPECT_FALSE(is_valid_id(std::string(129, 'x')));
  for (const char* bad : {"", ".", "..", ".hidden", "a/b", "../x", "a b", "a\nb", "a%2f", "ü", "a\\b", "a?b"})
    EXPECT_FALSE(is_valid_id(bad)) << bad;
  EXPECT_FALSE(is_valid_id(std::string_view("a\0b", 3)));
}

TEST(DocumentsRules, ANewTextIsAcceptedQueuedAndAudited) {
  Library lib;
  lib.make_corpus();
  lib.t.audit.clear();
  const Outcome outcome = lib.service.add_text(
      lib.t.call, {.corpus_id = "c1",
                   .text = "naïve",
                   .metadata_json = boost::json::object{{"z", 1}, {"labels", boost::json::object{}}}});
  EXPECT_EQ(outcome.status, 202);
  EXPECT_EQ(outcome.accepted.status, "queued");
  EXPECT_EQ(outcome.accepted.status_url, "/v1/documents/" + outcome.accepted.document_id);
  ASSERT_TRUE(outcome.accepted.job_id);
  EXPECT_EQ(lib.enqueued, std::vector<std::string>{*outcome.accepted.job_id});
  EXPECT_EQ(lib.job(*outcome.accepted.job_id).kind, "ingest");

  const Document stored = lib.document(outcome.accepted.document_id);
  EXPECT_EQ(stored.filename, "raw_text.txt");
  EXPECT_EQ(stored.content_type, "text/plain");
  EXPECT_EQ(stored.source, "raw_text");
  EXPECT_EQ(stored.ingest_source, "raw_text");
  EXPECT_EQ(stored.status, "queued");
  EXPECT_EQ(stored.byte_count, 6);
  EXPECT_EQ(stored.last_job_id, outcome.accepted.job_id);
  EXPECT_EQ(stored.num_chunks, std::nullopt);

  ASSERT_EQ(lib.t.audited(), 1U);
  const audit::Event event = lib.t.audit.last();
  EXPECT_EQ(event.event_type, "documents.ingest.enqueued");
  EXPECT_EQ(event.resource_type, "document");
  EXPECT_EQ(event.resource_id, stored.id);
  EXPECT_EQ(event.metadata, (boost::json::object{{"corpus_id", "c1"},
                                                 {"ingest_source", "raw_text"},
                                                 {"file_name", "raw_text.txt"},
                                                 {"char_count", 5},
                                                 {"metadata_keys", {"labels", "z"}},
                                                 {"overwrite", false},
                                                 {"job_id", *outcome.accepted.job_id}}));
}

TEST(DocumentsRules, ALegacyCallerGetsALegacyStatusUrl) {
  Library lib;
  lib.make_corpus();
  lib.t.call.versioned = false;
  EXPECT_EQ(lib.add("d1", "x").accepted.status_url, "/documents/d1");
}

TEST(DocumentsRules, AnExistingDocumentIsAnsweredWith200AndStaysAsItIs) {
  Library lib;
  lib.make_corpus();
  const Outcome first = lib.add("d1", "one");
  lib.work();
  const std::size_t audited = lib.t.audited();
  const std::size_t objects = lib.folder.count_files();
  const Outcome again = lib.add("d1", "two");
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.accepted.status, "succeeded");
  EXPECT_EQ(again.accepted.job_id, first.accepted.job_id);
  EXPECT_EQ(lib.enqueued.size(), 1U);
  EXPECT_EQ(lib.t.audited(), audited);
  EXPECT_EQ(lib.folder.count_files(), objects);
  EXPECT_EQ(lib.chunks("d1").items.at(0).text, "one");
}

TEST(DocumentsRules, ADocumentInFlightIsNotOverwritten) {
  Library lib;
  lib.make_corpus();
  lib.add("d1", "one");
  const Outcome again = lib.add("d1", "two", true);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.accepted.status, "queued");
  lib.work();
  EXPECT_EQ(lib.chunks("d1").items.at(0).text, "one");
}

TEST(DocumentsRules, OverwritingReplacesTheSourceAndItsObject) {
  Library lib;
  lib.make_corpus();
  lib.add_and_work("d1", "one");
  const std::string old = lib.document("d1").storage_path.value();
  const Outcome again = lib.add("d1", "two", true);
  EXPECT_EQ(again.status, 202);
  EXPECT_FALSE(std::filesystem::exists(lib.objects.path(old)));
  EXPECT_TRUE(std::filesystem::exists(lib.objects.path(lib.document("d1").storage_path.value())));
  EXPECT_EQ(lib.document("d1").status, "queued");
  lib.work();
  EXPECT_EQ(lib.chunks("d1").items.at(0).text, "two");
}

TEST(DocumentsRules, ADocumentOfAnotherCorpusIsAConflict) {
  Library lib;
  lib.make_corpus("c1");
  lib.make_corpus("c2");
  lib.add("d1", "x");
  const Refusal refusal = refusal_of([&] { lib.add("d1", "x", true, "c2"); });
  EXPECT_EQ(refusal.status, 409);
  EXPECT_EQ(refusal.message, "Document belongs to a different corpus");
}

TEST(DocumentsRules, TwoTenantsMayUseTheSameIds) {
  Library lib;
  lib.make_corpus();
  lib.add_and_work("d1", "ours");
  const http::Call other = lib.t.call_as(Role::kAdmin, "t2");
  EXPECT_EQ(refusal_of([&] { (void)lib.service.get(other, "d1"); }).message, "Document not found");
  EXPECT_EQ(refusal_of([&] { (void)lib.service.get_corpus(other, "c1"); }).message, "Corpus not found");
  (void)lib.service.create_corpus(other, {.id = "c1", .name = "theirs"});
  EXPECT_EQ(lib.service.add_text(other, {.corpus_id = "c1", .text = "theirs", .document_id = "d1"}).status, 202);
  lib.work();
  EXPECT_EQ(lib.service.chunks(other, {.document_id = "d1"}).items.at(0).text, "theirs");
  EXPECT_EQ(lib.chunks("d1").items.at(0).text, "ours");
}

TEST(DocumentsRules, RefuseWhatCannotBeIngested) {
  Library lib("fake", {}, {.max_text_bytes = 20, .max_metadata_bytes = 30});
  lib.make_corpus();
  const auto refused = [&](const TextUpload& in) {
    return refusal_of([&] { (void)lib.service.add_text(lib.t.call, in); });
  };
  EXPECT_EQ(refused({.corpus_id = "c1", .text = " \n"}).message, "Text must not be empty");
  EXPECT_EQ(refused({.corpus_id = "c1", .text = " \n"}).code, "INGEST_VALIDATION_ERROR");
  EXPECT_EQ(refused({.corpus_id = "c1", .text = std::string(21, 'x')}).code, "INGEST_VALIDATION_ERROR");
  EXPECT_EQ(refused({.corpus_id = "none", .text = "x"}).status, 404);
  EXPECT_EQ(refused({.corpus_id = "c1", .text = "x", .document_id = "../x"}).status, 422);
  EXPECT_EQ(
      refused({.corpus_id = "c1", .text = "x", .metadata_json = boost::json::object{{"labels", nullptr}}}).message,
      "labels must be an object");
  EXPECT_EQ(refused({.corpus_id = "c1", .text = "x", .metadata_json = boost::json::object{{"labels", {1, 2}}}}).message,
            "labels must be an object");
  EXPECT_EQ(refused({.corpus_id = "c1",
                     .text = "x",
                     .metadata_json = boost::json::object{{"long", "0123456789012345678901234567"}}})
                .code,
            "INGEST_VALIDATION_ERROR");
  EXPECT_EQ(refused({.corpus_id = "c1", .text = "x", .chunk_size_chars = 100, .chunk_overlap_chars = 100}).message,
            "chunk_overlap_chars must be smaller than chunk_size_chars");
  EXPECT_EQ(lib.folder.count_files(), 0U);
  EXPECT_TRUE(lib.enqueued.empty());
}

TEST(DocumentsRules, AnEmptyDocumentIdMeansNone) {
  Library lib;
  lib.make_corpus();
  const Outcome outcome = lib.service.add_text(lib.t.call, {.corpus_id = "c1", .text = "x", .document_id = ""});
  EXPECT_EQ(outcome.accepted.document_id.size(), 36U);
}

TEST(DocumentsRules, AnUploadMovesTheFileIntoTheStore) {
  Library lib;
  lib.make_corpus();
  const http::UploadedFile file = lib.spooled("notes.md", "text/markdown", "# Notes\n\nSome text.");
  const Outcome outcome = lib.service.upload(lib.t.call, {.corpus_id = "c1", .document_id = "d1"}, file);
  EXPECT_EQ(outcome.status, 202);
  EXPECT_FALSE(std::filesystem::exists(file.path));
  lib.work();
  const Document stored = lib.document("d1");
  EXPECT_EQ(stored.status, "succeeded");
  EXPECT_EQ(stored.ingest_source, "upload_file");
  EXPECT_EQ(stored.sha256, file.sha256);
  EXPECT_EQ(stored.num_chunks, 2);
}

TEST(DocumentsRules, AnUploadWithoutNameOrTypeGetsTheDefaults) {
  Library lib;
  lib.make_corpus();
  (void)lib.service.upload(lib.t.call, {.corpus_id = "c1", .document_id = "d1"},
                           lib.spooled("", "text/plain", "words"));
  EXPECT_EQ(lib.document("d1").filename, "upload");
  (void)lib.service.upload(lib.t.call, {.corpus_id = "c1", .document_id = "d2"}, lib.spooled("a.txt", "", "words"));
  EXPECT_EQ(lib.document("d2").content_type, "application/octet-stream");
}

TEST(DocumentsRules, AFailedTransactionLeavesNoObjectBehind) {
  Library lib("fake", {}, {.max_queued_per_tenant = 1});
  lib.make_corpus();
  lib.add("d1", "one");
  const std::size_t objects = lib.folder.count_files();
  const Refusal refusal = refusal_of([&] { lib.add("d2", "two"); });
  EXPECT_EQ(refusal.status, 503);
  EXPECT_EQ(refusal.code, "SERVICE_BUSY");
  EXPECT_EQ(lib.folder.count_files(), objects);
  EXPECT_EQ(refusal_of([&] { (void)lib.document("d2"); }).status, 404);
  lib.work();
  EXPECT_EQ(lib.add("d2", "two").status, 202);
}

TEST(DocumentsRules, WhatFailsAfterTheCommitDoesNotTakeTheSourceAway) {
  Library lib;
  lib.make_corpus();
  lib.when_enqueued = [] { throw std::runtime_error("nobody listens"); };
  EXPECT_EQ(lib.add("d1", "one").status, 202);
  EXPECT_TRUE(std::filesystem::exists(lib.objects.path(lib.document("d1").storage_path.value())));
  lib.work();
  EXPECT_EQ(lib.document("d1").status, "succeeded");
}

TEST(DocumentsRules, ReindexQueuesTheDocumentAgainAndRefusesOneInFlight) {
  Library lib;
  lib.make_corpus();
  lib.add("d1", "one");
  EXPECT_EQ(refusal_of([&] { (void)lib.service.reindex(lib.t.call, {.document_id = "d1"}); }).code,
            "INGEST_IN_PROGRESS");
  lib.work();
  EXPECT_EQ(refusal_of([&] { (void)lib.service.reindex(lib.t.call, {.document_id = "none"}); }).status, 404);
  EXPECT_EQ(refusal_of([&] {
              (void)lib.service.reindex(lib.t.call,
                                        {.document_id = "d1", .chunk_size_chars = 5, .chunk_overlap_chars = 5});
            }).code,
            "INGEST_VALIDATION_ERROR");
  const Outcome outcome = lib.service.reindex(lib.t.call, {.document_id = "d1", .chunk_size_chars = 400});
  EXPECT_EQ(outcome.status, 202);
  EXPECT_EQ(outcome.accepted.status, "queued");
  EXPECT_EQ(lib.t.audit.last().event_type, "documents.reindex.enqueued");
  EXPECT_EQ(lib.t.audit.last().metadata.at("chunk_size_chars"), 400);
  EXPECT_EQ(lib.t.audit.last().metadata.at("chunk_overlap_chars"), 50);
  lib.t.clock.advance_s(5);
  lib.work();
  EXPECT_EQ(lib.document("d1").last_reindexed_at, lib.t.clock.now());
  EXPECT_EQ(lib.document("d1").version, 2);
}

TEST(DocumentsRules, DeletingTakesTextChunksIndexAndObject) {
  Library lib;
  lib.make_corpus();
  lib.add("d1", "purple giraffe");
  EXPECT_EQ(refusal_of([&] { lib.service.remove(lib.t.call, "d1"); }).code, "INGEST_IN_PROGRESS");
  lib.work();
  EXPECT_EQ(lib.find("giraffe").size(), 1U);
  lib.t.audit.clear();
  lib.service.remove(lib.t.call, "d1");
  EXPECT_TRUE(lib.find("giraffe").empty());
  EXPECT_EQ(lib.folder.count_files(), 0U);
  EXPECT_EQ(refusal_of([&] { (void)lib.document("d1"); }).status, 404);
  EXPECT_EQ(refusal_of([&] { lib.service.remove(lib.t.call, "d1"); }).message, "Document not found");
  ASSERT_EQ(lib.t.audited(), 2U);
  EXPECT_EQ(lib.t.audit.events()[0].event_type, "document.deleted");
  EXPECT_EQ(lib.t.audit.events()[1].event_type, "documents.deleted");
  EXPECT_EQ(lib.t.audit.events()[1].metadata, (boost::json::object{{"corpus_id", "c1"}, {"had_storage", true}}));
}

TEST(DocumentsRules, ChunksComeInPages) {
  Library lib;
  lib.make_corpus();
  lib.add_and_work("d1", "one\n\ntwo\n\nthree");
  const ChunkPage first = lib.service.chunks(lib.t.call, {.document_id = "d1", .offset = 0, .limit = 2});
  ASSERT_EQ(first.items.size(), 2U);
  EXPECT_EQ(first.next_offset, 2);
  const ChunkPage last = lib.service.chunks(lib.t.call, {.document_id = "d1", .offset = 2, .limit = 2});
  ASSERT_EQ(last.items.size(), 1U);
  EXPECT_EQ(last.items[0].text, "three");
  EXPECT_EQ(last.next_offset, std::nullopt);
}

TEST(DocumentsRules, TheTextIsThereOnlyAfterTheIngestion) {
  Library lib;
  lib.make_corpus();
  lib.add("d1", "one\r\ntwo");
  EXPECT_EQ(refusal_of([&] { (void)lib.service.text(lib.t.call, "d1"); }).status, 409);
  lib.work();
  EXPECT_EQ(lib.service.text(lib.t.call, "d1"), "one\ntwo");
}

TEST(DocumentsRules, AJobIsShownToItsTenantOnly) {
  Library lib;
  lib.make_corpus();
  const std::string id = lib.add("d1", "one").accepted.job_id.value();
  EXPECT_EQ(lib.service.job(lib.t.call, id).state, "queued");
  EXPECT_EQ(refusal_of([&] { (void)lib.service.job(lib.t.call_as(Role::kAdmin, "t2"), id); }).message, "Job not found");
}

}  // namespace
}  // namespace nexus::documents
