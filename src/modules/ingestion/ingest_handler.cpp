#include "modules/ingestion/ingest_handler.h"

#include "base/ids.h"
#include "crypto/hash.h"
#include "json/json.h"
#include "modules/ingestion/payload.h"
#include "modules/retrieval/ports.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "text/chunker.h"
#include "text/extract/kind.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace nexus::ingestion {
namespace {

using text::extract::Kind;

std::string read_head(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw jobs::PermanentFailure("Stored document text is missing");
  std::string head(text::extract::kSniffBytes, '\0');
  in.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(in.gcount()));
  return head;
}

/// Reasons that a second try may overcome; every other one is a property of the file.
bool worth_retrying(text::extract::Failure failure) {
  using enum text::extract::Failure;
  return failure == kUnavailable || failure == kCancelled;
}

std::string chunk_metadata(const documents::Document& document, const text::Chunk& chunk) {
  std::string out;
  json::Writer w(out);
  w.begin_object().field("filename", document.filename).field("content_type", document.content_type);
  w.field("offset_start", static_cast<std::int64_t>(chunk.start_char));
  w.field("offset_end", static_cast<std::int64_t>(chunk.end_char));
  if (!chunk.heading_path.empty()) w.field("heading_path", chunk.heading_path);
  if (document.metadata_json != "{}") w.key("document_metadata").raw(document.metadata_json);
  w.end_object();
  return out;
}

/// A document that is being ingested, for as long as this lives.
class InFlight {
 public:
  explicit InFlight(observe::Gauge& gauge) : gauge_(gauge) { gauge_.add(1); }
  ~InFlight() { gauge_.add(-1); }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;

 private:
  observe::Gauge& gauge_;
};

}  // namespace

/// Everything one ingestion knows.
struct IngestHandler::Work {
  IngestPayload payload;
  documents::Document document;
  documents::StoredCorpus corpus;
  retrieval::CorpusConfig config;
  std::shared_ptr<const embed::Embedder> embedder;  // null: by words only
  std::string text;                                 // newline-normalised, what citations point into
  std::int64_t version = 1;
};

IngestHandler::IngestHandler(db::Database& db, const Clock& clock, const documents::ObjectStore& objects,
                             const retrieval::Embedders& embedders, const retrieval::IndexEngine& index,
                             const text::extract::Extractor& extractor, IngestOptions options,
                             observe::Metrics& metrics)
    : db_(db),
      clock_(clock),
      objects_(objects),
      embedders_(embedders),
      index_(index),
      extractor_(extractor),
      options_(options),
      metrics_(metrics),
      in_flight_(metrics.gauge("nexusrag_ingest_inflight")),
      queue_wait_(metrics, nullptr, clock, true, "ingest", "queue_wait"),
      processing_(metrics, nullptr, clock, true, "ingest", "processing_duration") {}

void IngestHandler::run(jobs::Lease& lease) {
  const std::int64_t begun = clock_.steady_us();
  const InFlight in_flight(in_flight_);
  std::optional<Work> work = begin(lease);
  if (!work) {  // the document has gone since it was enqueued: nothing is left to do
    db_.write([&](db::Tx& tx) { lease.complete(tx); });
    return;
  }
  const text::extract::Extracted source = read_source(*work, lease);
  std::vector<NewChunk> chunks = chunk(*work, source.text);
  embed(*work, lease, chunks);
  commit(*work, lease, chunks);
  metrics_.counter("nexusrag_ingest_succeeded_total").add();
  const std::int64_t spent_us = clock_.steady_us() - begun;
  processing_.observe_us(spent_us);
  metrics_.gauge("nexusrag_ingest_processing_duration_ms_latest").set(static_cast<double>(spent_us) / 1000);
  // Small pieces of index pile up where documents arrive, so whoever adds them tidies up.
  try {
    while (!lease.stopped().stop_requested() && index_.tidy_once(db_, lease.tenant(), work->corpus.id)) {
    }
  } catch (const std::exception& e) {  // the document is done; the next one tries again
    observe::log_warn("index was not tidied", {{"corpus_id", work->corpus.id}, {"reason", e.what()}});
  }
}

std::optional<IngestHandler::Work> IngestHandler::begin(jobs::Lease& lease) const {
  Work work{.payload = parse_payload(lease.job().payload)};
  const bool mine = db_.write([&](db::Tx& tx) {
    if (!documents_.start(tx, lease.tenant(), work.payload.document_id, lease.job().id, clock_.now())) return false;
    std::optional<documents::Document> document = documents_.find(tx, lease.tenant(), work.payload.document_id);
    if (!document) return false;
    std::optional<documents::StoredCorpus> corpus = documents_.find_corpus(tx, lease.tenant(), document->corpus_id);
    if (!corpus) return false;
    work.version = documents_.text_version(tx, lease.tenant(), document->id).value_or(0) + 1;
    work.document = std::move(*document);
    work.corpus = std::move(*corpus);
    return true;
  });
  if (!mine) return std::nullopt;
  if (work.document.queued_at) {
    const std::int64_t waited_us = clock_.now() - *work.document.queued_at;
    queue_wait_.observe_us(waited_us);
    metrics_.gauge("nexusrag_ingest_queue_wait_ms_latest").set(static_cast<double>(waited_us) / 1000);
  }
  work.config = retrieval::parse_config(work.corpus.provider_config_json);
  work.embedder = work.corpus.embedding_model ? embedders_.find(*work.corpus.embedding_model) : embedders_.current();
  return work;
}

text::extract::Extracted IngestHandler::read_source(const Work& work, const jobs::Lease& lease) const {
  if (!work.document.storage_path) throw jobs::PermanentFailure("Stored document text is missing");
  const std::filesystem::path path = objects_.path(*work.document.storage_path);
  const std::string head = read_head(path);
  text::extract::Request request{.kind = Kind::kText, .limits = options_.extract};
  if (work.document.ingest_source == "upload_file") {
    const text::extract::Detection detected =
        text::extract::detect(work.document.filename, work.document.content_type, head);
    if (!detected.kind) throw jobs::PermanentFailure(detected.reason);
    request.kind = *detected.kind;
    request.charset = detected.charset;
    request.json_text = request.kind == Kind::kJson;
  }
  try {
    return extractor_.extract_file(path.string(), request, lease.stopped());
  } catch (const text::extract::ExtractionFailed& e) {
    if (worth_retrying(e.failure())) throw;
    if (!e.diagnostics().empty())
      observe::log_info("extraction failed",
                        {{"job_id", lease.job().id}, {"code", e.code()}, {"detail", e.diagnostics()}});
    throw jobs::PermanentFailure(std::string(e.reason()));
  }
}

std::vector<NewChunk> IngestHandler::chunk(Work& work, std::string_view source) const {
  const ChunkSizes sizes =
      chunk_sizes(work.payload.chunk_size_chars, work.payload.chunk_overlap_chars, options_.chunks);
  text::ChunkedText cut;
  try {
    cut = work.config.structured_chunking
              ? text::chunk_structured(source)
              : text::chunk_paragraphs(source, {.size = sizes.size,
                                                .overlap = sizes.overlap,
                                                .max_chunks = static_cast<std::size_t>(options_.max_chunks)});
  } catch (const std::invalid_argument& e) {
    throw jobs::PermanentFailure(e.what());
  }
  if (std::cmp_greater(cut.chunks.size(), options_.max_chunks))
    throw jobs::PermanentFailure(
        fmt::format("The document has {} chunks; at most {} are allowed", cut.chunks.size(), options_.max_chunks));
  constexpr std::size_t kMostMetadataBytes = std::size_t{256} << 20;
  if (cut.chunks.size() * work.document.metadata_json.size() > kMostMetadataBytes)
    throw jobs::PermanentFailure("The document's metadata is too large to be repeated in each of its chunks");
  work.text = std::move(cut.text);
  std::vector<NewChunk> out;
  out.reserve(cut.chunks.size());
  const Timestamp now = clock_.now();
  for (text::Chunk& piece : cut.chunks) {
    NewChunk next{.id = uuid7(now),
                  .index = static_cast<std::int64_t>(out.size()),
                  .text = {},
                  .vector = {},
                  .metadata_json = chunk_metadata(work.document, piece),
                  .start_byte = static_cast<std::int64_t>(piece.start_byte),
                  .end_byte = static_cast<std::int64_t>(piece.end_byte)};
    next.text = std::move(piece.text);
    out.push_back(std::move(next));
  }
  return out;
}

void IngestHandler::embed(const Work& work, const jobs::Lease& lease, std::vector<NewChunk>& chunks) const {
  const auto total = static_cast<std::int64_t>(chunks.size());
  const std::int64_t begun = clock_.steady_us();
  std::int64_t done = 0;
  for (NewChunk& chunk : chunks) {
    if (lease.stopped().stop_requested()) throw std::runtime_error("the worker is stopping");
    if (work.embedder) {
      chunk.vector.resize(work.embedder->dimension());
      work.embedder->embed(chunk.text, chunk.vector);
    }
    if (++done % options_.progress_every == 0 && done < total)
      db_.write(
          [&](db::Tx& tx) {
            documents_.set_progress(tx, lease.tenant(), work.document.id, lease.job().id, done, total);
          },
          db::Durability::kRelaxed);
  }
  if (work.embedder) retrieval::count_embedded(metrics_, *work.embedder, chunks.size(), clock_.steady_us() - begun);
}

void IngestHandler::commit(const Work& work, jobs::Lease& lease, const std::vector<NewChunk>& chunks) const {
  const TenantScope& tenant = lease.tenant();
  const std::string& id = work.document.id;
  const ChunkOwner owner{
      .corpus_id = work.corpus.id,
      .document_id = id,
      .document_uri = "document://" + id,
      .document_version = work.version,
      .embedding_model = work.embedder ? std::optional<std::string>(work.embedder->model_id()) : std::nullopt};
  const std::unique_ptr<const retrieval::PreparedChunks> prepared =
      index_.prepare(work.embedder.get(), index_chunks(id, chunks));
  const std::string text_sha256 = crypto::sha256_hex(work.text);
  const Timestamp now = clock_.now();
  db_.write([&](db::Tx& tx) {
    if (!documents_.hold_corpus(tx, tenant, work.corpus.id)) throw jobs::LeaseLost();
    if (!documents_.succeed(tx, tenant, id, lease.job().id, static_cast<std::int64_t>(chunks.size()),
                            work.payload.is_reindex, now))
      throw jobs::LeaseLost();
    index_.remove_document(tx, tenant, work.corpus.id, id);
    chunks_.remove_of_document(tx, tenant, id);
    chunks_.insert(tx, tenant, owner, chunks, now);
    if (!chunks.empty()) index_.add(tx, tenant, work.corpus.id, *prepared);
    documents_.put_text(tx, tenant, id, work.version, work.text, text_sha256);
    if (work.embedder && !work.corpus.embedding_model)
      documents_.set_embedding_model(tx, tenant, work.corpus.id, work.embedder->model_id(),
                                     static_cast<std::int64_t>(work.embedder->dimension()));
    lease.complete(tx);
  });
}

void IngestHandler::on_dead(db::Tx& tx, const TenantScope& tenant, const jobs::Job& job, std::string_view reason,
                            bool permanent) {
  tx.after_commit([this] { metrics_.counter("nexusrag_ingest_failed_total").add(); });
  const std::string_view shown = permanent ? reason : "Ingestion failed; retry or check worker logs";
  documents_.fail(tx, tenant, parse_payload(job.payload).document_id, job.id, shown, clock_.now());
}

}  // namespace nexus::ingestion
