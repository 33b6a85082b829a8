#pragma once

#include "json/json.h"
#include "support/test_app.h"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Short words for what the contract suites say often.
namespace nexus::testing {

/// The payload of an enveloped success; throws when the answer is another one.
inline boost::json::value data_of(const Response& answer) {
  if (answer.status / 100 != 2) throw std::runtime_error("not a success: " + answer.body);
  return answer.json().at("data");
}

/// The code of a versioned error; the body when there is none.
inline std::string code_of(const Response& answer) {
  try {
    return std::string(answer.json().at("error").at("code").as_string());
  } catch (const std::exception&) {
    return "no error: " + answer.body;
  }
}

inline std::string message_of(const Response& answer) {
  return std::string(answer.json().at("error").at("message").as_string());
}

inline std::string text_of(const boost::json::value& value) {
  return std::string(value.as_string());
}

/// One file of tests/data/documents.
inline std::string sample_file(std::string_view name) {
  std::ifstream in(std::filesystem::path(NEXUS_SOURCE_DIR) / "tests/data/documents" / name, std::ios::binary);
  if (!in) throw std::runtime_error("no sample file " + std::string(name));
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

struct FilePart {
  std::string filename;
  std::string content_type;
  std::string bytes;
};

inline Response upload_file(TestClient& client, std::string_view corpus, const FilePart& file,
                            std::string_view document_id = {}, bool overwrite = false) {
  Multipart form;
  form.field("corpus_id", corpus);
  if (!document_id.empty()) form.field("document_id", document_id);
  if (overwrite) form.field("overwrite", "true");
  form.file("file", file.filename, file.content_type, file.bytes);
  return client.upload("/v1/documents", form);
}

inline Response add_text(TestClient& client, std::string_view corpus, std::string_view text,
                         boost::json::object more = {}) {
  more["corpus_id"] = corpus;
  more["text"] = text;
  return client.post("/v1/documents/text", json::write(more));
}

inline boost::json::array hits_of(TestClient& client, std::string_view corpus, std::string_view query) {
  const Response got = client.post(
      "/v1/search", json::write(boost::json::object{{"corpus_id", corpus}, {"query", query}, {"top_k", 50}}));
  return data_of(got).at("hits").as_array();
}

/// Documents that a search finds, best first, each once for every hit.
inline std::vector<std::string> found_documents(TestClient& client, std::string_view corpus, std::string_view query) {
  std::vector<std::string> out;
  for (const boost::json::value& hit : hits_of(client, corpus, query))
    if (hit.at("document_id").is_string()) out.push_back(text_of(hit.at("document_id")));
  return out;
}

/// A server with corpus c1 of tenant t1 and a client of its admin.
class CorpusTest : public ::testing::Test {
 protected:
  explicit CorpusTest(const Changes& changes = {}) : app_(changes), client_(app_.client()) { app_.make_corpus("c1"); }

  /// Adds a document from text, waits for it and returns it.
  boost::json::object ingest(std::string_view text, boost::json::object more = {}) {
    const Response added = add_text(client_, "c1", text, std::move(more));
    EXPECT_EQ(added.status, 202) << added.body;
    return app_.wait_for_document(client_, text_of(data_of(added).at("document_id")));
  }
  /// The document of an accepted upload when it has come to its end.
  boost::json::object settle(const Response& accepted) {
    return app_.wait_for_document(client_, text_of(data_of(accepted).at("document_id")));
  }

  TestApp app_;
  TestClient client_;
};

}  // namespace nexus::testing
