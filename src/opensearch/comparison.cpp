#include "opensearch/comparison.h"

#include "json/json.h"
#include "opensearch/answers.h"
#include "opensearch/filter.h"

#include <utility>

namespace nexus::opensearch {
namespace {

constexpr std::int64_t kCorporaPerPage = 500;

/// A search for figures only, over one corpus.
void begin(json::Writer& w, const CorpusKey& corpus) {
  w.begin_object().field("size", 0).field("track_total_hits", false);
  w.key("query").begin_object().key("bool").begin_object();
  w.key("filter").raw(corpus_clauses({corpus.tenant_id, corpus.corpus_id}));
  w.end_object().end_object().key("aggs").begin_object();
}
void end(json::Writer& w) {
  w.end_object().end_object();
}

void write_source(json::Writer& w, std::string_view field) {
  w.begin_object().key(field).begin_object().key("terms").begin_object().field("field", field);
  w.end_object().end_object().end_object();
}

/// The body of the one search, and its aggregation `name`.
const boost::json::object& aggregation(const boost::json::value& answer, std::string_view name) {
  check_complete(as_object(answer));
  return object_at(object_at(answer, "aggregations"), name);
}

}  // namespace

std::string IndexFigures::search(std::string body) {
  return cluster_.send({.method = "POST",
                        .path = "/" + cluster_.index() + "/_search?request_cache=false",
                        .body = std::move(body),
                        .timeout_ms = timeout_ms_});
}

std::map<std::string, Tally> IndexFigures::tallies(const CorpusKey& corpus, std::span<const std::string> documents) {
  std::string body;
  json::Writer w(body);
  begin(w, corpus);
  w.key("listed").begin_object().key("filter").begin_object().key("terms").begin_object();
  w.key("document").begin_array();
  for (const std::string& id : documents) w.value(id);
  w.end_array().end_object().end_object().key("aggs").begin_object();
  w.key("documents").begin_object().key("terms").begin_object().field("field", "document");
  w.field("size", static_cast<std::int64_t>(documents.size())).end_object();
  w.key("aggs").begin_object().key("checksum").begin_object().key("sum").begin_object().field("field", "checksum");
  w.end_object().end_object().end_object().end_object().end_object().end_object();
  end(w);
  const boost::json::value answer = parse_answer(search(std::move(body)));
  std::map<std::string, Tally> out;
  for (const boost::json::value& bucket : array_at(object_at(aggregation(answer, "listed"), "documents"), "buckets")) {
    const boost::json::object& found = as_object(bucket);
    out[text_at(found, "key")] = {integer_at(found, "doc_count"), integer_at(object_at(found, "checksum"), "value")};
  }
  return out;
}

std::vector<std::string> IndexFigures::documents(const CorpusKey& corpus, const std::optional<std::string>& after,
                                                 std::size_t most) {
  std::string body;
  json::Writer w(body);
  begin(w, corpus);
  w.key("documents").begin_object().key("composite").begin_object().field("size", static_cast<std::int64_t>(most));
  w.key("sources").begin_array();
  write_source(w, "document");
  w.end_array();
  if (after) w.key("after").begin_object().field("document", *after).end_object();
  w.end_object().end_object();
  end(w);
  const boost::json::value answer = parse_answer(search(std::move(body)));
  std::vector<std::string> out;
  for (const boost::json::value& bucket : array_at(aggregation(answer, "documents"), "buckets"))
    out.push_back(text_at(object_at(bucket, "key"), "document"));
  return out;
}

std::vector<CorpusKey> IndexFigures::corpora() {
  std::vector<CorpusKey> out;
  for (;;) {
    std::string body;
    json::Writer w(body);
    w.begin_object().field("size", 0).field("track_total_hits", false).key("aggs").begin_object();
    w.key("corpora").begin_object().key("composite").begin_object().field("size", kCorporaPerPage);
    w.key("sources").begin_array();
    write_source(w, "tenant");
    write_source(w, "corpus");
    w.end_array();
    if (!out.empty()) {
      w.key("after").begin_object().field("tenant", out.back().tenant_id).field("corpus", out.back().corpus_id);
      w.end_object();
    }
    w.end_object().end_object();
    end(w);
    const boost::json::value answer = parse_answer(search(std::move(body)));
    const boost::json::array& buckets = array_at(aggregation(answer, "corpora"), "buckets");
    for (const boost::json::value& bucket : buckets) {
      const boost::json::object& key = object_at(bucket, "key");
      out.push_back({text_at(key, "tenant"), text_at(key, "corpus")});
    }
    if (static_cast<std::int64_t>(buckets.size()) < kCorporaPerPage) return out;
  }
}

std::int64_t IndexFigures::largest_seq(const CorpusKey& corpus) {
  std::string body;
  json::Writer w(body);
  begin(w, corpus);
  w.key("seq").begin_object().key("max").begin_object().field("field", "seq").end_object().end_object();
  end(w);
  const boost::json::value answer = parse_answer(search(std::move(body)));
  const boost::json::object& found = aggregation(answer, "seq");
  const boost::json::value* value = found.if_contains("value");
  return value == nullptr || value->is_null() ? 0 : integer_at(found, "value");
}

}  // namespace nexus::opensearch
