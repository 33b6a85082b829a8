#pragma once

#include "opensearch/dialect.h"
#include "opensearch/options.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// How a chunk lies in the index: names, mapping, one chunk as a document and back.
///
/// | field | what |
/// |---|---|
/// | `tenant`, `corpus`, `document` | keywords; `document` is "" for chunks of none |
/// | `seq` | the outbox number that brought it; also the external version |
/// | `terms` | the terms of our own analyser, joined by blanks; split at blanks by the server |
/// | `length` | how many of them count (stop words do not) |
/// | `model` | of the vector; absent: not embedded |
/// | `packed` | the vector as our own kernels take it, text; only stored |
/// | `checksum` | 32 bits over id, text, model and vector, summed by `verify` |
/// | `acl` | attributes that a reader may hold; a wide permission filter goes by them |
/// | `vector_<dimension>_<model>` | what the server's HNSW graph is made of; not kept in `_source` |
namespace nexus::opensearch {

[[nodiscard]] std::string index_name(std::string_view prefix);
[[nodiscard]] std::string template_name(std::string_view prefix);
[[nodiscard]] std::string vector_field_name(std::string_view model, std::size_t dimension);
/// The body of `PUT /_index_template/…`: settings and strict mapping of a new index, without vector fields.
[[nodiscard]] std::string index_template(const ClusterOptions& options, const Dialect& dialect);

/// "&routing=a,b" for a query about chunks of these tenants; empty when that cannot be said (the server splits at
/// commas) and all shards are to be asked.
[[nodiscard]] std::string routing_parameter(std::vector<std::string> tenants);
/// Whether a tenant's id can stand as a routing of a search.
[[nodiscard]] bool can_route(std::string_view tenant) noexcept;

/// A row of `chunks`.
struct ChunkRow {
  std::string id;
  std::string document;  ///< "" : none
  std::string text;
  std::string model;          ///< "" : not embedded
  std::vector<float> vector;  ///< of the model's own length
};

[[nodiscard]] std::uint32_t checksum_of(const ChunkRow& chunk);

/// Where the chunks of one delivery belong.
struct Destination {
  std::string_view index;
  std::string_view tenant;
  std::string_view corpus;
  std::int64_t seq = 0;
};

/// Appends the two lines of one `index` action. `vector_field`: empty when the chunk has no vector to index.
void append_index_action(std::string& lines, const Destination& to, const ChunkRow& chunk,
                         std::string_view vector_field, std::span<const std::string> acl);

/// The vector in the form of segment rows: "i" and the 8-bit row, or "f" and the floats for the model whose ranking is
/// exact; base64url. Empty for a vector without direction.
[[nodiscard]] std::string pack_vector(std::string_view model, std::span<const float> vector);

}  // namespace nexus::opensearch
