#include "opensearch/answers.h"

#include "opensearch/dialect.h"
#include "opensearch/error.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace nexus::opensearch {
namespace {

template <class Call>
std::optional<ErrorKind> fault_of(Call&& call) {
  try {
    static_cast<void>(call());
    return std::nullopt;
  } catch (const Error& e) {
    return e.kind();
  }
}

constexpr const char* kBulkAnswer = R"({"took":23,"errors":true,"items":[
  {"index":{"_index":"chunks","_id":"ok","_version":1,"result":"created",
            "_shards":{"total":1,"successful":1,"failed":0},"_seq_no":0,"_primary_term":1,"status":201}},
  {"index":{"_index":"chunks","_id":"old","status":409,
            "error":{"type":"version_conflict_engine_exception","reason":"[old]: current version [7] is higher"}}},
  {"index":{"_index":"chunks","_id":"bad","status":400,
            "error":{"type":"mapper_parsing_exception","reason":"failed to parse field [embedding]"}}},
  {"index":{"_index":"chunks","_id":"busy","status":429,
            "error":{"type":"circuit_breaking_exception","reason":"[parent] Data too large"}}},
  {"delete":{"_index":"chunks","_id":"gone","_version":9,"result":"not_found","status":404}}]})";

TEST(BulkAnswer, TellsTheFateOfEachAction) {
  using Fate = BulkItem::Fate;
  const std::vector<BulkItem> items = parse_bulk(kBulkAnswer, 5);
  ASSERT_EQ(items.size(), 5U);
  EXPECT_EQ(items[0].fate, Fate::kDone);
  EXPECT_EQ(items[1].fate, Fate::kNewer);
  EXPECT_EQ(items[2].fate, Fate::kImpossible);
  EXPECT_EQ(items[2].fault, "mapper_parsing_exception");
  EXPECT_EQ(items[3].fate, Fate::kLater);
  EXPECT_EQ(items[3].fault, "circuit_breaking_exception");
  EXPECT_EQ(items[4].fate, Fate::kDone);
}

TEST(BulkAnswer, IsRefusedWhenItSpeaksOfFewerActionsThanWereSent) {
  EXPECT_EQ(fault_of([] { return parse_bulk(kBulkAnswer, 6); }), ErrorKind::kBadAnswer);
  EXPECT_EQ(fault_of([] { return parse_bulk(R"({"items":[{"index":{}}]})", 1); }), ErrorKind::kBadAnswer);
  EXPECT_EQ(fault_of([] { return parse_bulk(R"({"items":[)", 1); }), ErrorKind::kBadAnswer);
}

TEST(BulkAnswer, KeepsNoSentenceOfTheServer) {
  const std::vector<BulkItem> items =
      parse_bulk(R"({"items":[{"index":{"status":400,"error":{"type":"Text of a Document","reason":"x"}}}]})", 1);
  EXPECT_EQ(items[0].fault, "error");
}

ErrorKind search_fault(const std::string& response) {
  const boost::json::value answer = parse_answer("{\"responses\":[" + response + "]}");
  return fault_of([&] { return complete_searches(answer, 1); }).value();
}

TEST(SearchAnswer, IsAnErrorUnlessItIsCompleteAndInTime) {
  EXPECT_EQ(search_fault(R"({"timed_out":true,"_shards":{"total":1,"successful":1,"failed":0}})"), ErrorKind::kTimeout);
  EXPECT_EQ(search_fault(R"({"timed_out":false,"_shards":{"total":2,"successful":1,"failed":1}})"),
            ErrorKind::kPartial);
  EXPECT_EQ(search_fault(R"({"timed_out":false,"_shards":{"total":2,"successful":1,"failed":0}})"),
            ErrorKind::kPartial);
  EXPECT_EQ(search_fault(R"({"error":{"type":"index_not_found_exception"},"status":404})"), ErrorKind::kMissing);
  EXPECT_EQ(search_fault(R"({"error":{"type":"search_phase_execution_exception"},"status":503})"), ErrorKind::kBusy);
  EXPECT_EQ(search_fault(R"({"error":{"type":"query_shard_exception"},"status":400})"), ErrorKind::kRefused);
  EXPECT_EQ(search_fault(R"({"hits":{}})"), ErrorKind::kBadAnswer);
}

TEST(SearchAnswer, MustAnswerEverySearch) {
  const boost::json::value answer =
      parse_answer(R"({"responses":[{"timed_out":false,"_shards":{"total":1,"successful":1,"failed":0}}]})");
  EXPECT_EQ(complete_searches(answer, 1).size(), 1U);
  EXPECT_EQ(fault_of([&] { return complete_searches(answer, 2); }), ErrorKind::kBadAnswer);
}

TEST(Dialect, FollowsWhoAnswers) {
  EXPECT_EQ(dialect_of(R"({"version":{"distribution":"opensearch","number":"2.19.1"}})").name, "opensearch");
  EXPECT_EQ(dialect_of(R"({"version":{"number":"8.19.21","build_flavor":"default"}})").name, "elasticsearch");
  EXPECT_EQ(fault_of([] { return dialect_of(R"({"version":{"number":"7.10.2"}})"); }), ErrorKind::kUnsupported);
  EXPECT_EQ(fault_of([] { return dialect_of(R"({"version":{"distribution":"other","number":"9.0"}})"); }),
            ErrorKind::kUnsupported);
  EXPECT_EQ(fault_of([] { return dialect_of("<html>"); }), ErrorKind::kBadAnswer);
}

TEST(Dialect, WritesTheNearestNeighboursOfEachFamily) {
  const std::vector<float> vector{0.5F, -1.0F};
  const DenseQuery query{.field = "vector_2_m", .vector = vector, .k = 7, .filter = R"([{"term":{"tenant":"t1"}}])"};
  const auto written = [&](const Dialect& dialect) {
    std::string out;
    json::Writer w(out);
    w.begin_object();
    dialect.write_dense(w, query);
    w.end_object();
    return out;
  };
  EXPECT_EQ(written(dialect_of(R"({"version":{"distribution":"opensearch","number":"2.19.1"}})")),
            R"({"query":{"knn":{"vector_2_m":{"vector":[0.5,-1],"k":7,)"
            R"("filter":{"bool":{"filter":[{"term":{"tenant":"t1"}}]}}}}}})");
  EXPECT_EQ(written(dialect_of(R"({"version":{"number":"8.19.21"}})")),
            R"({"knn":{"field":"vector_2_m","query_vector":[0.5,-1],"k":7,"num_candidates":14,)"
            R"("filter":[{"term":{"tenant":"t1"}}]}})");
}

}  // namespace
}  // namespace nexus::opensearch
