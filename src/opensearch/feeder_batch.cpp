#include "opensearch/feeder_batch.h"

#include "observe/log.h"
#include "opensearch/older.h"
#include "search/vectors.h"

namespace nexus::opensearch {
namespace {

/// More actions than this in one request gain nothing.
constexpr std::size_t kMostActions = 1000;
/// Tries before a fault that may come from a changed index counts as the chunk's own.
constexpr std::int64_t kTriesOfMapping = 5;

/// Somebody deleted the index or made it anew: what we know of it is gone.
bool index_changed(std::string_view fault) {
  return fault == "strict_dynamic_mapping_exception" || fault == "index_not_found_exception" ||
         fault == "index_closed_exception";
}

}  // namespace

Feeder::Batch::Batch(const Feeder& feeder, std::vector<Claim> claims, std::stop_token stop)
    : feeder_(feeder), stop_(std::move(stop)), begun_us_(feeder.clock_.steady_us()) {
  for (Claim& claim : claims) deliveries_.push_back({.claim = std::move(claim), .fault = {}});
}

bool Feeder::Batch::out_of_time() const {
  return stop_.stop_requested() || feeder_.clock_.steady_us() - begun_us_ > feeder_.options_.lease_us / 2;
}

void Feeder::Batch::run() {
  try {
    feeder_.cluster_.prepare();
    for (std::size_t i = 0; i < deliveries_.size() && !out_of_time(); ++i) {
      deliveries_[i].tried = true;
      send_chunks(i);
    }
    flush();
    for (Delivery& delivery : deliveries_)
      if (delivery.tried && delivery.state == Delivery::State::kOpen) delivery.state = Delivery::State::kSent;
    delete_older();
  } catch (const Error& e) {
    if (e.kind() == ErrorKind::kMissing) feeder_.cluster_.forget();
    observe::log_warn("the search index could not be fed", {{"reason", e.what()}});
    fail_open(to_string(e.kind()));
  }
}

void Feeder::Batch::fail_open(std::string_view fault) {
  for (Delivery& delivery : deliveries_) {
    if (delivery.state == Delivery::State::kLater || delivery.state == Delivery::State::kImpossible) continue;
    delivery.state = Delivery::State::kLater;
    delivery.tried = true;
    delivery.fault = fault;
  }
}

std::size_t Feeder::Batch::dimension(const Subject& subject) {
  const auto key = std::pair(subject.tenant_id, subject.corpus_id);
  const auto known = dimensions_.find(key);
  if (known != dimensions_.end()) return known->second;
  const std::size_t found = feeder_.db_.read(
      [&](db::Snapshot& db) { return feeder_.rows_.dimension(db, subject.tenant_id, subject.corpus_id); });
  return dimensions_[key] = found;
}

void Feeder::Batch::send_chunks(std::size_t delivery) {
  const Subject& subject = deliveries_[delivery].claim.subject;
  if (subject.kind == Kind::kCorpus) return;
  const std::size_t dimension = this->dimension(subject);
  const auto page = static_cast<std::int64_t>(feeder_.options_.page_chunks);
  std::vector<std::string> acl;
  if (feeder_.attributes_) acl = feeder_.db_.read([&](db::Snapshot& db) { return feeder_.attributes_(db, subject); });
  std::string after;
  for (;;) {
    // A page is read in a snapshot of its own: what changes between two pages has a newer number, and comes again.
    const std::vector<ChunkRow> chunks =
        feeder_.db_.read([&](db::Snapshot& db) { return feeder_.rows_.chunks(db, subject, after, dimension, page); });
    for (const ChunkRow& chunk : chunks) add(delivery, chunk, acl);
    if (chunks.size() < feeder_.options_.page_chunks) return;
    after = chunks.back().id;
  }
}

void Feeder::Batch::add(std::size_t delivery, const ChunkRow& chunk, std::span<const std::string> acl) {
  const Claim& claim = deliveries_[delivery].claim;
  std::string field;
  if (search::has_direction(chunk.vector)) field = feeder_.cluster_.vector_field(chunk.model, chunk.vector.size());
  const Destination to{.index = feeder_.cluster_.index(),
                       .tenant = claim.subject.tenant_id,
                       .corpus = claim.subject.corpus_id,
                       .seq = claim.seq};
  std::string lines;
  append_index_action(lines, to, chunk, field, acl);
  if (!actions_.empty() &&
      (lines_.size() + lines.size() > feeder_.options_.bulk_bytes || actions_.size() >= kMostActions))
    flush();
  const std::size_t begin = lines_.size();
  lines_ += lines;
  actions_.push_back({delivery, begin, lines_.size()});
}

void Feeder::Batch::flush() {
  if (actions_.empty()) return;
  send(actions_);
  actions_.clear();
  lines_.clear();
}

void Feeder::Batch::send(std::span<const Action> actions) {
  std::string answer;
  try {
    answer =
        feeder_.cluster_.send({.method = "POST",
                               .path = "/_bulk",
                               .body = lines_.substr(actions.front().begin, actions.back().end - actions.front().begin),
                               .lines = true,
                               .timeout_ms = feeder_.options_.request_timeout_ms,
                               .stop = stop_});
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::kTooLarge) throw;
    if (actions.size() == 1) {
      judge(deliveries_[actions.front().delivery],
            {.fate = BulkItem::Fate::kImpossible, .fault = std::string(to_string(e.kind()))});
      return;
    }
    const std::size_t half = actions.size() / 2;
    send(actions.first(half));
    send(actions.subspan(half));
    return;
  }
  const std::vector<BulkItem> items = parse_bulk(answer, actions.size());
  for (std::size_t i = 0; i < items.size(); ++i) judge(deliveries_[actions[i].delivery], items[i]);
}

void Feeder::Batch::judge(Delivery& delivery, const BulkItem& item) {
  using Fate = BulkItem::Fate;
  if (item.fate == Fate::kDone || item.fate == Fate::kNewer) return;
  const bool changed = index_changed(item.fault);
  if (changed) feeder_.cluster_.forget();
  const bool later = item.fate == Fate::kLater || (changed && delivery.claim.attempts < kTriesOfMapping);
  if (delivery.state == Delivery::State::kImpossible) return;  // the worst of its chunks decides
  delivery.state = later ? Delivery::State::kLater : Delivery::State::kImpossible;
  delivery.fault = item.fault;
}

void Feeder::Batch::delete_older() {
  std::vector<Claim> sent;
  for (const Delivery& delivery : deliveries_)
    if (delivery.state == Delivery::State::kSent) sent.push_back(delivery.claim);
  opensearch::delete_older(feeder_.cluster_, sent, feeder_.options_.request_timeout_ms, stop_);
}

}  // namespace nexus::opensearch
