#include "modules/ingestion/reembed_handler.h"

#include "modules/demo/seed.h"
#include "modules/ingestion/ingest_fixture.h"

#include <gtest/gtest.h>

#include <functional>
#include <stop_token>
#include <string>
#include <utility>

namespace nexus::ingestion {
namespace {

/// A library whose corpus was filled before there was a model, and the worker that then gives it vectors.
struct LateModel {
  Library lib{"none"};
  retrieval::Embedders fake{"fake", "no-such-folder"};
  ReembedHandler handler{*lib.t.database, lib.t.clock, fake, lib.index, lib.t.metrics};
  jobs::Worker worker{*lib.t.database, lib.t.clock, handler, patient_worker(), lib.t.metrics};
  retrieval::Retriever retriever{*lib.t.database,        fake, lib.index, lib.access, lib.t.metrics, lib.t.clock,
                                 60 * Timestamp::kSecond};

  [[nodiscard]] retrieval::Answer ask(std::string_view query) const {
    return retriever.retrieve({.tenant = lib.t.tenant(),
                               .principal = lib.t.call.principal(),
                               .corpus_id = "c1",
                               .query = query,
                               .top_k = 20,
                               .mode = std::nullopt});
  }
};

/// A lease in whose run something happens at the first chunk.
class MeddlingLease final : public jobs::Lease {
 public:
  MeddlingLease(jobs::Lease& inner, std::function<void()>& once) : inner_(inner), once_(once) {}
  [[nodiscard]] const jobs::Job& job() const override { return inner_.job(); }
  [[nodiscard]] const TenantScope& tenant() const override { return inner_.tenant(); }
  void complete(db::Tx& tx) override { inner_.complete(tx); }
  [[nodiscard]] std::stop_token stopped() const override {
    if (const std::function<void()> meddle = std::exchange(once_, nullptr)) meddle();
    return inner_.stopped();
  }

 private:
  jobs::Lease& inner_;
  std::function<void()>& once_;
};

/// Runs another handler under such a lease.
class MeddledHandler final : public jobs::Handler {
 public:
  MeddledHandler(jobs::Handler& inner, std::function<void()> once) : inner_(inner), once_(std::move(once)) {}
  [[nodiscard]] std::string_view kind() const override { return inner_.kind(); }
  void run(jobs::Lease& lease) override {
    MeddlingLease meddling(lease, once_);
    inner_.run(meddling);
  }
  void on_dead(db::Tx& tx, const TenantScope& tenant, const jobs::Job& job, std::string_view reason,
               bool permanent) override {
    inner_.on_dead(tx, tenant, job, reason, permanent);
  }

 private:
  jobs::Handler& inner_;
  std::function<void()> once_;
};

TEST(Reembed, ACorpusBecomesHybridWhenAModelAppears) {
  LateModel l;
  l.lib.make_corpus();
  l.lib.add_and_work("d1", "purple giraffe\n\ngreen parrot");
  l.lib.add_and_work("d2", "yellow giraffe");
  EXPECT_EQ(l.ask("giraffe").mode, search::Mode::kLexical);
  EXPECT_EQ(l.handler.enqueue_missing(), 1U);
  EXPECT_TRUE(l.worker.run_one());
  EXPECT_EQ(l.lib.corpus().embedding_model, "fake");
  EXPECT_EQ(l.lib.corpus().embedding_dimension, 768);
  const retrieval::Answer answer = l.ask("giraffe");
  EXPECT_EQ(answer.mode, search::Mode::kHybrid);
  ASSERT_EQ(answer.passages.size(), 2U);
  EXPECT_GT(answer.passages[0].dense, 0.5);
  for (const char* id : {"d1", "d2"})
    for (const documents::ChunkView& chunk : l.lib.chunks(id).items) EXPECT_EQ(chunk.embedding_model, "fake");
  EXPECT_EQ(l.lib.document("d1").version, 1);
}

TEST(Reembed, ChunksWithoutADocumentTakePart) {
  LateModel l;
  (void)demo::seed_demo(*l.lib.t.database, l.lib.t.tenant(), l.lib.embedders, l.lib.index, l.lib.t.clock);
  EXPECT_EQ(l.handler.enqueue_missing(), 1U);
  EXPECT_TRUE(l.worker.run_one());
  EXPECT_EQ(l.handler.enqueue_missing(), 0U);
}

TEST(Reembed, IsEnqueuedOnceACorpusAndOnlyWithAModel) {
  LateModel l;
  l.lib.make_corpus();
  l.lib.make_corpus("c2");
  EXPECT_EQ(l.handler.enqueue_missing(), 0U);
  l.lib.add_and_work("d1", "x");
  l.lib.add("d2", "y", false, "c2");
  l.lib.work();
  ReembedHandler without(*l.lib.t.database, l.lib.t.clock, l.lib.embedders, l.lib.index, l.lib.t.metrics);
  EXPECT_EQ(without.enqueue_missing(), 0U);
  EXPECT_EQ(l.handler.enqueue_missing(), 2U);
  EXPECT_EQ(l.handler.enqueue_missing(), 0U);
  while (l.worker.run_one()) {
  }
  EXPECT_EQ(l.handler.enqueue_missing(), 0U);
}

TEST(Reembed, DeletedDocumentsStayDeleted) {
  LateModel l;
  l.lib.make_corpus();
  l.lib.add_and_work("d1", "purple giraffe");
  l.lib.add_and_work("d2", "green giraffe");
  l.lib.service.remove(l.lib.t.call, "d1");
  (void)l.handler.enqueue_missing();
  EXPECT_TRUE(l.worker.run_one());
  const retrieval::Answer answer = l.ask("giraffe");
  ASSERT_EQ(answer.passages.size(), 1U);
  EXPECT_EQ(answer.passages[0].text, "green giraffe");
}

TEST(Reembed, ADocumentAddedAfterwardsIsEmbeddedAtOnce) {
  LateModel l;
  l.lib.make_corpus();
  l.lib.add_and_work("d1", "purple giraffe");
  (void)l.handler.enqueue_missing();
  EXPECT_TRUE(l.worker.run_one());
  l.lib.add_and_work("d2", "yellow giraffe");  // the library itself has no current model, the corpus remembers its own
  EXPECT_EQ(l.lib.chunks("d2").items.at(0).embedding_model, "fake");
  EXPECT_EQ(l.ask("giraffe").passages.size(), 2U);
}

TEST(Reembed, AJobOfACorpusThatIsGoneChangesNothing) {
  LateModel l;
  l.lib.make_corpus();
  l.lib.add_and_work("d1", "purple giraffe");
  (void)l.handler.enqueue_missing();
  l.lib.service.delete_corpus(l.lib.t.call, {.corpus_id = "c1", .confirm = "c1"});
  EXPECT_TRUE(l.worker.run_one());
  l.lib.make_corpus();
  EXPECT_TRUE(l.ask("giraffe").passages.empty());
}

constexpr db::Statement kOnlyReembedJob{"test.reembed_job",
                                        "SELECT state, last_error FROM jobs WHERE kind = 'reembed'"};

TEST(Reembed, ACorpusThatChangesMeanwhileIsTriedAgain) {
  LateModel l;
  l.lib.make_corpus();
  l.lib.add_and_work("d1", "purple giraffe");
  MeddledHandler meddled(l.handler, [&] { l.lib.add_and_work("d2", "green giraffe"); });
  jobs::Worker worker(*l.lib.t.database, l.lib.t.clock, meddled, patient_worker(), l.lib.t.metrics);
  (void)l.handler.enqueue_missing();
  EXPECT_TRUE(worker.run_one());
  EXPECT_EQ(l.lib.corpus().embedding_model, std::nullopt);
  l.lib.t.database->read([&](db::Snapshot& s) {
    db::Cursor row = s.query(kOnlyReembedJob);
    ASSERT_TRUE(row.next());
    EXPECT_EQ(row.text(0), "queued");
    EXPECT_EQ(row.text(1), "the corpus changed while it was embedded");
  });
  EXPECT_EQ(l.ask("giraffe").passages.size(), 2U);  // by its words, as before
  l.lib.t.clock.advance_s(3600);
  EXPECT_TRUE(worker.run_one());
  const retrieval::Answer answer = l.ask("giraffe");
  EXPECT_EQ(answer.mode, search::Mode::kHybrid);
  EXPECT_EQ(answer.passages.size(), 2U);
}

}  // namespace
}  // namespace nexus::ingestion
