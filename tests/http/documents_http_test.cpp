// The life of documents: added, replaced, read, indexed again, deleted; what may be sent.
#include "http/contract_kit.h"

#include <gmock/gmock.h>

#include <atomic>
#include <set>
#include <thread>

namespace nexus::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using DocumentsHttp = CorpusTest;

TEST_F(DocumentsHttp, ShowsEveryFieldOfADocument) {
  const boost::json::object document =
      ingest("Alpha.\n\nBeta.", {{"document_id", "d1"}, {"filename", "a.txt"}, {"metadata_json", {{"team", "x"}}}});
  EXPECT_EQ(document.at("status"), "succeeded");
  EXPECT_EQ(document.at("id"), "d1");
  EXPECT_EQ(document.at("corpus_id"), "c1");
  EXPECT_EQ(document.at("content_type"), "text/plain");
  EXPECT_EQ(document.at("source"), "raw_text");
  EXPECT_TRUE(document.at("failure_reason").is_null());
  EXPECT_TRUE(document.at("last_reindexed_at").is_null());
  EXPECT_TRUE(document.at("completed_at").is_string());
  EXPECT_EQ(document.at("byte_count").as_int64(), 13);
  EXPECT_EQ(document.at("version").as_int64(), 1);
  const boost::json::array listed = data_of(client_.get("/v1/documents?corpus_id=c1")).as_array();
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_TRUE(listed[0].at("num_chunks").is_null()) << "only a single read counts chunks";
}

TEST_F(DocumentsHttp, AnswersAnExistingIdWithItsStateUnlessOverwritten) {
  ingest("First words about walnuts.", {{"document_id", "d1"}});
  const Response again = add_text(client_, "c1", "Second words about figs.", {{"document_id", "d1"}});
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(data_of(again).at("status"), "succeeded");
  EXPECT_TRUE(data_of(again).at("job_id").is_string());
  EXPECT_EQ(upload_file(client_, "c1", {"a.txt", "text/plain", "third"}, "d1").status, 200);
  EXPECT_THAT(found_documents(client_, "c1", "walnuts"), Contains("d1"));

  const Response replaced =
      add_text(client_, "c1", "Second words about figs.", {{"document_id", "d1"}, {"overwrite", true}});
  ASSERT_EQ(replaced.status, 202);
  const boost::json::object document = settle(replaced);
  EXPECT_EQ(document.at("version").as_int64(), 2);
  const boost::json::array hits = hits_of(client_, "c1", "words about");
  ASSERT_EQ(hits.size(), 1U) << "old chunks are gone";
  EXPECT_THAT(text_of(hits[0].at("text")), HasSubstr("figs"));
}

TEST_F(DocumentsHttp, RefusesAnIdOfAnotherCorpus) {
  app_.make_corpus("c2");
  ingest("Words.", {{"document_id", "d1"}});
  for (const bool overwrite : {false, true}) {
    const Response text = add_text(client_, "c2", "Other.", {{"document_id", "d1"}, {"overwrite", overwrite}});
    EXPECT_EQ(text.status, 409);
    EXPECT_EQ(code_of(text), "CONFLICT");
    EXPECT_EQ(message_of(text), "Document belongs to a different corpus");
    EXPECT_EQ(upload_file(client_, "c2", {"a.txt", "text/plain", "x"}, "d1", overwrite).status, 409);
  }
}

TEST_F(DocumentsHttp, RemovesADeletedDocumentFromSearchAtOnce) {
  ingest("Rhubarb pie recipe.", {{"document_id", "d1"}});
  ASSERT_THAT(found_documents(client_, "c1", "rhubarb"), Contains("d1"));
  const Response gone = client_.del("/v1/documents/d1");
  EXPECT_EQ(gone.status, 204);
  EXPECT_TRUE(gone.body.empty());
  EXPECT_THAT(found_documents(client_, "c1", "rhubarb"), Not(Contains("d1")));
  EXPECT_EQ(client_.get("/v1/documents/d1").status, 404);
  EXPECT_EQ(client_.get("/v1/documents/d1/content").status, 404);
  EXPECT_EQ(client_.get("/v1/documents/d1/chunks").status, 404);
  EXPECT_EQ(client_.del("/v1/documents/d1").status, 404);
  EXPECT_EQ(client_.post("/v1/documents/d1/reindex", "{}").status, 404);
  EXPECT_EQ(ingest("Back again.", {{"document_id", "d1"}}).at("status"), "succeeded") << "the id is free again";
}

TEST_F(DocumentsHttp, SwapsAtomicallyDuringReindex) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "Paragraph " + std::to_string(i) + " tells about elderberry syrup.\n\n";
  ingest(text, {{"document_id", "d1"}});

  std::atomic<bool> done{false};
  std::atomic<int> searches{0};
  std::string wrong;
  TestClient searcher = app_.client();
  std::thread watcher([&] {
    while (!done) {
      const boost::json::array hits = hits_of(searcher, "c1", "elderberry syrup");
      std::set<std::string> chunks;
      std::set<std::int64_t> versions;
      for (const boost::json::value& hit : hits) {
        chunks.insert(text_of(hit.at("chunk_id")));
        versions.insert(hit.at("document_version").as_int64());
      }
      if (hits.empty()) wrong = "a search found nothing";
      if (chunks.size() != hits.size()) wrong = "a chunk was returned twice";
      if (versions.size() > 1) wrong = "chunks of two versions were mixed";
      ++searches;
    }
  });
  for (const int size : {60, 90, 200, 70}) {
    const Response accepted =
        client_.post("/v1/documents/d1/reindex",
                     json::write(boost::json::object{{"chunk_size_chars", size}, {"chunk_overlap_chars", 10}}));
    EXPECT_EQ(accepted.status, 202) << accepted.body;
    EXPECT_EQ(app_.wait_for_document(client_, "d1").at("status"), "succeeded");
  }
  while (searches == 0) std::this_thread::yield();
  done = true;
  watcher.join();
  EXPECT_EQ(wrong, "");
  const boost::json::object document = app_.wait_for_document(client_, "d1");
  EXPECT_EQ(document.at("version").as_int64(), 5);
  EXPECT_TRUE(document.at("last_reindexed_at").is_string());
}

TEST_F(DocumentsHttp, ReindexesWithoutABody) {
  ingest("Words.", {{"document_id", "d1"}});
  EXPECT_EQ(client_.request("POST", "/v1/documents/d1/reindex").status, 202);
  EXPECT_EQ(app_.wait_for_document(client_, "d1").at("status"), "succeeded");
}

TEST_F(DocumentsHttp, CutsChunksThatPointIntoTheText) {
  ingest("Alpha starts here.\n\nBeta follows \xC3\xBC\x62\x65r there.\n\nGamma ends.", {{"document_id", "d1"}});
  const std::string text = client_.get("/v1/documents/d1/content?format=text").body;
  const boost::json::value page = data_of(client_.get("/v1/documents/d1/chunks?limit=2"));
  ASSERT_EQ(page.at("items").as_array().size(), 2U);
  EXPECT_EQ(page.at("next_offset").as_int64(), 2);
  for (const boost::json::value& chunk : page.at("items").as_array()) {
    const auto start = static_cast<std::size_t>(chunk.at("start").as_int64());
    const auto end = static_cast<std::size_t>(chunk.at("end").as_int64());
    EXPECT_EQ(text.substr(start, end - start), text_of(chunk.at("text")));
  }
  const boost::json::value rest = data_of(client_.get("/v1/documents/d1/chunks?offset=2"));
  EXPECT_EQ(rest.at("items").as_array().size(), 1U);
  EXPECT_TRUE(rest.at("next_offset").is_null());
  EXPECT_EQ(client_.get("/v1/documents/d1/chunks?limit=0").status, 422);
  EXPECT_EQ(client_.get("/v1/documents/d1/chunks?limit=501").status, 422);
  EXPECT_EQ(client_.get("/v1/documents/d1/chunks?offset=-1").status, 422);
}

TEST_F(DocumentsHttp, GivesTheUploadedBytesBackAndNeverAsAPage) {
  const std::string page = "<html><body><script>alert(1)</script>Hello there</body></html>";
  const Response accepted = upload_file(client_, "c1", {"p\xC3\xA4ge.html", "text/html", page}, "d1");
  ASSERT_EQ(accepted.status, 202) << accepted.body;
  settle(accepted);
  const Response got = client_.get("/v1/documents/d1/content");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, page);
  EXPECT_EQ(*got.header("Content-Type"), "text/html");
  EXPECT_EQ(*got.header("Content-Disposition"), "attachment; filename*=UTF-8''p%C3%A4ge.html");
  EXPECT_EQ(*got.header("X-Content-Type-Options"), "nosniff");
  EXPECT_THAT(*got.header("Content-Security-Policy"), HasSubstr("sandbox"));
  ASSERT_NE(got.header("X-Request-Id"), nullptr);
  const Response text = client_.get("/v1/documents/d1/content?format=text");
  EXPECT_EQ(*text.header("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_THAT(text.body, HasSubstr("Hello there"));
  EXPECT_THAT(text.body, Not(HasSubstr("alert")));
  EXPECT_EQ(client_.get("/v1/documents/d1/content?format=xml").status, 422);
}

TEST_F(DocumentsHttp, PointsOldClientsToTheOldAddress) {
  const Response added = client_.post("/documents/text", R"({"corpus_id":"c1","document_id":"d1","text":"Words."})");
  ASSERT_EQ(added.status, 202) << added.body;
  EXPECT_EQ(added.json().at("status_url"), "/documents/d1");
  EXPECT_EQ(client_.get("/documents/d1").status, 200);
  const Response wrong = client_.post("/documents/text", R"({"corpus_id":"c1","text":1})");
  EXPECT_EQ(wrong.status, 422);
  EXPECT_EQ(wrong.json().at("detail").at(0).at("type"), "string_type");
  EXPECT_EQ(client_.post("/documents/text", R"({"corpus_id":"nope","text":"x"})").body,
            R"({"detail":"Corpus not found"})");
  EXPECT_EQ(client_.post("/documents/text", R"({"corpus_id":"c1","text":""})").body,
            R"({"detail":{"code":"INGEST_VALIDATION_ERROR","message":"Text must not be empty"}})");
}

TEST_F(DocumentsHttp, ListsByCorpusAndTakesTheLastOfRepeatedParameters) {
  app_.make_corpus("c2");
  ingest("One.", {{"document_id", "d1"}});
  EXPECT_EQ(data_of(client_.get("/v1/documents")).as_array().size(), 1U);
  EXPECT_EQ(data_of(client_.get("/v1/documents?corpus_id=c2&corpus_id=c1")).as_array().size(), 1U);
  EXPECT_TRUE(data_of(client_.get("/v1/documents?corpus_id=c1&corpus_id=c2")).as_array().empty());
  EXPECT_TRUE(data_of(client_.get("/v1/documents?corpus_id=")).as_array().empty());
}

TEST_F(DocumentsHttp, ShowsTheJobOfADocument) {
  const boost::json::object document = ingest("Words.");
  const Response job = client_.get("/v1/jobs/" + text_of(document.at("last_job_id")));
  ASSERT_EQ(job.status, 200) << job.body;
  EXPECT_EQ(data_of(job).at("state"), "done");
  EXPECT_EQ(data_of(job).at("attempts").as_int64(), 1);
  EXPECT_EQ(client_.get("/v1/jobs/nope").status, 404);
}

// --- several files at once

TEST_F(DocumentsHttp, TellsForEachFileOfABulkUploadWhatBecameOfIt) {
  Multipart form;
  form.field("corpus_id", "c1")
      .file("file", "one.txt", "text/plain", "Quinces are yellow.")
      .file("file", "two.bin", "application/x-unknown", "x")
      .file("file", "three.md", "text/markdown", "# Medlars");
  const Response answer = client_.upload("/v1/documents", form);
  ASSERT_EQ(answer.status, 207) << answer.body;
  const boost::json::array items = data_of(answer).at("items").as_array();
  ASSERT_EQ(items.size(), 3U);
  EXPECT_EQ(items[0].at("status_code").as_int64(), 202);
  EXPECT_EQ(items[0].at("filename"), "one.txt");
  EXPECT_EQ(items[1].at("status_code").as_int64(), 415);
  EXPECT_EQ(items[1].at("error").at("code"), "UNSUPPORTED_MEDIA_TYPE");
  EXPECT_EQ(items[2].at("status_code").as_int64(), 202);
  for (const std::size_t i : {std::size_t{0}, std::size_t{2}}) {
    const std::string id = text_of(items[i].at("document").at("document_id"));
    EXPECT_EQ(app_.wait_for_document(client_, id).at("status"), "succeeded");
  }
  EXPECT_FALSE(found_documents(client_, "c1", "quinces").empty());
}

TEST_F(DocumentsHttp, TakesNoIdForSeveralFiles) {
  Multipart form;
  form.field("corpus_id", "c1").field("document_id", "d1");
  form.file("file", "1.txt", "text/plain", "a").file("file", "2.txt", "text/plain", "b");
  const Response answer = client_.upload("/v1/documents", form);
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(code_of(answer), "INVALID_INPUT");
}

TEST_F(DocumentsHttp, BoundsTheFilesOfABulkUpload) {
  TestApp small(Changes{{"DOCUMENT_BULK_MAX_FILES", "2"}});
  small.make_corpus("c1");
  Multipart form;
  form.field("corpus_id", "c1");
  for (const char* name : {"1.txt", "2.txt", "3.txt"}) form.file("file", name, "text/plain", "words");
  TestClient client = small.client();
  const Response answer = client.upload("/v1/documents", form);
  EXPECT_EQ(answer.status / 100, 4) << answer.body;
  EXPECT_TRUE(data_of(client.get("/v1/documents")).as_array().empty());
}

TEST_F(DocumentsHttp, ReportsEveryMissingPartOfAnUpload) {
  const Response answer = client_.upload("/v1/documents", Multipart());
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(code_of(answer), "REQUEST_VALIDATION_ERROR");
  Multipart wrong;
  wrong.field("corpus_id", "c1").field("overwrite", "maybe").file("file", "a.txt", "text/plain", "x");
  const Response refused = client_.upload("/v1/documents", wrong);
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.json().at("error").at("details").at("errors").at(0).at("type"), "bool_parsing");
  const Response broken =
      client_.request("POST", "/v1/documents", {{"Content-Type", "multipart/form-data"}}, "no boundary");
  EXPECT_EQ(broken.status, 400) << broken.body;
}

// --- what may be sent

TEST_F(DocumentsHttp, RefusesIdsThatCouldBePaths) {
  for (const std::string_view id : {"../x", "a/b", ".", "..", ".hidden", "a b", "a\\b", "a%2Fb", "a\nb", "\xC3\xA4"}) {
    const Response text = add_text(client_, "c1", "Words.", {{"document_id", id}});
    EXPECT_EQ(text.status, 422) << id << text.body;
    EXPECT_EQ(code_of(text), "INVALID_INPUT") << id;
    if (id.find('\n') == std::string_view::npos) {
      EXPECT_EQ(upload_file(client_, "c1", {"a.txt", "text/plain", "x"}, id).status, 422) << id;
    }
    const Response corpus = client_.post("/v1/corpora", json::write(boost::json::object{{"id", id}, {"name", "n"}}));
    EXPECT_EQ(corpus.status, 422) << id;
  }
  EXPECT_EQ(add_text(client_, "c1", "Words.", {{"document_id", std::string(129, 'a')}}).status, 422);
  EXPECT_EQ(add_text(client_, "c1", "Words.", {{"document_id", std::string(128, 'a')}}).status, 202);
  EXPECT_EQ(add_text(client_, "c1", "Words.", {{"document_id", ""}}).status, 202) << "empty is absent";
}

TEST_F(DocumentsHttp, NeverUsesAFileNameAsAPath) {
  const Response accepted = upload_file(client_, "c1", {"../../../etc/passwd.txt", "text/plain", "Harmless words."});
  ASSERT_EQ(accepted.status, 202) << accepted.body;
  const boost::json::object document = settle(accepted);
  EXPECT_EQ(document.at("status"), "succeeded");
  EXPECT_EQ(document.at("filename"), "passwd.txt");
}

TEST_F(DocumentsHttp, ValidatesTextMetadataAndChunking) {
  const auto refused = [&](boost::json::object more, std::string_view code, std::string_view message) {
    const Response answer = add_text(client_, "c1", "Words.", std::move(more));
    EXPECT_EQ(answer.status, 422) << answer.body;
    EXPECT_EQ(code_of(answer), code);
    EXPECT_THAT(answer.body, HasSubstr(std::string(message)));
  };
  refused({{"metadata_json", {{"labels", nullptr}}}}, "INGEST_VALIDATION_ERROR", "labels must be an object");
  refused({{"metadata_json", {{"labels", "x"}}}}, "INGEST_VALIDATION_ERROR", "labels must be an object");
  refused({{"metadata_json", boost::json::array{}}}, "REQUEST_VALIDATION_ERROR", "dict_type");
  refused({{"metadata_json", {{"big", std::string(70'000, 'x')}}}}, "INGEST_VALIDATION_ERROR", "longer than");
  refused({{"chunk_size_chars", 100}, {"chunk_overlap_chars", 100}}, "INGEST_VALIDATION_ERROR", "overlap");
  refused({{"chunk_size_chars", 0}}, "REQUEST_VALIDATION_ERROR", "greater_than_equal");
  refused({{"chunk_overlap_chars", -1}}, "REQUEST_VALIDATION_ERROR", "greater_than_equal");
  refused({{"zzz", 1}}, "REQUEST_VALIDATION_ERROR", "extra_forbidden");
  EXPECT_EQ(add_text(client_, "c1", " \n ").status, 422);
  EXPECT_EQ(add_text(client_, "nope", "Words.").status, 404);
  EXPECT_EQ(ingest("Labelled.", {{"metadata_json", {{"labels", {{"team", "x"}}}}}}).at("status"), "succeeded");
  EXPECT_EQ(ingest("Small chunks.", {{"chunk_size_chars", 50}}).at("status"), "succeeded")
      << "the default overlap does not break small sizes";
}

TEST_F(DocumentsHttp, ReportsAllProblemsAtOnce) {
  const Response answer =
      client_.post("/v1/documents/text", R"({"text":1,"chunk_size_chars":"x","overwrite":"maybe","zzz":1})");
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.json().at("error").at("details").at("errors").as_array().size(), 5U) << answer.body;
}

TEST_F(DocumentsHttp, FinishesIngestionInTheRequestInInlineMode) {
  TestApp app(Changes{{"INGEST_EXECUTION_MODE", "inline"}});
  app.make_corpus("c1");
  TestClient client = app.client();
  const Response accepted = add_text(client, "c1", "Inline gooseberries.", {{"document_id", "d1"}});
  ASSERT_EQ(accepted.status, 202);
  EXPECT_EQ(data_of(accepted).at("status"), "queued");
  EXPECT_EQ(data_of(client.get("/v1/documents/d1")).at("status"), "succeeded");
  EXPECT_THAT(found_documents(client, "c1", "gooseberries"), Contains("d1"));
}

TEST_F(DocumentsHttp, KeepsDocumentsOverARestart) {
  ingest("Persistent parsnips.", {{"document_id", "d1"}});
  app_.restart();
  TestClient client = app_.client();
  EXPECT_THAT(found_documents(client, "c1", "parsnips"), Contains("d1"));
}

TEST_F(DocumentsHttp, ObeysTheKillSwitchOfIngestion) {
  TestApp app(Changes{{"KILL_INGEST", "true"}});
  app.make_corpus("c1");
  TestClient client = app.client();
  const Response refused = add_text(client, "c1", "Words.");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(code_of(refused), "FEATURE_TEMPORARILY_DISABLED");
  EXPECT_EQ(message_of(refused), "Ingestion is temporarily disabled");
}

TEST_F(DocumentsHttp, MakesOneDocumentOfConcurrentCreations) {
  std::vector<std::thread> threads;
  std::atomic<int> created{0};
  std::atomic<int> known{0};
  std::atomic<int> other{0};
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      TestClient client = app_.client(app_.make_key());
      const int status = add_text(client, "c1", "Same words.", {{"document_id", "d1"}}).status;
      (status == 202 ? created : status == 200 || status == 409 ? known : other)++;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(created, 1);
  EXPECT_EQ(known, 7);
  EXPECT_EQ(other, 0);
  (void)app_.wait_for_document(client_, "d1");
  EXPECT_EQ(found_documents(client_, "c1", "same words").size(), 1U);
}
}  // namespace
}  // namespace nexus::testing
