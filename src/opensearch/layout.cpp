#include "opensearch/layout.h"

#include "base/encoding.h"
#include "crypto/hash.h"
#include "search/analyzer.h"
#include "search/vectors.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace nexus::opensearch {
namespace {

static_assert(std::endian::native == std::endian::little, "packed floats are little-endian");

/// Grows with every change of the mapping that old indexes cannot take.
constexpr int kLayoutVersion = 1;

/// The model whose ranking is a promise keeps exact floats.
constexpr std::string_view kExactModel = "fake";

void keyword(json::Writer& w, std::string_view name) {
  w.key(name).begin_object().field("type", "keyword").end_object();
}
void number(json::Writer& w, std::string_view name, std::string_view type) {
  w.key(name).begin_object().field("type", type).end_object();
}

void write_settings(json::Writer& w, const ClusterOptions& options, const Dialect& dialect) {
  w.key("settings").begin_object().key("index").begin_object();
  if (dialect.index_knn_setting) w.field("knn", true);
  w.field("number_of_shards", options.shards).field("number_of_replicas", options.replicas);
  w.field("refresh_interval", options.refresh_interval);
  // For as long as this a deletion refuses what is older and late.
  w.field("gc_deletes", "1h");
  w.key("similarity").begin_object().key("default").begin_object();
  w.field("type", "BM25").field("k1", 1.2).field("b", 0.75).end_object().end_object();
  w.end_object();
  w.key("analysis").begin_object();
  w.key("tokenizer").begin_object().key("terms").begin_object();
  w.field("type", "whitespace").field("max_token_length", 255).end_object().end_object();
  w.key("analyzer").begin_object().key("terms").begin_object();
  w.field("type", "custom").field("tokenizer", "terms").end_object().end_object();
  w.end_object().end_object();
}

void write_mapping(json::Writer& w) {
  w.key("mappings").begin_object().field("dynamic", "strict");
  w.key("_routing").begin_object().field("required", true).end_object();
  w.key("_source").begin_object().key("excludes").begin_array().value("vector_*").end_array().end_object();
  w.key("properties").begin_object();
  for (const std::string_view name : {"tenant", "corpus", "document", "model", "acl"}) keyword(w, name);
  number(w, "seq", "long");
  number(w, "length", "integer");
  number(w, "checksum", "long");
  w.key("terms").begin_object().field("type", "text").field("analyzer", "terms").field("index_options", "freqs");
  w.end_object();
  w.key("packed").begin_object().field("type", "keyword").field("index", false).field("doc_values", false);
  w.end_object();
  w.end_object().end_object();
}

std::string joined(const search::TermList& terms) {
  std::string out;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    if (i > 0) out.push_back(' ');
    out.append(terms[i]);
  }
  return out;
}

}  // namespace

std::string index_name(std::string_view prefix) {
  return fmt::format("{}-chunks-v{}", prefix, kLayoutVersion);
}
std::string template_name(std::string_view prefix) {
  return fmt::format("{}-chunks", prefix);
}
std::string vector_field_name(std::string_view model, std::size_t dimension) {
  return fmt::format("vector_{}_{}", dimension, crypto::sha256_hex(model).substr(0, 12));
}

bool can_route(std::string_view tenant) noexcept {
  return !tenant.empty() && tenant.find(',') == std::string_view::npos;
}

std::string routing_parameter(std::vector<std::string> tenants) {
  std::sort(tenants.begin(), tenants.end());
  tenants.erase(std::unique(tenants.begin(), tenants.end()), tenants.end());
  std::string list;
  for (const std::string& tenant : tenants) {
    if (!can_route(tenant)) return {};
    list += (list.empty() ? "" : ",") + percent_encode(tenant);
  }
  return "&routing=" + list;
}

std::string index_template(const ClusterOptions& options, const Dialect& dialect) {
  std::string out;
  json::Writer w(out);
  w.begin_object().key("index_patterns").begin_array();
  w.value(template_name(options.index_prefix) + "-v*").end_array();
  w.key("template").begin_object();
  write_settings(w, options, dialect);
  write_mapping(w);
  w.end_object().end_object();
  return out;
}

std::uint32_t checksum_of(const ChunkRow& chunk) {
  crypto::Sha256 hash;
  const char end = '\0';
  for (const std::string_view part : {std::string_view(chunk.id), std::string_view(chunk.text),
                                      std::string_view(chunk.model), as_text(std::as_bytes(std::span(chunk.vector)))}) {
    hash.update(part);
    hash.update({&end, 1});
  }
  const crypto::Digest digest = hash.finish();
  std::uint32_t out = 0;
  std::memcpy(&out, digest.data(), sizeof out);
  return out;
}

std::string pack_vector(std::string_view model, std::span<const float> vector) {
  if (!search::has_direction(vector)) return {};
  if (model == kExactModel) return "f" + base64url_encode(std::as_bytes(vector));
  std::vector<std::int8_t> row(vector.size());
  static_cast<void>(search::quantize_int8(vector, row));  // the norm is worked out again from the row
  return "i" + base64url_encode(std::as_bytes(std::span(row)));
}

void append_index_action(std::string& lines, const Destination& to, const ChunkRow& chunk,
                         std::string_view vector_field, std::span<const std::string> acl) {
  search::TermList terms;
  const std::size_t length = search::analyze_document(chunk.text, terms);
  json::Writer action(lines);
  action.begin_object().key("index").begin_object();
  action.field("_index", to.index).field("_id", chunk.id).field("routing", to.tenant);
  action.field("version", to.seq).field("version_type", "external").end_object().end_object();
  lines.push_back('\n');
  json::Writer w(lines);
  w.begin_object().field("tenant", to.tenant).field("corpus", to.corpus).field("document", chunk.document);
  w.field("seq", to.seq).field("terms", joined(terms)).field("length", static_cast<std::int64_t>(length));
  w.field("checksum", static_cast<std::int64_t>(checksum_of(chunk)));
  if (!vector_field.empty()) {
    w.field("model", chunk.model).field("packed", pack_vector(chunk.model, chunk.vector)).key(vector_field);
    write_floats(w, chunk.vector);
  }
  if (!acl.empty()) {
    w.key("acl").begin_array();
    for (const std::string& attribute : acl) w.value(attribute);
    w.end_array();
  }
  w.end_object();
  lines.push_back('\n');
}

}  // namespace nexus::opensearch
