#include "opensearch/filter.h"

#include "json/json.h"
#include "opensearch/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

namespace nexus::opensearch {
namespace {

using Ids = search::ReadableDocuments::Ids;

constexpr std::string_view kNoDocument;  // chunks of no document carry it

void write_term(json::Writer& w, std::string_view field, std::string_view value) {
  w.begin_object().key("term").begin_object().field(field, value).end_object().end_object();
}

void write_terms(json::Writer& w, std::string_view field, std::span<const std::string> values) {
  w.begin_object().key("terms").begin_object().key(field).begin_array();
  for (const std::string& value : values) w.value(value);
  w.end_array().end_object().end_object();
}

void write_scope(json::Writer& w, const Scope& scope) {
  write_term(w, "tenant", scope.tenant);
  write_term(w, "corpus", scope.corpus);
}

/// One object {"bool": {OCCURRENCE: [clauses]}} of as many clauses as the server's limit asks for.
void write_listed(json::Writer& w, std::string_view occurrence, std::span<const std::string> ids, bool chunks_of_none,
                  std::size_t per_clause) {
  w.begin_object().key("bool").begin_object().key(occurrence).begin_array();
  for (std::size_t at = 0; at < ids.size(); at += per_clause)
    write_terms(w, "document", ids.subspan(at, std::min(per_clause, ids.size() - at)));
  if (chunks_of_none) write_term(w, "document", kNoDocument);
  w.end_array();
  if (occurrence == "should") w.field("minimum_should_match", 1);
  w.end_object().end_object();
}

}  // namespace

std::string corpus_clauses(const Scope& scope) {
  std::string out;
  json::Writer w(out);
  w.begin_array();
  write_scope(w, scope);
  w.end_array();
  return out;
}

std::optional<std::string> readable_clauses(const Scope& scope, const search::ReadableDocuments& readable,
                                            std::span<const std::string> attributes, const SearchOptions& options) {
  if (readable.all()) return corpus_clauses(scope);
  const Ids& ids = *readable.ids();
  const bool allow = readable.kind() == search::ReadableDocuments::Kind::kOnly;
  if (allow && ids.empty() && !readable.with_no_document()) return std::nullopt;
  std::string out;
  json::Writer w(out);
  w.begin_array();
  write_scope(w, scope);
  if (ids.size() > options.max_filter_ids) {
    if (attributes.empty())
      throw Error(ErrorKind::kTooLarge, fmt::format("a permission filter of {} documents, and no attributes to "
                                                    "replace it; the limit is {}",
                                                    ids.size(), options.max_filter_ids));
    write_terms(w, "acl", attributes);
  } else if (allow) {
    write_listed(w, "should", ids, readable.with_no_document(), options.ids_per_clause);
  } else if (!ids.empty() || !readable.with_no_document()) {
    write_listed(w, "must_not", ids, !readable.with_no_document(), options.ids_per_clause);
  }
  w.end_array();
  return out;
}

}  // namespace nexus::opensearch
