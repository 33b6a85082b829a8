#include "opensearch/opensearch_index.h"

#include "opensearch/opensearch_fixture.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

/// Searches and deliveries against a machine that answers by script, in the shapes of a real OpenSearch 2.19.
namespace nexus::opensearch {
namespace {

using Peer = search::ReadableDocumentsTestPeer;
using testing::twin_status;
using testing::TwinAnswer;

constexpr const char* kRoot = R"({"version":{"distribution":"opensearch","number":"2.19.1"}})";
constexpr const char* kOk = R"({"acknowledged":true})";
constexpr const char* kShards = R"("timed_out":false,"_shards":{"total":1,"successful":1,"skipped":0,"failed":0})";
const std::string kChunkA = "00000000-0000-4000-8000-00000000000a";
const std::string kChunkB = "00000000-0000-4000-8000-00000000000b";

std::string hit(const std::string& id, const std::string& document, const std::string& tenant = "t1") {
  return R"({"_index":"i","_id":")" + id + R"(","_score":1.5,"_routing":"t1","_source":{"tenant":")" + tenant +
         R"(","corpus":"c1","document":")" + document + R"(","terms":"cat sleep","length":2}})";
}

/// Totals, holders of one term, lexical hits.
std::string lexical_answer(const std::string& hits, const std::string& shards = kShards) {
  return "{\"took\":3,\"responses\":[{" + std::string(kShards) +
         R"(,"hits":{"total":{"value":4,"relation":"eq"},"hits":[]},)"
         R"("aggregations":{"length":{"value":8.0}},"status":200},{)" +
         std::string(kShards) +
         R"(,"hits":{"hits":[]},"aggregations":{"holders":{"buckets":[{"doc_count":2}]}},"status":200},{)" + shards +
         R"(,"hits":{"hits":[)" + hits + R"(]},"status":200}]})";
}

struct Search : ::testing::Test {
  testing::HttpTwin twin;
  Stack stack{{twin.url("/")}, "test"};
  search::ReadableDocuments readable = Peer::everything();
  std::vector<search::ChunkId> missing;

  /// What prepare() asks, then `answers`.
  void script(std::vector<TwinAnswer> answers) {
    std::vector<TwinAnswer> all{twin_status(200, kRoot), twin_status(200, kOk), twin_status(200, kOk)};
    all.insert(all.end(), answers.begin(), answers.end());
    twin.script(std::move(all));
  }
  std::vector<search::Hit> search(std::optional<search::SearchDeadline> deadline = {}) {
    return stack.index.search(
        Library::scope("t1"), "c1",
        {.text = "cats", .mode = search::Mode::kLexical, .readable = readable, .deadline = deadline},
        [&](std::span<const search::ChunkId> chunks) {
          std::vector<bool> there;
          for (const search::ChunkId& chunk : chunks)
            there.push_back(std::find(missing.begin(), missing.end(), chunk) == missing.end());
          return there;
        });
  }
  ErrorKind fault() {
    try {
      static_cast<void>(search());
    } catch (const Error& e) {
      return e.kind();
    }
    throw std::logic_error("the search succeeded");
  }
};

TEST_F(Search, RanksTheHitsByTheCorpusesOwnStatistics) {
  script({twin_status(200, lexical_answer(hit(kChunkB, "d2") + "," + hit(kChunkA, "d1")))});
  const std::vector<search::Hit> hits = search();
  EXPECT_EQ(chunk_ids(hits), (std::vector<std::string>{kChunkA, kChunkB})) << "a tie goes by id";
  const search::Bm25 bm25({.chunks = 4, .length = 8});
  EXPECT_EQ(hits[0].lexical, bm25.gain(bm25.weight(2, 1), 1, 2));
  EXPECT_EQ(hits[0].score, 1);
}

TEST_F(Search, PreparesTemplateAndIndexOnceAndAsksOneShardForAllOfAnAnswer) {
  script({twin_status(200, lexical_answer("")), twin_status(200, lexical_answer(""))});
  EXPECT_TRUE(search().empty());
  EXPECT_TRUE(search().empty());
  const std::vector<testing::TwinRequest> requests = twin.requests();
  ASSERT_EQ(requests.size(), 5U);
  EXPECT_EQ(requests[1].target, "/_index_template/test-chunks");
  EXPECT_EQ(requests[2].method + requests[2].target, "PUT/test-chunks-v1");
  EXPECT_EQ(requests[3].target, "/_msearch");
  EXPECT_EQ(*requests[3].header("content-type"), "application/x-ndjson");
  EXPECT_EQ(requests[3].body.substr(0, requests[3].body.find('\n')),
            R"({"index":"test-chunks-v1","routing":"t1","allow_partial_search_results":false})");
}

TEST_F(Search, TakesAnIndexThatAnotherProcessHasMade) {
  twin.script({twin_status(200, kRoot), twin_status(200, kOk),
               twin_status(400, R"({"error":{"type":"resource_already_exists_exception"},"status":400})"),
               twin_status(200, "{}"), twin_status(200, lexical_answer(hit(kChunkA, "d1")))});
  EXPECT_EQ(search().size(), 1U);
}

TEST_F(Search, AsksNothingWhenNothingMayBeRead) {
  readable = Peer::only({}, false);
  EXPECT_TRUE(search().empty());
  EXPECT_TRUE(twin.requests().empty());
}

TEST_F(Search, DropsAndCountsHitsThatTheFilterShouldHaveKeptOut) {
  readable = Peer::only({"d1"}, false);
  script({twin_status(200, lexical_answer(hit(kChunkA, "d1") + "," + hit(kChunkB, "d2") + "," +
                                          hit("00000000-0000-4000-8000-00000000000c", "d1", "t2")))});
  EXPECT_EQ(chunk_ids(search()), std::vector<std::string>{kChunkA});
  EXPECT_EQ(stack.dropped("permission"), 1U);
  EXPECT_EQ(stack.dropped("tenant"), 1U);
}

TEST_F(Search, LeavesOutWhatTheRowsNoLongerHave) {
  missing = {*search::ChunkId::parse(kChunkA)};
  script({twin_status(200, lexical_answer(hit(kChunkA, "d1") + "," + hit(kChunkB, "d2")))});
  const std::vector<search::Hit> hits = search();
  EXPECT_EQ(chunk_ids(hits), std::vector<std::string>{kChunkB});
  EXPECT_EQ(hits[0].score, 1) << "what is gone is not what others are compared with";
  EXPECT_EQ(stack.dropped("gone"), 1U);
}

TEST_F(Search, FailsRatherThanAnswerWithAPart) {
  script({twin_status(200, lexical_answer(hit(kChunkA, "d1"),
                                          R"("timed_out":false,"_shards":{"total":2,"successful":1,"failed":1})"))});
  EXPECT_EQ(fault(), ErrorKind::kPartial);
}

TEST_F(Search, SaysThatItRanOutOfTime) {
  script({twin_status(200, lexical_answer("", R"("timed_out":true,"_shards":{"total":1,"successful":1,"failed":0})"))});
  EXPECT_THROW(static_cast<void>(search()), search::SearchTimeout);
}

TEST_F(Search, EndsAtItsDeadlineWhenTheClusterIsSilent) {
  script({testing::twin_fault(testing::TwinFault::kNeverAnswers)});
  EXPECT_THROW(static_cast<void>(search(std::chrono::steady_clock::now() + std::chrono::milliseconds(300))),
               search::SearchTimeout);
}

TEST_F(Search, TellsBadAnswersFromBusyAndBrokenClusters) {
  script({testing::twin_bad_json(), twin_status(429, R"({"error":{"type":"x"},"status":429})"),
          twin_status(200, R"({"responses":[]})")});
  twin.always(testing::twin_fault(testing::TwinFault::kResetBeforeHead));
  EXPECT_EQ(fault(), ErrorKind::kBadAnswer);
  EXPECT_EQ(fault(), ErrorKind::kBusy);
  EXPECT_EQ(fault(), ErrorKind::kBadAnswer);
  EXPECT_EQ(fault(), ErrorKind::kUnavailable);
}

TEST_F(Search, LooksForTheIndexAgainAfterItWasMissing) {
  script({twin_status(404, R"({"error":{"type":"index_not_found_exception"},"status":404})"), twin_status(200, kOk),
          twin_status(200, kOk), twin_status(200, lexical_answer(hit(kChunkA, "d1")))});
  EXPECT_EQ(fault(), ErrorKind::kMissing);
  EXPECT_EQ(search().size(), 1U);
}

TEST(Nodes, AreTriedInTurnAndTheOneThatAnswersIsKept) {
  testing::HttpTwin dead;
  testing::HttpTwin alive;
  dead.always(testing::twin_fault(testing::TwinFault::kResetBeforeHead));
  alive.always(twin_status(200, kRoot));
  RealClient net;
  Cluster cluster(net.client, Stack::options({dead.url("/"), alive.url("/")}, "test"), net.clock);
  EXPECT_EQ(cluster.send({.path = "/"}), kRoot);
  EXPECT_EQ(cluster.send({.path = "/"}), kRoot);
  EXPECT_EQ(dead.requests().size(), 1U);
  EXPECT_EQ(alive.requests().size(), 2U);
}

TEST(Credentials, GoIntoTheHeaderAndIntoNoError) {
  testing::HttpTwin twin;
  twin.always(twin_status(401, R"({"error":{"type":"security_exception","reason":"user pia"},"status":401})"));
  RealClient net;
  ClusterOptions options = Stack::options({twin.url("/")}, "test");
  options.user = "pia";
  options.password = Secret("s3cret?>");
  Cluster cluster(net.client, options, net.clock);
  try {
    static_cast<void>(cluster.send({.path = "/"}));
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kRefused);
    EXPECT_EQ(std::string(e.what()), "search cluster: status 401 (security_exception)");
  }
  EXPECT_EQ(*twin.requests().at(0).header("authorization"), "Basic cGlhOnMzY3JldD8+");
  options.api_key = Secret("key");
  Cluster keyed(net.client, options, net.clock);
  EXPECT_THROW(static_cast<void>(keyed.send({.path = "/"})), Error);
  EXPECT_EQ(*twin.requests().at(1).header("authorization"), "ApiKey key");
}

}  // namespace
}  // namespace nexus::opensearch
