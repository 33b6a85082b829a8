#include "e2e/traffic.h"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <stdlib.h>
#include <utility>

namespace nexus::e2e {
namespace {

unsigned chosen_seed() {
  const char* given = ::getenv("NEXUSRAG_E2E_SEED");
  return given != nullptr ? static_cast<unsigned>(std::stoul(given)) : std::random_device{}();
}

/// A word that no stemmer shortens and no other number shares.
std::string marker_of(std::string_view id) {
  constexpr std::string_view kLetters = "bcdfghkmnpqrtvwx";
  std::string word = "q";
  for (const char c : id) {
    word += kLetters[static_cast<unsigned char>(c) / 16];
    word += kLetters[static_cast<unsigned char>(c) % 16];
  }
  return word;
}

std::string path_of(std::string_view id) {
  return "/v1/documents/" + std::string(id);
}

}  // namespace

Dice::Dice() {
  const unsigned seed = chosen_seed();
  std::printf("NEXUSRAG_E2E_SEED=%u\n", seed);
  engine_.seed(seed);
}

int Dice::roll(int least, int most) {
  const std::lock_guard lock(mutex_);
  return std::uniform_int_distribution<int>(least, most)(engine_);
}

void Dice::pass_time(std::chrono::microseconds most) {
  std::this_thread::sleep_for(std::chrono::microseconds(roll(0, static_cast<int>(most.count()))));
}

Planned plan_document(std::string id, int sentences) {
  Planned out{.id = std::move(id), .marker = {}, .text = {}};
  out.marker = marker_of(out.id);
  for (int i = 0; i < sentences; ++i) {
    if (i % 40 == 0) out.text += "# Part " + std::to_string(i / 40) + " of " + out.marker + "\n\n";
    out.text += "Sentence " + std::to_string(i) + " of " + out.marker + " tells what the release gates ask for.";
    out.text += i % 10 == 9 ? "\n\n" : " ";
  }
  return out;
}

Response send_text(TestClient& client, std::string_view corpus, const Planned& document) {
  return client.post("/v1/documents/text",
                     boost::json::serialize(boost::json::object{
                         {"corpus_id", corpus}, {"document_id", document.id}, {"text", document.text}}));
}

Response send_file(TestClient& client, std::string_view corpus, const Planned& document, std::string_view filename,
                   std::string_view content_type, std::string_view bytes) {
  testing::Multipart form;
  form.field("corpus_id", corpus).field("document_id", document.id).file("file", filename, content_type, bytes);
  return client.upload("/v1/documents", form);
}

std::string as_html(const Planned& document) {
  std::string out = "<!doctype html><html><head><title>" + document.id + "</title></head><body>\n";
  std::string_view rest = document.text;
  while (!rest.empty()) {
    const auto end = std::min(rest.find("\n\n"), rest.size());
    out.append("<p>").append(rest.substr(0, end)).append("</p>\n");
    rest.remove_prefix(std::min(end + 2, rest.size()));
  }
  return out + "</body></html>";
}

void make_corpus(TestClient& client, std::string_view id, std::string_view chunking) {
  const boost::json::object config{{"retrieval", {{"provider", "local_pgvector"}}}, {"chunking", {{"mode", chunking}}}};
  const Response made = client.post("/v1/corpora", boost::json::serialize(boost::json::object{
                                                       {"id", id}, {"name", id}, {"provider_config_json", config}}));
  if (made.status != 201) throw std::runtime_error("corpus was not created: " + made.body);
}

Crowd::Crowd(const Server& server, int members, const Step& step) {
  for (int number = 0; number < members; ++number)
    members_.emplace_back([this, client = server.client(), step, number]() mutable {
      try {
        while (!stopping_) step(client, number);
      } catch (const std::runtime_error&) {
        // The connection broke: what these tests do to a server.
      }
    });
}

Crowd::~Crowd() {
  stop();
}

void Crowd::join() {
  members_.clear();
}

void Crowd::stop() {
  stopping_ = true;
  members_.clear();
}

Planned Ledger::next(int client, int sentences) {
  const std::lock_guard lock(mutex_);
  for (const Pending& pending : pending_)
    if (pending.client == client) return pending.document;
  Planned made = plan_document("d" + std::to_string(++made_), sentences);
  pending_.push_back({client, made});
  return made;
}

void Ledger::acknowledged(int client) {
  const std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(pending_.begin(), pending_.end(), [&](const Pending& p) { return p.client == client; });
  if (found == pending_.end()) throw std::logic_error("nothing was sent");
  stored_.push_back(std::move(found->document));
  pending_.erase(found);
}

int Ledger::count() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(stored_.size());
}

std::vector<Planned> Ledger::stored() const {
  const std::lock_guard lock(mutex_);
  return stored_;
}

std::vector<Planned> Ledger::unknown() const {
  const std::lock_guard lock(mutex_);
  std::vector<Planned> out;
  for (const Pending& pending : pending_) out.push_back(pending.document);
  return out;
}

std::optional<std::string> status_of(TestClient& client, std::string_view id) {
  const Response got = client.get(path_of(id));
  if (got.status == 404) return std::nullopt;
  if (got.status != 200) throw std::runtime_error("document cannot be read: " + got.body);
  return std::string(got.json().at("data").at("status").as_string());
}

bool all_settled(TestClient& client, std::chrono::milliseconds limit) {
  return eventually(
      [&] {
        const Response got = client.get("/v1/documents");
        if (got.status != 200) throw std::runtime_error("documents cannot be listed: " + got.body);
        const boost::json::value body = got.json();
        const boost::json::array& all = body.at("data").as_array();
        return std::none_of(all.begin(), all.end(), [](const boost::json::value& document) {
          return document.at("status") == "queued" || document.at("status") == "processing";
        });
      },
      limit);
}

std::vector<std::string> chunk_ids(TestClient& client, std::string_view id) {
  std::vector<std::string> out;
  for (std::int64_t offset = 0;;) {
    const Response got = client.get(path_of(id) + "/chunks?limit=500&offset=" + std::to_string(offset));
    if (got.status != 200) throw std::runtime_error("chunks cannot be read: " + got.body);
    const boost::json::value body = got.json();
    for (const boost::json::value& chunk : body.at("data").at("items").as_array()) {
      if (!std::cmp_equal(chunk.at("chunk_index").as_int64(), out.size()))
        throw std::runtime_error("chunks of " + std::string(id) + " are not numbered from 0 without gaps");
      out.emplace_back(chunk.at("id").as_string());
    }
    const boost::json::value& next = body.at("data").at("next_offset");
    if (next.is_null()) return out;
    offset = next.as_int64();
  }
}

std::vector<std::string> found_ids(TestClient& client, std::string_view corpus, const Planned& document) {
  const Response got = client.post(
      "/v1/search", boost::json::serialize(boost::json::object{
                        {"corpus_id", corpus}, {"query", document.marker}, {"mode", "lexical"}, {"top_k", 100}}));
  if (got.status != 200) throw std::runtime_error("search failed: " + got.body);
  const boost::json::value body = got.json();
  std::vector<std::string> out;
  for (const boost::json::value& hit : body.at("data").at("hits").as_array()) {
    if (hit.at("document_id") != boost::json::string_view(document.id))
      throw std::runtime_error("a search for " + document.id + " found another document");
    out.emplace_back(hit.at("chunk_id").as_string());
  }
  return out;
}

::testing::AssertionResult is_whole(TestClient& client, std::string_view corpus, const Planned& document) {
  try {
    const std::optional<std::string> status = status_of(client, document.id);
    if (status != "succeeded")
      return ::testing::AssertionFailure()
             << document.id << " is " << status.value_or("not there") << ": " << client.get(path_of(document.id)).body;
    std::vector<std::string> chunks = chunk_ids(client, document.id);
    const std::vector<std::string> found = found_ids(client, corpus, document);
    const std::set<std::string> distinct(found.begin(), found.end());
    if (chunks.empty() || found.size() != std::min<std::size_t>(chunks.size(), 100) || distinct.size() != found.size())
      return ::testing::AssertionFailure() << document.id << " has " << chunks.size() << " chunks, a search finds "
                                           << found.size() << ", " << distinct.size() << " of them different";
    std::sort(chunks.begin(), chunks.end());
    if (!std::includes(chunks.begin(), chunks.end(), distinct.begin(), distinct.end()))
      return ::testing::AssertionFailure() << "a search finds chunks that " << document.id << " does not have";
    return ::testing::AssertionSuccess();
  } catch (const std::runtime_error& e) {
    return ::testing::AssertionFailure() << document.id << ": " << e.what();
  }
}

::testing::AssertionResult is_not_half_there(TestClient& client, std::string_view corpus, const Planned& document) {
  const std::vector<std::string> found = found_ids(client, corpus, document);
  const std::optional<std::string> after = status_of(client, document.id);
  if (after != "succeeded" && !found.empty())
    return ::testing::AssertionFailure() << document.id << " is " << after.value_or("not there")
                                         << ", and a search finds " << found.size() << " of its chunks";
  return ::testing::AssertionSuccess();
}

::testing::AssertionResult audit_holds(TestClient& client) {
  const Response got = client.get("/v1/audit/verify");
  if (got.status != 200) return ::testing::AssertionFailure() << got.body;
  const boost::json::value body = got.json();
  if (body.at("data").at("valid") != true || body.at("data").at("events_checked").as_int64() == 0)
    return ::testing::AssertionFailure() << got.body;
  return ::testing::AssertionSuccess();
}

}  // namespace nexus::e2e
