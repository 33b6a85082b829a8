#include "modules/ingestion/payload.h"

#include "json/json.h"

#include <algorithm>

namespace nexus::ingestion {
namespace {

void optional_field(json::Writer& w, std::string_view name, const std::optional<std::int64_t>& value) {
  w.key(name);
  if (value) {
    w.value(*value);
  } else {
    w.null();
  }
}

std::optional<std::int64_t> optional_int(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  return value->to_number<std::int64_t>();
}

}  // namespace

std::string payload(const IngestPayload& in) {
  std::string out;
  json::Writer w(out);
  w.begin_object().field("document_id", in.document_id);
  optional_field(w, "chunk_size_chars", in.chunk_size_chars);
  optional_field(w, "chunk_overlap_chars", in.chunk_overlap_chars);
  w.field("is_reindex", in.is_reindex).end_object();
  return out;
}

IngestPayload parse_payload(std::string_view text) {
  const boost::json::value value = json::parse(text);
  const boost::json::object& object = value.as_object();
  return {.document_id = std::string(object.at("document_id").as_string()),
          .chunk_size_chars = optional_int(object, "chunk_size_chars"),
          .chunk_overlap_chars = optional_int(object, "chunk_overlap_chars"),
          .is_reindex = object.at("is_reindex").as_bool()};
}

ChunkSizes chunk_sizes(std::optional<std::int64_t> size, std::optional<std::int64_t> overlap, ChunkSizes defaults) {
  ChunkSizes out{.size = size.value_or(defaults.size), .overlap = defaults.overlap};
  if (overlap) {
    out.overlap = *overlap;
  } else if (size) {
    out.overlap = std::min(defaults.overlap, *size / 8);
  }
  return out;
}

}  // namespace nexus::ingestion
