#include "http/idempotency.h"

#include "base/encoding.h"
#include "crypto/hash.h"
#include "json/json.h"
#include "json/schema.h"
#include "json/text.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace nexus::http {
namespace {

using schema::Location;
using schema::detail::FieldTable;

bool declares(const FieldTable* table, Location location, std::string_view name) {
  if (table == nullptr) return false;
  const auto& rows = table->rows();
  return std::any_of(rows.begin(), rows.end(),
                     [&](const auto& row) { return row.location == location && row.name == name; });
}

/// The pairs that the table does not read, in their order: `[["a","1"],…]`.
void append_undeclared(json::Writer& out, std::string_view name, const Pairs& pairs, const FieldTable* table,
                       Location location) {
  Pairs others;
  std::copy_if(pairs.begin(), pairs.end(), std::back_inserter(others),
               [&](const auto& pair) { return !declares(table, location, pair.first); });
  if (others.empty()) return;
  out.key(name).begin_array();
  for (const auto& [key, value] : others)
    out.begin_array().value(json::utf8_or_replaced(key)).value(json::utf8_or_replaced(value)).end_array();
  out.end_array();
}

void append_files(json::Writer& out, const std::vector<UploadedFile>& files) {
  if (files.empty()) return;
  out.key("files").begin_array();
  for (const UploadedFile& file : files)
    out.begin_array()
        .value(json::utf8_or_replaced(file.field))
        .value(json::utf8_or_replaced(file.filename))
        .value(json::utf8_or_replaced(file.content_type))
        .value(file.sha256)
        .end_array();
  out.end_array();
}

}  // namespace

std::optional<std::string_view> idempotency_key(const Request& request) {
  const std::string* header = request.header(kIdempotencyKey);
  if (header == nullptr) return std::nullopt;
  const std::string_view key = ascii_trim(*header);
  return key.empty() ? std::nullopt : std::optional(key);
}

bool reads_idempotency_key(const Call& call) {
  const Idempotency row = call.endpoint.spec.idempotency;
  return row == Idempotency::kRequired || (row == Idempotency::kOptional && call.versioned);
}

std::string canonical_request(const Call& call, const Decoded& decoded) {
  constexpr std::pair<Location, std::string_view> kRead[] = {{Location::kBody, "body"},
                                                             {Location::kForm, "form"},
                                                             {Location::kHeader, "header"},
                                                             {Location::kPath, "path"},
                                                             {Location::kQuery, "query"}};
  const Request& request = call.request;
  std::string text;
  json::Writer out(text);
  out.begin_object();
  for (const auto& [location, name] : kRead) {
    if (decoded.table == nullptr || !decoded.table->has(location)) continue;
    std::string members;
    schema::detail::append_canonical(members, *decoded.table, location, decoded.value);
    out.key(name).raw(members);
  }
  const bool reads_body = decoded.table != nullptr && decoded.table->has(Location::kBody);
  if (!reads_body && !request.body.empty()) out.field("raw_body", crypto::sha256_hex(request.body));
  append_files(out, request.files);
  append_undeclared(out, "other_form", request.form, decoded.table, Location::kForm);
  append_undeclared(out, "other_query", request.query, decoded.table, Location::kQuery);
  out.end_object();
  return text;
}

}  // namespace nexus::http
