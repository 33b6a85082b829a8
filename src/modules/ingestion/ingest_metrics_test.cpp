#include "modules/ingestion/ingest_fixture.h"
#include "observe/metrics.h"

#include <gtest/gtest.h>

namespace nexus::ingestion {
namespace {

std::uint64_t observations(const observe::Histogram& histogram) {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i <= histogram.bounds().size(); ++i) count += histogram.count_in_bucket(i);
  return count;
}

TEST(IngestMetrics, TellHowLongADocumentWaitedAndWorked) {
  Library lib;
  observe::Metrics& metrics = lib.t.metrics;
  lib.make_corpus();
  lib.add("d1", "purple giraffe\n\ngreen giraffe");
  lib.t.clock.advance_s(3);
  lib.work();
  const observe::Histogram& waited =
      metrics.histogram("nexusrag_segment_seconds", {{"route_class", "ingest"}, {"segment", "queue_wait"}});
  EXPECT_EQ(waited.sum(), 3);
  EXPECT_EQ(metrics.gauge("nexusrag_ingest_queue_wait_ms_latest").value(), 3000);
  EXPECT_EQ(observations(metrics.histogram("nexusrag_segment_seconds",
                                           {{"route_class", "ingest"}, {"segment", "processing_duration"}})),
            1U);
  EXPECT_EQ(metrics.counter("nexusrag_ingest_succeeded_total").value(), 1U);
  EXPECT_EQ(metrics.gauge("nexusrag_ingest_inflight").value(), 0);
}

TEST(IngestMetrics, CountStoredTextsByModelAndDocumentsAtWork) {
  Library lib;
  observe::Metrics& metrics = lib.t.metrics;
  lib.make_corpus();
  lib.add_and_work("d1", "purple giraffe\n\ngreen giraffe");
  const observe::Labels model{{"model", std::string(lib.embedders.current()->model_id())}};
  EXPECT_EQ(metrics.counter("nexusrag_embed_texts_total", model).value(), 2U);
  EXPECT_EQ(observations(metrics.histogram("nexusrag_embed_seconds", model)), 1U);
  (void)lib.ask("giraffe");
  EXPECT_EQ(metrics.counter("nexusrag_embed_texts_total", model).value(), 2U) << "a question is not a stored text";
}

TEST(SearchMetrics, TellStagesHitsAndWhyASearchFailed) {
  Library lib;
  observe::Metrics& metrics = lib.t.metrics;
  lib.make_corpus();
  lib.add_and_work("d1", "purple giraffe\n\ngreen giraffe");
  (void)lib.ask("giraffe");
  for (const char* stage : {"access", "embed", "rank", "passages"})
    EXPECT_EQ(observations(metrics.histogram("nexusrag_search_stage_seconds", {{"stage", stage}})), 1U) << stage;
  EXPECT_EQ(metrics.histogram("nexusrag_search_hits").sum(), 2);
  EXPECT_THROW((void)lib.ask("giraffe", std::nullopt, 20, "unknown"), retrieval::RetrievalError);
  EXPECT_EQ(metrics.counter("nexusrag_search_errors_total", {{"reason", "config"}}).value(), 1U);
}

TEST(SearchMetrics, TellWhatIsLoadedAndHowOften) {
  Library lib;
  observe::Metrics& metrics = lib.t.metrics;
  lib.make_corpus();
  lib.add_and_work("d1", "purple giraffe");
  (void)lib.ask("giraffe");
  EXPECT_EQ(metrics.gauge("nexusrag_search_index_loaded").value(), 1);
  EXPECT_EQ(metrics.gauge("nexusrag_search_segments").value(), 1);
  lib.add_and_work("d2", "green giraffe");
  (void)lib.ask("giraffe");
  EXPECT_EQ(metrics.counter("nexusrag_search_index_loads_total").value(), 1U) << "bringing it up to date is no load";
  EXPECT_EQ(metrics.gauge("nexusrag_search_segments").value(), 2);

  retrieval::IndexStore tiny(1, lib.t.clock, metrics);
  lib.make_corpus("c2");
  lib.add("e1", "blue giraffe", false, "c2");
  lib.work();
  const auto open = [&](const char* corpus) {
    lib.t.database->read([&](db::Snapshot& s) { (void)tiny.open(s, lib.t.tenant(), corpus); });
  };
  const double before = metrics.gauge("nexusrag_search_index_loaded").value();
  open("c1");
  open("c2");  // pushes c1 out
  EXPECT_EQ(metrics.gauge("nexusrag_search_index_loaded").value(), before + 1);
}

}  // namespace
}  // namespace nexus::ingestion
