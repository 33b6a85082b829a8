#pragma once

#include "base/error.h"
#include "crypto/hash.h"
#include "json/json.h"
#include "modules/authz/tenant_access.h"
#include "modules/documents/documents_service.h"
#include "modules/ingestion/ingest_handler.h"
#include "modules/jobs/worker.h"
#include "modules/plans/entitlements_fixture.h"
#include "modules/retrieval/ports.h"
#include "modules/retrieval/segment_engine.h"
#include "support/call_fixture.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <stdexcept>
#include <stdlib.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// For tests of the rooms around documents.
namespace nexus::ingestion {

/// A folder of its own that goes with the object.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "nexus-rooms-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path file(const std::string& name, std::string_view bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return path_ / name;
  }
  /// Regular files below it.
  [[nodiscard]] std::size_t count_files() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) count += entry.is_regular_file();
    return count;
  }

 private:
  std::filesystem::path path_;
};

/// The options of a worker that only works when it is told to.
inline jobs::WorkerOptions patient_worker() {
  jobs::WorkerOptions options;
  options.threads = 1;
  options.lease_us = 3600 * Timestamp::kSecond;
  return options;
}

/// Corpora, documents, their ingestion and search over one scratch database; the caller is an admin of tenant t1.
struct Library {
  explicit Library(std::string provider = "fake", IngestOptions options = {}, documents::DocumentOptions rules = {})
      : embedders(std::move(provider), folder.path() / "models"),
        handler(*t.database, t.clock, objects, embedders, index, extractor, options, t.metrics),
        worker(*t.database, t.clock, handler, patient_worker(), t.metrics),
        service(
            *t.database, t.audit, objects, index, entitlements,
            [this](std::string_view job_id) {
              enqueued.emplace_back(job_id);
              if (when_enqueued) when_enqueued();
            },
            rules) {}

  testing::TestCall t;
  ScratchFolder folder;
  documents::ObjectStore objects{folder.path() / "objects"};
  retrieval::Embedders embedders;
  retrieval::SegmentEngine index{std::size_t{64} << 20, t.clock, t.metrics};
  authz::TenantAccess access;
  plans::StubEntitlements entitlements;
  retrieval::Retriever retriever{*t.database, embedders, index, access, t.metrics, t.clock, 60 * Timestamp::kSecond};
  text::extract::Extractor extractor;
  std::vector<std::string> enqueued;
  std::function<void()> when_enqueued;
  IngestHandler handler;
  jobs::Worker worker;
  documents::DocumentsService service;

  void make_corpus(const std::string& id = "c1", std::string_view config = "{}") {
    (void)service.create_corpus(t.call,
                                {.id = id, .name = id, .provider_config_json = json::parse(config).as_object()});
  }

  documents::Outcome add(const std::string& id, const std::string& text, bool overwrite = false,
                         const std::string& corpus = "c1") {
    return service.add_text(t.call, {.corpus_id = corpus, .text = text, .document_id = id, .overwrite = overwrite});
  }

  /// An uploaded file as the server's spool leaves it.
  [[nodiscard]] http::UploadedFile spooled(const std::string& name, const std::string& type, std::string_view bytes) {
    return {.field = "file",
            .filename = name,
            .content_type = type,
            .path = folder.file("spool-" + std::to_string(++spooled_), bytes),
            .size = bytes.size(),
            .sha256 = crypto::sha256_hex(bytes)};
  }

  /// Runs everything that is due.
  void work() {
    while (worker.run_one()) {
    }
  }

  void add_and_work(const std::string& id, const std::string& text, bool overwrite = false) {
    add(id, text, overwrite);
    work();
  }

  [[nodiscard]] documents::Document document(const std::string& id) const { return service.get(t.call, id); }
  [[nodiscard]] documents::ChunkPage chunks(const std::string& id) const {
    return service.chunks(t.call, {.document_id = id});
  }

  [[nodiscard]] retrieval::Answer ask(std::string_view query, std::optional<search::Mode> mode = std::nullopt,
                                      std::optional<std::int64_t> top_k = 20, std::string_view corpus = "c1") const {
    return retriever.retrieve({.tenant = t.tenant(),
                               .principal = t.call.principal(),
                               .corpus_id = corpus,
                               .query = query,
                               .top_k = top_k,
                               .mode = mode});
  }
  /// The texts that a search finds, best first.
  [[nodiscard]] std::vector<std::string> find(std::string_view query,
                                              std::optional<search::Mode> mode = std::nullopt) const {
    std::vector<std::string> out;
    for (const retrieval::Passage& passage : ask(query, mode).passages) out.push_back(passage.text);
    return out;
  }

  [[nodiscard]] jobs::Job job(std::string_view id) const {
    return t.database->read([&](db::Snapshot& s) { return jobs::JobsRepository().find(s, t.tenant(), id).value(); });
  }
  [[nodiscard]] documents::StoredCorpus corpus(std::string_view id = "c1") const {
    return t.database->read(
        [&](db::Snapshot& s) { return documents::DocumentsRepository().find_corpus(s, t.tenant(), id).value(); });
  }

 private:
  int spooled_ = 0;
};

/// Status, code and message of the refusal that `f` ends with; status 0 when it does not.
struct Refusal {
  int status = 0;
  std::string code;
  std::string message;
};
template <class F>
Refusal refusal_of(F&& f) {
  try {
    f();
  } catch (const ApiError& e) {
    return {e.kind().status, std::string(e.kind().code), e.message()};
  }
  return {};
}

}  // namespace nexus::ingestion
