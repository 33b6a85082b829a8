#pragma once

#include "base/error.h"
#include "base/time.h"
#include "json/schema.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::rag {

/// Body of POST /run. Closed: unknown keys are refused.
struct RunRequest {
  std::string session_id;
  std::string corpus_id;
  std::string message;
  std::optional<std::int64_t> top_k;
  bool audio = false;
};

/// Body of POST /search.
struct SearchRequest {
  std::string corpus_id;
  std::string query;
  std::optional<std::int64_t> top_k;
  std::optional<std::string> mode;
  bool explain = false;
};

struct SearchHit {
  std::string chunk_id;
  std::optional<std::string> document_id;
  std::string source;
  double score = 0;
  std::string text;
  boost::json::object metadata;
  std::optional<std::int64_t> document_version;
  std::optional<std::int64_t> start;  ///< bytes into the document's text
  std::optional<std::int64_t> end;
  std::string sha256;  ///< of the chunk's text
  std::optional<double> lexical;
  std::optional<double> dense;
};

struct SearchAnswer {
  std::string corpus_id;
  std::string mode;  ///< the one that was used
  std::int64_t top_k = 0;
  std::vector<SearchHit> hits;
};

struct SessionView {
  std::string id;
  std::optional<std::string> subject_id;
  Timestamp created_at;
  Timestamp last_seen_at;
};
struct SessionList {
  std::vector<SessionView> items;
};
struct SessionQuery {
  std::int64_t limit = 50;
};
struct SessionPath {
  std::string session_id;
  std::int64_t after = 0;
  std::int64_t limit = 100;
};
struct MessageView {
  std::int64_t seq = 0;
  std::string id;
  std::string role;
  std::string content;
  std::string status;
  Timestamp created_at;
};
struct MessageList {
  std::string session_id;
  std::vector<MessageView> items;
  std::optional<std::int64_t> next_after;
};

}  // namespace nexus::rag

namespace nexus::schema {
template <>
const Fields<rag::RunRequest>& fields_of();
template <>
const Fields<rag::SearchRequest>& fields_of();
template <>
const Fields<rag::SearchHit>& fields_of();
template <>
const Fields<rag::SearchAnswer>& fields_of();
template <>
const Fields<rag::SessionView>& fields_of();
template <>
const Fields<rag::SessionList>& fields_of();
template <>
const Fields<rag::SessionQuery>& fields_of();
template <>
const Fields<rag::SessionPath>& fields_of();
template <>
const Fields<rag::MessageView>& fields_of();
template <>
const Fields<rag::MessageList>& fields_of();
}  // namespace nexus::schema
