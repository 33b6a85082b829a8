#include "opensearch/maintenance.h"

#include "opensearch/older.h"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace nexus::opensearch {
namespace {

constexpr std::size_t kDocumentsPerPage = 200;
constexpr std::size_t kChunksPerPage = 500;
/// Differences that are looked at a second time; with more of them the index needs a rebuild, not a list.
constexpr std::size_t kMostSuspects = 100'000;

Subject document_of(const CorpusKey& corpus, const std::string& document) {
  return {corpus.tenant_id, corpus.corpus_id, document, Kind::kDocument};
}

void add(Tally& sum, const Tally& part) {
  sum.chunks += part.chunks;
  sum.checksum += part.checksum;
}

}  // namespace

std::string_view to_string(Difference::Kind kind) {
  switch (kind) {
    case Difference::Kind::kMissing:
      return "missing";
    case Difference::Kind::kDiffers:
      return "differs";
    case Difference::Kind::kOrphan:
      return "orphan";
  }
  return "unknown";
}

Maintenance::Maintenance(db::Database& db, Cluster& cluster, Feeder& feeder, const Clock& clock,
                         std::int64_t timeout_ms)
    : db_(db),
      cluster_(cluster),
      feeder_(feeder),
      clock_(clock),
      timeout_ms_(timeout_ms),
      figures_(cluster, timeout_ms) {}

std::vector<CorpusKey> Maintenance::all_corpora(const Selection& selection) {
  std::vector<CorpusKey> out = db_.read([&](db::Snapshot& db) { return rows_.corpora(db); });
  for (CorpusKey& key : figures_.corpora()) out.push_back(std::move(key));
  std::erase_if(out, [&](const CorpusKey& key) { return !selection.covers(key); });
  const auto tied = [](const CorpusKey& key) { return std::tie(key.tenant_id, key.corpus_id); };
  std::sort(out.begin(), out.end(), [&](const CorpusKey& a, const CorpusKey& b) { return tied(a) < tied(b); });
  out.erase(
      std::unique(out.begin(), out.end(), [&](const CorpusKey& a, const CorpusKey& b) { return tied(a) == tied(b); }),
      out.end());
  return out;
}

RebuildReport Maintenance::rebuild(const RebuildOptions& options) {
  if (options.recreate) {
    if (!options.selection.everything()) throw std::invalid_argument("only the whole index can be created anew");
    cluster_.drop_index();
  }
  cluster_.prepare();
  refresh(cluster_, timeout_ms_, options.stop);
  RebuildReport report;
  std::vector<Order> orders;
  for (const CorpusKey& corpus : all_corpora(options.selection)) {
    if (options.stop.stop_requested()) break;
    // The rows may come from a backup: then the index knows larger numbers than they do.
    const std::int64_t known = figures_.largest_seq(corpus);
    const OutboxRepository::Order order = db_.write([&](db::Tx& tx) {
      rows_.raise_seq(tx, corpus, known);
      return rows_.rebuild_corpus(tx, corpus, clock_.now());
    });
    orders.push_back({corpus, order.seq});
    report.documents += order.documents;
  }
  report.corpora = static_cast<std::int64_t>(orders.size());
  deliver(options, orders, report);
  sweep(orders, report);
  return report;
}

std::int64_t Maintenance::count_waiting(const std::vector<Order>& orders) {
  return db_.read([&](db::Snapshot& db) {
    std::int64_t waiting = 0;
    for (const Order& order : orders) waiting += rows_.waiting(db, order.corpus, Kind::kDocument);
    return waiting;
  });
}

void Maintenance::deliver(const RebuildOptions& options, const std::vector<Order>& orders, RebuildReport& report) {
  std::int64_t moved_us = clock_.steady_us();
  report.waiting = count_waiting(orders);
  while (report.waiting > 0 && !options.stop.stop_requested()) {
    const Feeder::Round round = feeder_.run_once(options.stop);
    const std::int64_t waiting = count_waiting(orders);
    if (waiting < report.waiting) moved_us = clock_.steady_us();
    report.waiting = waiting;
    if (options.progress)
      options.progress(static_cast<std::size_t>(std::max<std::int64_t>(report.documents - waiting, 0)),
                       static_cast<std::size_t>(report.documents));
    if (clock_.steady_us() - moved_us > options.give_up_us) return;
    if (round.delivered == 0 && waiting > 0 && options.pause) options.pause();
  }
}

void Maintenance::sweep(const std::vector<Order>& orders, RebuildReport& report) {
  for (const Order& order : orders) {
    const auto [waiting, dead] = db_.read([&](db::Snapshot& db) {
      return std::pair(rows_.waiting(db, order.corpus, Kind::kDocument), rows_.dead_of(db, order.corpus));
    });
    report.dead += dead;
    if (waiting > 0 || dead > 0) continue;  // their chunks may still be of an older number
    const Claim everything_older{.subject = {order.corpus.tenant_id, order.corpus.corpus_id, {}, Kind::kCorpus},
                                 .seq = order.seq};
    delete_older(cluster_, {&everything_older, 1}, timeout_ms_);
  }
}

VerifyReport Maintenance::verify(const Selection& selection,
                                 const std::function<void(std::size_t, std::size_t)>& progress,
                                 const std::stop_token& stop) {
  cluster_.prepare();
  refresh(cluster_, timeout_ms_, stop);
  VerifyReport report;
  std::vector<Difference> suspects;
  const std::vector<CorpusKey> corpora = all_corpora(selection);
  for (const CorpusKey& corpus : corpora) {
    if (stop.stop_requested()) break;
    compare_corpus(corpus, report, suspects, stop);
    ++report.corpora;
    if (progress) progress(static_cast<std::size_t>(report.corpora), corpora.size());
  }
  settle(suspects, report);
  return report;
}

bool Maintenance::is_waiting(const Subject& subject) {
  return db_.read([&](db::Snapshot& db) { return rows_.is_waiting(db, subject); });
}

void Maintenance::compare_corpus(const CorpusKey& corpus, VerifyReport& report, std::vector<Difference>& suspects,
                                 const std::stop_token& stop) {
  report.dead += db_.read([&](db::Snapshot& db) { return rows_.dead_of(db, corpus); });
  if (db_.read([&](db::Snapshot& db) { return rows_.has_chunks(db, document_of(corpus, "")); }))
    compare_page(corpus, {""}, report, suspects);
  std::string after;
  while (!stop.stop_requested()) {
    const std::vector<std::string> page = db_.read([&](db::Snapshot& db) {
      return rows_.documents(db, corpus, after, static_cast<std::int64_t>(kDocumentsPerPage));
    });
    if (page.empty()) break;
    compare_page(corpus, page, report, suspects);
    after = page.back();
  }
  find_orphans(corpus, suspects, stop);
}

void Maintenance::compare_page(const CorpusKey& corpus, const std::vector<std::string>& documents, VerifyReport& report,
                               std::vector<Difference>& suspects) {
  std::map<std::string, Tally> indexed = figures_.tallies(corpus, documents);
  for (const std::string& id : documents) {
    const Subject subject = document_of(corpus, id);
    if (is_waiting(subject)) {
      ++report.waiting;
      continue;
    }
    const Tally rows = tally_rows(subject);
    const Tally index = indexed[id];
    ++report.documents;
    add(report.rows, rows);
    add(report.index, index);
    if (rows == index || suspects.size() >= kMostSuspects) continue;
    const auto kind = index.chunks == 0 ? Difference::Kind::kMissing : Difference::Kind::kDiffers;
    suspects.push_back({kind, corpus, id, rows, index});
  }
}

void Maintenance::find_orphans(const CorpusKey& corpus, std::vector<Difference>& suspects,
                               const std::stop_token& stop) {
  std::optional<std::string> after;
  while (!stop.stop_requested()) {
    const std::vector<std::string> page = figures_.documents(corpus, after, kDocumentsPerPage);
    if (page.empty()) return;
    for (const std::string& id : page) {
      const Subject subject = document_of(corpus, id);
      const bool there = db_.read([&](db::Snapshot& db) { return rows_.has_chunks(db, subject); });
      if (!there && !is_waiting(subject) && suspects.size() < kMostSuspects)
        suspects.push_back({Difference::Kind::kOrphan, corpus, id, {}, {}});
    }
    after = page.back();
  }
}

void Maintenance::settle(std::vector<Difference>& suspects, VerifyReport& report) {
  if (suspects.empty()) return;
  refresh(cluster_, timeout_ms_);
  for (Difference& suspect : suspects) {
    const Subject subject = document_of(suspect.corpus, suspect.document_id);
    const std::string ids[] = {suspect.document_id};
    suspect.rows = tally_rows(subject);
    suspect.index = figures_.tallies(suspect.corpus, ids)[suspect.document_id];
    if (suspect.rows == suspect.index || is_waiting(subject)) continue;
    ++report.differences;
    if (report.listed.size() < VerifyReport::kMostListed) report.listed.push_back(std::move(suspect));
  }
}

Tally Maintenance::tally_rows(const Subject& subject) {
  return db_.read([&](db::Snapshot& db) {
    const std::size_t dimension = rows_.dimension(db, subject.tenant_id, subject.corpus_id);
    Tally out;
    std::string after;
    for (;;) {
      const std::vector<ChunkRow> page =
          rows_.chunks(db, subject, after, dimension, static_cast<std::int64_t>(kChunksPerPage));
      for (const ChunkRow& chunk : page) add(out, {1, std::int64_t{checksum_of(chunk)}});
      if (page.size() < kChunksPerPage) return out;
      after = page.back().id;
    }
  });
}

}  // namespace nexus::opensearch
