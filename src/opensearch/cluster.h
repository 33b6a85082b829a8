#pragma once

#include "base/time.h"
#include "opensearch/dialect.h"
#include "opensearch/error.h"
#include "opensearch/options.h"
#include "outbound/client.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>

namespace nexus::opensearch {

/// One call of the cluster's API.
struct Call {
  std::string_view integration = "opensearch.feed";  ///< or "opensearch.search": each has its own breaker
  std::string method = "GET";
  std::string path;  ///< from "/", with its query
  std::string body;
  bool lines = false;           ///< the body is NDJSON
  std::int64_t timeout_ms = 0;  ///< of the call, all nodes together; 0: ClusterOptions::request_timeout_ms
  std::stop_token stop;
};

/// The cluster as one peer: addresses, credentials, dialect, and the index that must exist. Thread-safe; blocks, so
/// only where outbound::Client may be called.
class Cluster {
 public:
  /// `client` and `clock` must outlive it. Throws std::invalid_argument when there is no URL.
  Cluster(outbound::Client& client, ClusterOptions options, const Clock& clock);

  /// The body of a 2xx answer. Every call may be repeated: what writes carries versions. A node that does not answer
  /// is left for the next within the time of the call. Throws Error.
  [[nodiscard]] std::string send(const Call& call);

  /// Asked once; kept.
  [[nodiscard]] const Dialect& dialect();

  /// Puts the template and creates the index unless that was done already. Any number of processes may do it at once.
  void prepare();
  /// Makes sure that vectors of this model can be indexed and searched; returns their field. Prepares the index first.
  std::string vector_field(std::string_view model, std::size_t dimension);
  /// Forgets what was prepared: the index was deleted or created again by somebody else.
  void forget();
  /// Deletes the index with everything in it.
  void drop_index();

  [[nodiscard]] const std::string& index() const noexcept { return index_; }
  [[nodiscard]] const ClusterOptions& options() const noexcept { return options_; }

 private:
  [[nodiscard]] outbound::Request request(const Call& call, std::size_t node) const;
  void put_mapping(const std::string& field, std::size_t dimension);

  outbound::Client& client_;
  const ClusterOptions options_;
  const Clock& clock_;
  const std::string index_;
  std::atomic<std::size_t> node_{0};  ///< the one that answered last
  std::atomic<const Dialect*> dialect_{nullptr};

  std::mutex mutex_;
  bool prepared_ = false;         // guarded by mutex_
  std::set<std::string> fields_;  // guarded by mutex_: vector fields whose mapping was put
};

}  // namespace nexus::opensearch
