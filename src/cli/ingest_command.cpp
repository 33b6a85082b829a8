#include "cli/backend.h"
#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/file_list.h"
#include "cli/terminal.h"
#include "json/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace nexus::cli {
namespace {

using std::chrono::milliseconds;

struct Outcome {
  std::string file;
  std::string document_id;
  std::string status;  ///< "succeeded", "failed", "unchanged"
  std::string reason;
  std::int64_t chunks = 0;
};

struct Totals {
  std::size_t succeeded = 0;
  std::size_t failed = 0;
  std::size_t unchanged = 0;
  std::int64_t chunks = 0;
};

Totals totals_of(const std::vector<Outcome>& outcomes) {
  Totals out;
  for (const Outcome& outcome : outcomes) {
    if (outcome.status == "failed") {
      ++out.failed;
    } else if (outcome.status == "unchanged") {
      ++out.unchanged;
    } else {
      ++out.succeeded;
      out.chunks += outcome.chunks;
    }
  }
  return out;
}

/// Hands files over and follows each until it is searchable or has failed. A bounded number is on its way at once.
class Ingestion {
 public:
  Ingestion(Backend& backend, const IngestOptions& options, std::size_t total)
      : backend_(backend), options_(options), total_(total), progress_("Ingesting") {}

  void add(const std::filesystem::path& file) {
    constexpr std::size_t kMostWaiting = 64;
    submit(file);
    while (waiting_.size() >= kMostWaiting) settle_first(true);
    settle_first(false);
  }
  std::vector<Outcome> finish() {
    while (!waiting_.empty()) settle_first(true);
    progress_.clear();
    return std::move(outcomes_);
  }

 private:
  struct Waiting {
    std::string file;
    std::string document_id;
  };

  void submit(const std::filesystem::path& path) {
    NewFile file{.path = path,
                 .corpus = options_.target.corpus,
                 .document_id = document_id_of(options_.target.corpus, path),
                 .filename = path.filename().string(),
                 .sha256 = file_sha256(path),
                 .size = std::filesystem::file_size(path)};
    const std::optional<DocumentState> known = backend_.find(file.document_id);
    if (known && known->status == "succeeded" && known->sha256 == file.sha256 && !options_.force) {
      settled({.file = path.string(), .document_id = file.document_id, .status = "unchanged"});
      return;
    }
    try {
      backend_.submit(file);
      waiting_.push_back({path.string(), file.document_id});
    } catch (const Refused& e) {
      settled({.file = path.string(), .document_id = file.document_id, .status = "failed", .reason = e.what()});
    }
  }

  /// Looks at the document that waits longest; with `wait`, until it is settled.
  void settle_first(bool wait) {
    milliseconds pause{20};
    while (!waiting_.empty()) {
      const Waiting& first = waiting_.front();
      const std::optional<DocumentState> state = backend_.find(first.document_id);
      if (!state || state->is_final()) {
        settled({.file = first.file,
                 .document_id = first.document_id,
                 .status = state ? state->status : "failed",
                 .reason = state ? state->failure_reason.value_or("") : "the document was deleted meanwhile",
                 .chunks = state ? state->chunks : 0});
        waiting_.pop_front();
        return;
      }
      show();
      if (!wait) return;
      std::this_thread::sleep_for(pause);
      pause = std::min(pause * 2, milliseconds(500));
    }
  }

  void settled(Outcome outcome) {
    failed_ += outcome.status == "failed" ? 1U : 0U;
    outcomes_.push_back(std::move(outcome));
    show();
  }
  void show() {
    progress_.show(outcomes_.size(), total_, failed_ > 0 ? fmt::format("{} failed", failed_) : std::string{});
  }

  Backend& backend_;
  const IngestOptions& options_;
  std::size_t total_;
  std::size_t failed_ = 0;
  Progress progress_;
  std::deque<Waiting> waiting_;
  std::vector<Outcome> outcomes_;
};

void require_corpus(Backend& backend, const IngestOptions& options) {
  const std::string& corpus = options.target.corpus;
  if (backend.has_corpus(corpus)) return;
  if (!options.create)
    throw Failure(fmt::format("there is no corpus {} in {}; --create makes it", corpus, backend.name()));
  backend.create_corpus(corpus);
  print_error("created corpus " + corpus);
}

void print_outcomes_json(const IngestOptions& options, const std::vector<Outcome>& outcomes, std::size_t skipped) {
  const Totals totals = totals_of(outcomes);
  std::string out;
  json::Writer w(out);
  w.begin_object().field("corpus_id", options.target.corpus);
  w.field("succeeded", static_cast<std::int64_t>(totals.succeeded));
  w.field("failed", static_cast<std::int64_t>(totals.failed));
  w.field("unchanged", static_cast<std::int64_t>(totals.unchanged));
  w.field("skipped", static_cast<std::int64_t>(skipped)).key("documents").begin_array();
  for (const Outcome& outcome : outcomes) {
    w.begin_object().field("file", outcome.file).field("document_id", outcome.document_id);
    w.field("status", outcome.status).field("chunks", outcome.chunks).key("failure_reason");
    outcome.reason.empty() ? w.null() : w.value(outcome.reason);
    w.end_object();
  }
  w.end_array().end_object();
  print(out + "\n");
}

std::string plural(std::int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

void print_outcomes_text(const IngestOptions& options, const std::vector<Outcome>& outcomes, std::size_t skipped,
                         double seconds) {
  const Totals totals = totals_of(outcomes);
  for (const Outcome& outcome : outcomes)
    if (outcome.status == "failed")
      print_error(fmt::format("failed  {}: {}", printable(outcome.file), printable(outcome.reason)));
  std::string out = fmt::format("{} ({}) in corpus {}", plural(static_cast<std::int64_t>(totals.succeeded), "document"),
                                plural(totals.chunks, "chunk"), options.target.corpus);
  if (totals.unchanged > 0) out += fmt::format(", {} unchanged", totals.unchanged);
  if (totals.failed > 0) out += fmt::format(", {} failed", totals.failed);
  if (skipped > 0) out += fmt::format(", {} skipped (not a kind that is read)", skipped);
  print(fmt::format("{}, {:.1f} s\n", out, seconds));
}

int ingest(const Globals& globals, const IngestOptions& options) {
  const FileList list = collect_files(options.paths);
  if (list.files.empty())
    throw Failure(list.skipped > 0
                      ? fmt::format("none of the {} found can be read; .txt .md .html .pdf .docx .csv .json can",
                                    plural(static_cast<std::int64_t>(list.skipped), "file"))
                      : "no files were found");
  const auto begun = std::chrono::steady_clock::now();
  const std::unique_ptr<Backend> backend = open_backend(globals, options.target, false);
  require_corpus(*backend, options);
  Ingestion ingestion(*backend, options, list.files.size());
  for (const std::filesystem::path& file : list.files) ingestion.add(file);
  const std::vector<Outcome> outcomes = ingestion.finish();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begun;
  if (globals.json) {
    print_outcomes_json(options, outcomes, list.skipped);
  } else {
    print_outcomes_text(options, outcomes, list.skipped, taken.count());
  }
  return totals_of(outcomes).failed > 0 ? kNo : kDone;
}

}  // namespace

int cmd_ingest(const Globals& globals, const IngestOptions& options) {
  return guarded("ingest", [&] { return ingest(globals, options); });
}

}  // namespace nexus::cli
