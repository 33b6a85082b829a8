// Files that fight back: the server stays well, and the document says what was wrong with it.
#include "e2e/traffic.h"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <functional>

namespace nexus::e2e {
namespace {

namespace fs = std::filesystem;

std::string sample(const std::string& name) {
  return read_file(fs::path(NEXUS_SOURCE_DIR) / "tests" / "data" / "documents" / name);
}

struct Outcome {
  std::string status;
  std::string reason;
};

Outcome outcome_of(TestClient& client, const std::string& id) {
  const Response got = client.get("/v1/documents/" + id);
  const boost::json::value body = got.json();
  const boost::json::value& reason = body.at("data").at("failure_reason");
  return {.status = std::string(body.at("data").at("status").as_string()),
          .reason = reason.is_string() ? std::string(reason.as_string()) : std::string()};
}

void expect_well(Server& server) {
  TestClient client = server.client();
  EXPECT_EQ(client.get("/readyz").status, 200);
  const Planned document = plan_document("after", 30);
  ASSERT_EQ(send_text(client, "c1", document).status, 202);
  ASSERT_TRUE(all_settled(client));
  EXPECT_TRUE(is_whole(client, "c1", document)) << "the next document is read as ever";
}

TEST(HostileFiles, FailWithAReasonThatAPersonUnderstands) {
  struct Case {
    std::string id;
    std::string filename;
    std::string content_type;
    std::string bytes;
  };
  const std::string pdf = "application/pdf";
  const std::string docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
  std::string deep;
  for (int i = 0; i < 200'000; ++i) deep += "<div>";
  const Case cases[] = {{"encrypted", "encrypted.pdf", pdf, sample("encrypted.pdf")},
                        {"scanned", "scanned.pdf", pdf, sample("scanned.pdf")},
                        {"cut-pdf", "truncated.pdf", pdf, sample("truncated.pdf")},
                        {"cut-docx", "truncated.docx", docx, sample("truncated.docx")},
                        {"only-head", "head.pdf", pdf, "%PDF-1.7\n"},
                        {"zeros", "zeros.pdf", pdf, "%PDF-1.4\n" + std::string(2'000'000, '\0')},
                        {"not-zip", "not.docx", docx, "PK\x03\x04" + std::string(100'000, 'x')},
                        {"deep", "deep.html", "text/html", deep}};
  Server server(Environment{{"EXTRACT_TIMEOUT_S", "20"}});
  server.start();
  TestClient client = server.client();
  make_corpus(client, "c1");
  for (const Case& hostile : cases) {
    ASSERT_FALSE(hostile.bytes.empty()) << hostile.filename;
    testing::Multipart form;
    form.field("corpus_id", "c1").field("document_id", hostile.id);
    form.file("file", hostile.filename, hostile.content_type, hostile.bytes);
    const Response got = client.upload("/v1/documents", form);
    ASSERT_EQ(got.status, 202) << hostile.filename << ": " << got.body;
  }
  ASSERT_TRUE(all_settled(client)) << server.log();
  for (const Case& hostile : cases) {
    const Outcome outcome = outcome_of(client, hostile.id);
    EXPECT_EQ(outcome.status, "failed") << hostile.filename;
    EXPECT_GT(outcome.reason.size(), 10U) << hostile.filename;
    EXPECT_EQ(outcome.reason.find("worker logs"), std::string::npos) << hostile.filename << ": " << outcome.reason;
    EXPECT_EQ(client.get("/v1/documents/" + hostile.id + "/chunks").json().at("data").at("items").as_array().size(),
              0U);
  }
  EXPECT_NE(outcome_of(client, "encrypted").reason.find("password"), std::string::npos)
      << outcome_of(client, "encrypted").reason;
  expect_well(server);
  EXPECT_EQ(server.stop(), 0);
}

/// Uploads a page that takes a while to read, catches the child that reads it and does something to it.
Outcome with_child_caught(Server& server, const std::function<void(pid_t)>& act) {
  TestClient client = server.client();
  make_corpus(client, "c1");
  const Planned page = plan_document("page", 30'000);
  if (send_file(client, "c1", page, "page.html", "text/html", as_html(page)).status != 202) return {"not accepted", ""};
  std::vector<pid_t> children;
  const bool caught = eventually([&] {
    children = children_of(server.process().pid(), "__extract");
    return !children.empty();
  });
  if (!caught) return {"no child was seen", server.log()};
  for (const pid_t child : children) act(child);
  if (!all_settled(client)) return {"not settled", server.log()};
  for (const pid_t child : children) EXPECT_FALSE(is_alive(child));
  return outcome_of(client, "page");
}

TEST(ExtractionChild, ThatHangsIsEndedAndTheDocumentFailsWithTheReason) {
  Server server(Environment{{"EXTRACT_TIMEOUT_S", "1"}});
  server.start();
  const Outcome outcome = with_child_caught(server, [](pid_t child) { ::kill(child, SIGSTOP); });
  EXPECT_EQ(outcome.status, "failed") << outcome.reason;
  EXPECT_NE(outcome.reason.find("long"), std::string::npos) << outcome.reason;
  expect_well(server);
  EXPECT_EQ(server.stop(), 0);
}

TEST(ExtractionChild, ThatCrashesLeavesTheServerWellAndTheDocumentFailed) {
  Server server;
  server.start();
  const Outcome outcome = with_child_caught(server, [](pid_t child) { ::kill(child, SIGSEGV); });
  EXPECT_EQ(outcome.status, "failed") << outcome.reason;
  EXPECT_GT(outcome.reason.size(), 10U);
  expect_well(server);
  EXPECT_EQ(server.stop(), 0);
}

TEST(ExtractionChild, IsEndedByAStopAndTheDocumentIsReadByTheNextStart) {
  Server server(Environment{{"JOB_LEASE_S", "3600"}});
  server.start();
  TestClient client = server.client();
  make_corpus(client, "c1");
  const Planned page = plan_document("page", 30'000);
  ASSERT_EQ(send_file(client, "c1", page, "page.html", "text/html", as_html(page)).status, 202);
  ASSERT_TRUE(eventually([&] { return !children_of(server.process().pid(), "__extract").empty(); }));
  EXPECT_EQ(server.stop(), 0);
  server.start();
  TestClient after = server.client();
  ASSERT_TRUE(all_settled(after)) << server.log();
  EXPECT_TRUE(is_whole(after, "c1", page));
  EXPECT_EQ(server.stop(), 0);
}

}  // namespace
}  // namespace nexus::e2e
