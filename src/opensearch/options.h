#pragma once

#include "base/secret.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace nexus::opensearch {

/// Where the cluster is, how to be let in, and the shape of the index. Settings OPENSEARCH_*.
struct ClusterOptions {
  std::vector<std::string> urls;  ///< nodes, tried in turn from the one that answered last; no user or password inside
  std::string user;               ///< with `password`: HTTP basic authentication
  Secret password;
  Secret api_key;                           ///< instead of user and password
  std::string index_prefix = "nexusrag";    ///< the index is "<prefix>-chunks-v1"
  std::int64_t shards = 4;                  ///< of a new index; a tenant lies in one of them
  std::int64_t replicas = 1;                ///< of a new index
  std::string refresh_interval = "1s";      ///< of a new index
  std::int64_t request_timeout_ms = 5'000;  ///< of small calls that are no search
  std::size_t max_response_bytes = std::size_t{64} << 20;
};

struct SearchOptions {
  std::size_t candidates = 200;          ///< of each side, ranked again here; at least search::kCandidates
  std::size_t max_query_terms = 512;     ///< distinct words of a question that count; the server allows 1024 clauses
  std::size_t ids_per_clause = 65'536;   ///< the server's index.max_terms_count
  std::size_t max_filter_ids = 262'144;  ///< document ids in one request; a longer list is an error
  std::int64_t timeout_ms = 2'000;       ///< of a search that brings no deadline
};

struct FeedOptions {
  std::size_t batch_documents = 64;               ///< claimed at a time
  std::size_t per_tenant = 16;                    ///< of them from one tenant before the next one's turn
  std::size_t bulk_bytes = std::size_t{5} << 20;  ///< of one _bulk request; a single chunk may be larger
  std::size_t page_chunks = 200;                  ///< chunks read at a time
  std::int64_t request_timeout_ms = 30'000;
  std::int64_t lease_us = 300'000'000;    ///< a claim that is older belongs to anybody; far above the request timeout
  std::int64_t poll_us = 1'000'000;       ///< between two looks when nobody wakes the feeder
  std::int64_t first_pause_us = 500'000;  ///< before a failed document is tried again; doubles
  std::int64_t most_pause_us = 60'000'000;
};

}  // namespace nexus::opensearch
