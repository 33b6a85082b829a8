#pragma once

#include "base/principal.h"
#include "base/time.h"
#include "db/database.h"
#include "modules/retrieval/ports.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace nexus::demo {

inline constexpr std::string_view kTenant = "t1";
inline constexpr std::string_view kCorpus = "c1";

struct SeedReport {
  bool already_seeded = false;                 ///< the corpus had chunks: none were added
  std::size_t chunks = 0;                      ///< added by this call
  std::optional<std::string> embedding_model;  ///< of the added chunks; empty: none is installed, found by words only
};

/// The demo corpus of contract 02 §13.2: corpus `c1` of this tenant, its configuration reset on every call, and ten
/// chunks of three small documents unless it holds any chunk already. One transaction. A question about the release
/// gates or the testing strategy of Agent 2.0 finds a chunk of demo://doc/1 first. Throws db::Error.
SeedReport seed_demo(db::Database& database, const TenantScope& tenant, const retrieval::Embedders& embedders,
                     const retrieval::IndexEngine& index, const Clock& clock);

}  // namespace nexus::demo
