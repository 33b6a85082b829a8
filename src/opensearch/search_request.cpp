#include "opensearch/search_request.h"

#include "opensearch/answers.h"
#include "opensearch/layout.h"
#include "search/analyzer.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace nexus::opensearch {
namespace {

constexpr std::size_t kLexicalSearches = 3;

/// The header line of one search: one shard, and an error rather than a part of the answer.
void append_header(std::string& lines, const SearchRequest& request) {
  json::Writer w(lines);
  w.begin_object().field("index", request.index);
  if (can_route(request.tenant)) w.field("routing", request.tenant);
  w.field("allow_partial_search_results", false).end_object();
  lines.push_back('\n');
}

void begin_body(json::Writer& w, const SearchRequest& request, std::size_t size) {
  w.begin_object().field("size", static_cast<std::int64_t>(size));
  w.field("timeout", fmt::format("{}ms", request.timeout_ms));
}

void write_source(json::Writer& w) {
  w.field("track_total_hits", false).key("_source").begin_array();
  for (const char* field : {"tenant", "corpus", "document", "terms", "length", "model", "packed"}) w.value(field);
  w.end_array();
}

void write_filter_query(json::Writer& w, std::string_view clauses) {
  w.key("query").begin_object().key("bool").begin_object().key("filter").raw(clauses).end_object().end_object();
}

void append_totals(std::string& lines, const SearchRequest& request) {
  append_header(lines, request);
  json::Writer w(lines);
  begin_body(w, request, 0);
  w.field("track_total_hits", true);
  write_filter_query(w, request.corpus_clauses);
  w.key("aggs").begin_object().key("length").begin_object().key("sum").begin_object().field("field", "length");
  w.end_object().end_object().end_object().end_object();
  lines.push_back('\n');
}

void append_holders(std::string& lines, const SearchRequest& request) {
  append_header(lines, request);
  json::Writer w(lines);
  begin_body(w, request, 0);
  w.field("track_total_hits", false);
  write_filter_query(w, request.corpus_clauses);
  w.key("aggs").begin_object().key("holders").begin_object().key("filters").begin_object().key("filters").begin_array();
  for (const QuestionTerm& term : request.terms)
    w.begin_object().key("term").begin_object().field("terms", term.text).end_object().end_object();
  w.end_array().end_object().end_object().end_object().end_object();
  lines.push_back('\n');
}

void append_lexical(std::string& lines, const SearchRequest& request) {
  append_header(lines, request);
  json::Writer w(lines);
  begin_body(w, request, request.candidates);
  write_source(w);
  w.key("query").begin_object().key("bool").begin_object().key("should").begin_array();
  for (const QuestionTerm& term : request.terms) {
    w.begin_object().key("term").begin_object().key("terms").begin_object().field("value", term.text);
    if (term.repetitions > 1) w.field("boost", static_cast<double>(term.repetitions));
    w.end_object().end_object().end_object();
  }
  w.end_array().field("minimum_should_match", 1);
  w.key("filter").raw(request.readable_clauses).end_object().end_object().end_object();
  lines.push_back('\n');
}

void append_dense(std::string& lines, const SearchRequest& request, const Dialect& dialect) {
  append_header(lines, request);
  json::Writer w(lines);
  const std::size_t k = std::min(request.candidates, dialect.largest_k);
  begin_body(w, request, k);
  write_source(w);
  dialect.write_dense(
      w, {.field = request.vector_field, .vector = request.vector, .k = k, .filter = request.readable_clauses});
  w.end_object();
  lines.push_back('\n');
}

Candidate read_hit(const boost::json::value& value) {
  const boost::json::object& hit = as_object(value);
  const std::optional<search::ChunkId> id = search::ChunkId::parse(text_at(hit, "_id"));
  if (!id) throw Error(ErrorKind::kBadAnswer, "a hit whose id is no chunk's");
  const boost::json::object& source = object_at(hit, "_source");
  return {.id = *id,
          .tenant = text_at(source, "tenant"),
          .corpus = text_at(source, "corpus"),
          .document = text_at(source, "document"),
          .terms = text_at(source, "terms"),
          .length = static_cast<std::uint32_t>(std::max<std::int64_t>(integer_at(source, "length"), 0)),
          .model = text_or(source, "model", ""),
          .packed = text_or(source, "packed", "")};
}

std::vector<Candidate> read_hits(const boost::json::object& answer) {
  std::vector<Candidate> out;
  for (const boost::json::value& hit : array_at(object_at(answer, "hits"), "hits")) out.push_back(read_hit(hit));
  return out;
}

TermStatistics read_statistics(const boost::json::object& totals, const boost::json::object& holders,
                               std::size_t terms) {
  TermStatistics out;
  const std::int64_t chunks = integer_at(object_at(object_at(totals, "hits"), "total"), "value");
  const std::int64_t length = integer_at(object_at(object_at(totals, "aggregations"), "length"), "value");
  if (chunks < 0 || length < 0) throw Error(ErrorKind::kBadAnswer, "an answer with negative totals");
  out.corpus = {static_cast<std::uint64_t>(chunks), static_cast<std::uint64_t>(length)};
  const boost::json::array& buckets = array_at(object_at(object_at(holders, "aggregations"), "holders"), "buckets");
  if (buckets.size() != terms) throw Error(ErrorKind::kBadAnswer, "an answer without a count for each term");
  for (const boost::json::value& bucket : buckets) {
    // Two searches of one request may meet two states of the index; no term is in more chunks than there are.
    const std::int64_t count = std::clamp<std::int64_t>(integer_at(as_object(bucket), "doc_count"), 0, chunks);
    out.holders.push_back(static_cast<std::uint64_t>(count));
  }
  return out;
}

}  // namespace

std::vector<QuestionTerm> question_terms(std::string_view text, std::size_t most) {
  search::TermList analyzed;
  search::analyze_query(text, analyzed);
  std::unordered_map<std::string_view, std::size_t> places;
  std::vector<QuestionTerm> out;
  for (std::size_t i = 0; i < analyzed.size(); ++i) {
    const auto known = places.find(analyzed[i]);
    if (known != places.end()) {
      ++out[known->second].repetitions;
    } else if (out.size() < most) {
      places.emplace(analyzed[i], out.size());
      out.push_back({std::string(analyzed[i]), 1});
    }
  }
  std::sort(out.begin(), out.end(), [](const QuestionTerm& a, const QuestionTerm& b) { return a.text < b.text; });
  return out;
}

std::string msearch_body(const SearchRequest& request, const Dialect& dialect) {
  std::string lines;
  if (!request.terms.empty()) {
    append_totals(lines, request);
    append_holders(lines, request);
    append_lexical(lines, request);
  }
  if (!request.vector_field.empty()) append_dense(lines, request, dialect);
  return lines;
}

SearchAnswer read_msearch(std::string_view body, const SearchRequest& request) {
  const std::size_t lexical = request.terms.empty() ? 0 : kLexicalSearches;
  const std::size_t dense = request.vector_field.empty() ? 0 : 1;
  const boost::json::value answer = parse_answer(body);
  const std::vector<const boost::json::object*> searches = complete_searches(answer, lexical + dense);
  SearchAnswer out;
  if (lexical > 0) {
    out.statistics = read_statistics(*searches[0], *searches[1], request.terms.size());
    out.lexical = read_hits(*searches[2]);
  }
  if (dense > 0) out.dense = read_hits(*searches.back());
  return out;
}

}  // namespace nexus::opensearch
