#include "cli/search_index_commands.h"

#include "app/core.h"
#include "cli/context.h"
#include "cli/failure.h"
#include "cli/terminal.h"
#include "config/settings_table.h"
#include "json/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <vector>

namespace nexus::cli {
namespace {

using opensearch::Difference;
using opensearch::RebuildReport;
using opensearch::Selection;
using opensearch::Tally;
using opensearch::VerifyReport;

constexpr std::size_t kDifferencesShown = 20;
constexpr std::chrono::milliseconds kPause{500};  // while every document left waits for its next try

Selection selection(const SearchIndexOptions& options) {
  if (options.corpus && !options.tenant) throw UsageError("--corpus needs --tenant: ids of corpora repeat");
  return {.tenant = options.tenant, .corpus = options.corpus};
}

/// Waits for a while, or until somebody stops.
void pause(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, kPause, [] { return false; });
}

void append_tally(json::Writer& w, std::string_view name, const Tally& tally) {
  w.key(name).begin_object().field("chunks", tally.chunks).field("checksum", tally.checksum).end_object();
}

std::string shown(const std::string& document) {
  return document.empty() ? "(no document)" : printable(document);
}

}  // namespace

std::string rebuild_json(const RebuildReport& report) {
  std::string out;
  json::Writer w(out);
  w.begin_object().field("complete", report.complete()).field("corpora", report.corpora);
  w.field("documents", report.documents).field("waiting", report.waiting).field("dead", report.dead).end_object();
  return out + "\n";
}

std::string rebuild_text(const RebuildReport& report) {
  std::string out = fmt::format("{} corpora, {} documents sent again\n", report.corpora, report.documents);
  if (report.waiting > 0)
    out += fmt::format("{} documents wait in the outbox: the cluster did not take them; they are tried again\n",
                       report.waiting);
  if (report.dead > 0)
    out += fmt::format("{} documents were refused for good; `search-index verify` counts them\n", report.dead);
  return out;
}

std::string verify_json(const VerifyReport& report) {
  std::string out;
  json::Writer w(out);
  w.begin_object().field("equal", report.equal()).field("corpora", report.corpora).field("documents", report.documents);
  append_tally(w, "rows", report.rows);
  append_tally(w, "index", report.index);
  w.field("waiting", report.waiting).field("dead", report.dead).field("differences", report.differences);
  w.key("listed").begin_array();
  for (const Difference& d : report.listed) {
    w.begin_object().field("kind", opensearch::to_string(d.kind)).field("tenant_id", d.corpus.tenant_id);
    w.field("corpus_id", d.corpus.corpus_id).field("document_id", d.document_id);
    append_tally(w, "rows", d.rows);
    append_tally(w, "index", d.index);
    w.end_object();
  }
  w.end_array().end_object();
  return out + "\n";
}

std::string verify_text(const VerifyReport& report) {
  std::string out = fmt::format("{}  {} documents in {} corpora\n", report.equal() ? "equal    " : "DIFFERENT",
                                report.documents, report.corpora);
  out += render_table({{"side", "chunks", "checksum"},
                       {"rows", std::to_string(report.rows.chunks), std::to_string(report.rows.checksum)},
                       {"index", std::to_string(report.index.chunks), std::to_string(report.index.checksum)}},
                      {Align::kLeft, Align::kRight, Align::kRight});
  if (report.waiting > 0) out += fmt::format("{} documents are on their way and were not compared\n", report.waiting);
  if (report.dead > 0) out += fmt::format("{} documents were refused by the cluster for good\n", report.dead);
  if (report.differences == 0) return out;
  std::vector<std::vector<std::string>> rows{{"problem", "tenant", "corpus", "document", "rows", "index"}};
  for (std::size_t i = 0; i < std::min(report.listed.size(), kDifferencesShown); ++i) {
    const Difference& d = report.listed[i];
    rows.push_back({std::string(opensearch::to_string(d.kind)), printable(d.corpus.tenant_id),
                    printable(d.corpus.corpus_id), shown(d.document_id), std::to_string(d.rows.chunks),
                    std::to_string(d.index.chunks)});
  }
  out += render_table(rows);
  if (static_cast<std::size_t>(report.differences) > kDifferencesShown)
    out += fmt::format("… {} in all\n", report.differences);
  return out + "`nexusrag search-index rebuild` puts this right\n";
}

int search_index_rebuild(const Globals& globals, const SearchIndexOptions& options, opensearch::Maintenance& work,
                         const std::stop_token& stop) {
  const Selection which = selection(options);
  if (options.recreate && !which.everything()) throw UsageError("--recreate is for the whole index only");
  Progress progress("Rebuilding");
  const RebuildReport report =
      work.rebuild({.selection = which,
                    .recreate = options.recreate,
                    .pause = [&] { pause(stop); },
                    .progress = [&](std::size_t done, std::size_t total) { progress.show(done, total); },
                    .stop = stop});
  progress.clear();
  print(globals.json ? rebuild_json(report) : rebuild_text(report));
  return report.complete() ? kDone : kNo;
}

int search_index_verify(const Globals& globals, const SearchIndexOptions& options, opensearch::Maintenance& work,
                        const std::stop_token& stop) {
  Progress progress("Comparing");
  const VerifyReport report = work.verify(
      selection(options), [&](std::size_t done, std::size_t total) { progress.show(done, total); }, stop);
  progress.clear();
  print(globals.json ? verify_json(report) : verify_text(report));
  return report.equal() ? kDone : kNo;
}

namespace {

/// `act` with the cluster of the settings. Ctrl-C ends the process at once: both commands can be given again.
int with_cluster(const Globals& globals, const std::function<int(opensearch::Maintenance&)>& act) {
  Session session(globals);
  app::SearchCluster* elsewhere = session.core().search_cluster.get();
  if (elsewhere == nullptr) throw Failure("there is no search cluster: SEARCH_ENGINE is not opensearch");
  opensearch::Maintenance work(*session.core().db, elsewhere->cluster, elsewhere->feeder, session.clock(),
                               session.settings().get(config::kOpensearchBulkTimeoutMs));
  return act(work);
}

}  // namespace

int cmd_search_index_rebuild(const Globals& globals, const SearchIndexOptions& options) {
  return guarded("search-index rebuild", [&] {
    return with_cluster(
        globals, [&](opensearch::Maintenance& work) { return search_index_rebuild(globals, options, work, {}); });
  });
}

int cmd_search_index_verify(const Globals& globals, const SearchIndexOptions& options) {
  return guarded("search-index verify", [&] {
    return with_cluster(globals,
                        [&](opensearch::Maintenance& work) { return search_index_verify(globals, options, work, {}); });
  });
}

}  // namespace nexus::cli
