#pragma once

#include "base/time.h"
#include "db/database.h"
#include "opensearch/cluster.h"
#include "opensearch/comparison.h"
#include "opensearch/feeder.h"
#include "opensearch/outbox_repository.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::opensearch {

/// Which corpora; empty: all.
struct Selection {
  std::optional<std::string> tenant;
  std::optional<std::string> corpus;
  [[nodiscard]] bool covers(const CorpusKey& key) const {
    return (!tenant || *tenant == key.tenant_id) && (!corpus || *corpus == key.corpus_id);
  }
  [[nodiscard]] bool everything() const { return !tenant && !corpus; }
};

struct RebuildOptions {
  Selection selection;
  bool recreate = false;  ///< deletes the index first: nothing is found until it is filled again. Everything only
  std::int64_t give_up_us = 120'000'000;                        ///< without any progress
  std::function<void()> pause = {};                             ///< called while nothing is due yet
  std::function<void(std::size_t, std::size_t)> progress = {};  ///< documents done, of all
  std::stop_token stop;
};

struct RebuildReport {
  std::int64_t corpora = 0;
  std::int64_t documents = 0;  ///< put into the outbox
  std::int64_t waiting = 0;    ///< of them not delivered when it ended
  std::int64_t dead = 0;
  [[nodiscard]] bool complete() const { return waiting == 0 && dead == 0; }
};

/// One document that the index does not hold as the rows do.
struct Difference {
  enum class Kind : std::uint8_t {
    kMissing,  ///< in the rows only
    kDiffers,  ///< another number of chunks, or another checksum
    kOrphan,   ///< in the index only
  };
  Kind kind = Kind::kDiffers;
  CorpusKey corpus;
  std::string document_id;  ///< "" : the chunks of none
  Tally rows;
  Tally index;
};
[[nodiscard]] std::string_view to_string(Difference::Kind kind);

struct VerifyReport {
  static constexpr std::size_t kMostListed = 1000;

  std::int64_t corpora = 0;
  std::int64_t documents = 0;  ///< compared
  Tally rows;                  ///< of the documents compared
  Tally index;
  std::int64_t waiting = 0;  ///< documents that the outbox speaks of: not compared
  std::int64_t dead = 0;     ///< of them those that the server refused for good
  std::int64_t differences = 0;
  std::vector<Difference> listed;  ///< the first kMostListed
  [[nodiscard]] bool equal() const { return differences == 0 && dead == 0; }
};

/// The work behind `nexusrag search-index`: fills the index again from the rows while it is searched, and compares the
/// two sides. One thread; blocks for long. Other processes may write, feed and search meanwhile.
class Maintenance {
 public:
  Maintenance(db::Database& db, Cluster& cluster, Feeder& feeder, const Clock& clock, std::int64_t timeout_ms);

  /// Every document gets a new number, larger than any in the index, and is sent; then what has a smaller number goes.
  /// Throws Error when the cluster cannot be reached at the start, and std::invalid_argument for `recreate` of a part.
  [[nodiscard]] RebuildReport rebuild(const RebuildOptions& options);

  /// Compares counts and sums of checksums, document by document, in bounded memory. A document that differs is looked
  /// at again at the end: it may have changed in between.
  [[nodiscard]] VerifyReport verify(const Selection& selection,
                                    const std::function<void(std::size_t, std::size_t)>& progress = {},
                                    const std::stop_token& stop = {});

 private:
  struct Order {
    CorpusKey corpus;
    std::int64_t seq = 0;  ///< what is older goes
  };
  [[nodiscard]] std::vector<CorpusKey> all_corpora(const Selection& selection);
  void deliver(const RebuildOptions& options, const std::vector<Order>& orders, RebuildReport& report);
  [[nodiscard]] std::int64_t count_waiting(const std::vector<Order>& orders);
  void sweep(const std::vector<Order>& orders, RebuildReport& report);

  void compare_corpus(const CorpusKey& corpus, VerifyReport& report, std::vector<Difference>& suspects,
                      const std::stop_token& stop);
  void compare_page(const CorpusKey& corpus, const std::vector<std::string>& documents, VerifyReport& report,
                    std::vector<Difference>& suspects);
  void find_orphans(const CorpusKey& corpus, std::vector<Difference>& suspects, const std::stop_token& stop);
  void settle(std::vector<Difference>& suspects, VerifyReport& report);
  [[nodiscard]] Tally tally_rows(const Subject& subject);
  [[nodiscard]] bool is_waiting(const Subject& subject);

  db::Database& db_;
  Cluster& cluster_;
  Feeder& feeder_;
  const Clock& clock_;
  const std::int64_t timeout_ms_;
  IndexFigures figures_;
  OutboxRepository rows_;
};

}  // namespace nexus::opensearch
