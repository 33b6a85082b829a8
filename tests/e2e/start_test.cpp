// How the program starts, and how it says that it cannot.
#include "e2e/traffic.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace nexus::e2e {
namespace {

namespace fs = std::filesystem;

std::size_t count_of(std::string_view text, std::string_view word) {
  std::size_t count = 0;
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + word.size())) ++count;
  return count;
}

/// A folder with the files of the local model, as its installer leaves them; empty when there is none.
fs::path installed_models() {
  const fs::path folder = fs::path(NEXUS_SOURCE_DIR) / "var" / "models";
  return fs::exists(folder / "l2_supercat_256.safetensors") ? folder : fs::path();
}

TEST(Start, SaysThatThePortIsTakenAndEndsWithOne) {
  Server first;
  first.start();
  Installation second;
  const std::string address = "127.0.0.1:" + std::to_string(first.port());
  const Finished refused = second.command({"serve", "--listen", address});
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.output.find(address + " is taken"), std::string::npos) << refused.output;
  EXPECT_EQ(first.client().get("/readyz").status, 200);
  EXPECT_EQ(first.stop(), 0);
}

TEST(Start, ListsEveryBadSettingAndEndsWithTwo) {
  Installation installation(
      Environment{{"LISTEN_PORT", "99999"}, {"JOB_LEASE_S", "banana"}, {"LLM_PROVIDER", "oracle"}});
  const Finished refused = installation.command({"serve", "--set", "EMBEDDING_PROVIDER=none-such"});
  EXPECT_EQ(refused.code, 2);
  for (const char* name : {"LISTEN_PORT", "JOB_LEASE_S", "LLM_PROVIDER", "EMBEDDING_PROVIDER"})
    EXPECT_NE(refused.output.find(name), std::string::npos) << name << " is not named in: " << refused.output;
  EXPECT_FALSE(fs::exists(installation.database())) << "nothing was tried";
}

TEST(Start, WritesItsAddressToTheLogAndTheDataFolder) {
  Server server(Environment{{"LOG_LEVEL", "INFO"}});
  server.start();
  const std::string address = read_file(server.installation().data() / "run" / "address");
  EXPECT_EQ(address, "127.0.0.1:" + std::to_string(server.port()) + "\n");
  std::string log;  // its lines are written a few milliseconds late
  EXPECT_TRUE(eventually([&] { return (log = server.log()).find('\n') != std::string::npos; }));
  EXPECT_NE(log.substr(0, log.find('\n')).find(address.substr(0, address.size() - 1)), std::string::npos)
      << "the first line of the log is: " << log.substr(0, log.find('\n'));
  EXPECT_EQ(server.stop(), 0);
}

TEST(Start, RemovesPiecesOfUploadsThatKilledServersLeft) {
  Server server;
  const fs::path spool = server.installation().data() / "spool";
  fs::create_directories(spool);
  for (const char* name : {"old.part", "new.part", "old.txt"}) std::ofstream(spool / name) << "half";
  for (const char* name : {"old.part", "old.txt"})
    fs::last_write_time(spool / name, fs::file_time_type::clock::now() - std::chrono::hours(48));
  server.start();
  EXPECT_FALSE(fs::exists(spool / "old.part"));
  EXPECT_TRUE(fs::exists(spool / "new.part")) << "another server may be writing it";
  EXPECT_TRUE(fs::exists(spool / "old.txt")) << "not ours";
  EXPECT_EQ(server.stop(), 0);
}

TEST(StartWithoutModel, SaysSoOnceAndSearchesByWordsUntilAModelArrives) {
  Server server(Environment{{"EMBEDDING_PROVIDER", "local"}});
  server.start();
  TestClient client = server.client();
  make_corpus(client, "c1");
  std::vector<Planned> documents;
  for (int i = 0; i < 3; ++i) documents.push_back(plan_document("m" + std::to_string(i), 100));
  for (const Planned& document : documents) ASSERT_EQ(send_text(client, "c1", document).status, 202);
  ASSERT_TRUE(all_settled(client)) << server.log();
  for (const Planned& document : documents) EXPECT_TRUE(is_whole(client, "c1", document));
  const auto hybrid = [&] {
    return client.post("/v1/search", R"({"corpus_id":"c1","query":"release gates","mode":"hybrid","explain":true})");
  };
  const Response by_words = hybrid();
  ASSERT_EQ(by_words.status, 200) << by_words.body;
  EXPECT_FALSE(by_words.json().at("data").at("hits").as_array().empty());
  EXPECT_EQ(count_of(server.log(), "no local embedding model"), 1U) << server.log();

  const fs::path models = installed_models();
  if (models.empty()) GTEST_SKIP() << "no model files in var/models: its arrival cannot be tested";
  const fs::path target = server.installation().data() / "models";
  fs::create_directories(target);
  for (const auto& file : fs::directory_iterator(models))
    if (file.path().extension() != ".nxtk") fs::copy_file(file.path(), target / file.path().filename());
  const auto all_embedded = [&] {
    for (const Planned& document : documents) {
      const Response got = client.get("/v1/documents/" + document.id + "/chunks");
      const boost::json::value body = got.json();
      for (const boost::json::value& chunk : body.at("data").at("items").as_array())
        if (chunk.at("embedding_model").is_null()) return false;
    }
    return true;
  };
  ASSERT_TRUE(eventually(all_embedded)) << server.log();
  const boost::json::value with_vectors = hybrid().json();
  const boost::json::array& hits = with_vectors.at("data").at("hits").as_array();
  ASSERT_FALSE(hits.empty());
  EXPECT_FALSE(hits[0].at("dense").is_null());
  for (const Planned& document : documents) EXPECT_TRUE(is_whole(client, "c1", document));
  EXPECT_EQ(server.stop(), 0);
}

}  // namespace
}  // namespace nexus::e2e
