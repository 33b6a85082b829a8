#pragma once

#include "base/principal.h"
#include "base/time.h"
#include "db/database.h"
#include "http/call.h"
#include "modules/audit/ports.h"
#include "modules/billing/ports.h"
#include "modules/quotas/quotas_repository.h"
#include "modules/quotas/quotas_types.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::quotas {

/// Something worth telling about a tenant's use, caught on the request's path and written by the next flush.
struct Note {
  audit::Event event;
  Period period = Period::kDay;
  Timestamp start;             ///< of the period
  std::string_view once = {};  ///< metric by which it is told once per tenant and period; empty: each time
  bool webhook = false;        ///< also goes to the billing outbox, once per period
  bool tokens = false;
  std::int64_t count = 0;  ///< how many events this one stands for; 0: itself
};

/// What is to be told of one tenant (contract 01 §7): crossing a soft cap and going over a limit once per period,
/// blocked requests at once and then at most one event a minute with their number, and every 50th charged request. Not
/// thread-safe.
class Notes {
 public:
  static constexpr std::int64_t kSampleEvery = 50;
  static constexpr std::int64_t kBlockedEveryUs = 60 * Timestamp::kSecond;

  /// A request was charged; `after` includes it.
  void granted(const http::Call& call, const Periods& periods, const Standing& after);
  void blocked(const http::Call& call, const Periods& periods, const Standing& now, const Refusal& why);

  /// True when take() would return something.
  [[nodiscard]] bool due(std::int64_t steady_us) const;
  /// True when there is something that take() will return later.
  [[nodiscard]] bool waiting() const { return !ready_.empty() || blocked_.has_value(); }
  /// `everything`: also blocked requests whose minute has not passed.
  [[nodiscard]] std::vector<Note> take(std::int64_t steady_us, bool everything);
  /// The flush failed.
  void give_back(std::vector<Note> notes);

 private:
  std::vector<Note> ready_;
  std::int64_t charged_ = 0;
  std::array<std::optional<Timestamp>, 2> soft_noted_;  // by Period: the start of the one that was told
  std::array<std::optional<Timestamp>, 2> over_noted_;

  struct Block {
    Period period;
    Timestamp start;
    bool tokens;
    friend bool operator==(const Block&, const Block&) = default;
  };
  std::optional<Note> blocked_;      // the first that was not told, with the number of those that followed
  std::optional<Block> last_block_;  // another period is told at once
  std::int64_t blocked_due_us_ = 0;
};

/// Writes notes into the flush's transaction.
class NoteWriter {
 public:
  NoteWriter(const QuotasRepository& repository, audit::Log& audit, billing::Outbox& outbox)
      : repository_(repository), audit_(audit), outbox_(outbox) {}

  void write(db::Tx& tx, const TenantScope& tenant, const std::vector<Note>& notes) const;

 private:
  const QuotasRepository& repository_;
  audit::Log& audit_;
  billing::Outbox& outbox_;
};

}  // namespace nexus::quotas
