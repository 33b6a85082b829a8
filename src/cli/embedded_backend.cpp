#include "cli/embedded_backend.h"

#include "app/core.h"
#include "app/language_models.h"
#include "base/errors.h"
#include "base/ids.h"
#include "cli/context.h"
#include "cli/failure.h"
#include "cli/operator.h"
#include "config/derived.h"
#include "config/settings_table.h"
#include "http/call.h"
#include "http/endpoint.h"
#include "json/json.h"
#include "modules/rag/citations.h"
#include "modules/rag/llm.h"
#include "modules/rag/prompt.h"

#include <fmt/format.h>

#include <filesystem>
#include <stop_token>
#include <utility>

namespace nexus::cli {
namespace {

rag::PromptBudget prompt_budget(const config::Settings& settings) {
  return {.chars_per_token = settings.get(config::kCostEstimatorTokenCharsRatio),
          .history_tokens = static_cast<std::size_t>(settings.get(config::kRunHistoryMaxTokens)),
          .context_tokens = static_cast<std::size_t>(settings.get(config::kRunContextMaxTokens))};
}

/// A file of this process in the spool folder, gone with the object unless it was taken away.
class SpoolCopy {
 public:
  SpoolCopy(const std::filesystem::path& source, const std::filesystem::path& folder) : path_(folder / uuid4()) {
    std::filesystem::create_directories(folder);
    std::filesystem::copy_file(source, path_);
  }
  ~SpoolCopy() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  SpoolCopy(const SpoolCopy&) = delete;
  SpoolCopy& operator=(const SpoolCopy&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class EmbeddedBackend final : public Backend {
 public:
  EmbeddedBackend(const Globals& globals, const std::string& tenant)
      : session_(globals, {.log_least = "ERROR"}),
        scope_(Operator::scope(tenant)),
        principal_(Operator::principal(tenant)) {
    request_.headers.emplace_back("User-Agent", "nexusrag command line");
    request_.client_ip = "127.0.0.1";
  }

  [[nodiscard]] std::string name() const override { return session_.where(); }

  Answer ask(const Ask& ask, const std::function<void(std::string_view)>& on_delta) override {
    const retrieval::Answer found = retrieve(ask);
    app::Core& core = session_.core();
    const app::LanguageModels models(session_.settings(), core.outside->client, session_.clock(), core.metrics);
    const rag::Llm& llm = models.answering();
    rag::Prompt prompt{.question = ask.question, .context = found.passages, .tenant = scope_.id()};
    if (llm.reads_messages())
      prompt.messages = rag::build_messages(ask.question, {}, found.passages, prompt_budget(session_.settings()));
    Answer answer;
    llm.generate(
        prompt,
        [&](const std::string& delta) {
          on_delta(delta);
          answer.text.append(delta);
          return true;
        },
        std::stop_token{});
    std::string citations;
    json::Writer w(citations);
    w.begin_array();
    for (const retrieval::Passage& passage : found.passages) rag::append_citation(w, passage);
    w.end_array();
    answer.citations = json::parse(citations).as_array();
    return answer;
  }

  [[nodiscard]] bool has_corpus(std::string_view corpus) override {
    try {
      (void)documents().get_corpus(call(), corpus);
      return true;
    } catch (const ApiError& e) {
      if (e.kind() == errors::kNotFound) return false;
      throw;
    }
  }

  void create_corpus(std::string_view corpus) override {
    (void)documents().create_corpus(call(), {.id = std::string(corpus), .name = std::string(corpus)});
  }

  [[nodiscard]] std::optional<DocumentState> find(std::string_view id) override {
    try {
      const documents::Document document = documents().get(call(), id);
      return DocumentState{.id = document.id,
                           .status = document.status,
                           .failure_reason = document.failure_reason,
                           .chunks = document.num_chunks.value_or(0),
                           .sha256 = document.sha256};
    } catch (const ApiError& e) {
      if (e.kind() == errors::kNotFound) return std::nullopt;
      throw;
    }
  }

  void submit(const NewFile& file) override {
    start_worker();
    const SpoolCopy copy(file.path, config::spool_dir(session_.settings()));
    try {
      (void)documents().upload(call(), {.corpus_id = file.corpus, .document_id = file.document_id, .overwrite = true},
                               {.field = "file",
                                .filename = file.filename,
                                .content_type = "application/octet-stream",
                                .path = copy.path(),
                                .size = file.size,
                                .sha256 = file.sha256});
    } catch (const ApiError& e) {
      if (e.kind().status != 413 && e.kind().status != 415 && e.kind().status != 422) throw;
      const boost::json::value* reason = e.details().if_contains("reason");
      throw Refused(reason != nullptr && reason->is_string()
                        ? fmt::format("{}: {}", e.message(), std::string_view(reason->get_string()))
                        : e.message());
    }
  }

 private:
  [[nodiscard]] const documents::DocumentsService& documents() { return *session_.core().documents; }

  [[nodiscard]] retrieval::Answer retrieve(const Ask& ask) {
    try {
      return session_.core().retriever->retrieve({.tenant = scope_,
                                                  .principal = principal_,
                                                  .corpus_id = ask.corpus,
                                                  .query = ask.question,
                                                  .top_k = ask.top_k});
    } catch (const retrieval::CorpusNotFound&) {
      throw Failure(no_corpus(ask.corpus, name()));
    }
  }

  /// A call as the gate would hand it to a handler.
  [[nodiscard]] http::Call call() const {
    http::Call out(request_, endpoint_);
    out.request_id = "cli_" + hex32();
    out.now = session_.clock().now();
    out.authenticated(principal_, scope_);
    return out;
  }

  void start_worker() {
    if (std::exchange(working_, true)) return;
    session_.core().ingest_worker->start();
  }

  Session session_;
  TenantScope scope_;
  Principal principal_;
  http::Request request_;
  http::Endpoint endpoint_;
  bool working_ = false;
};

}  // namespace

std::unique_ptr<Backend> make_embedded_backend(const Globals& globals, const std::string& tenant) {
  return std::make_unique<EmbeddedBackend>(globals, tenant);
}

}  // namespace nexus::cli
