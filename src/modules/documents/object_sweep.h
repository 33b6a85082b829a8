#pragma once

#include "base/time.h"
#include "db/database.h"
#include "modules/documents/object_store.h"

#include <cstdint>
#include <stop_token>

namespace nexus::documents {

/// An object younger than this may belong to an upload whose row is still to be committed.
inline constexpr std::int64_t kSweepAge = Timestamp::kDay;

/// Removes objects that no document names and that were stored at least kSweepAge before `now` (wall clock): what a
/// crash between a file and its row left behind. Files that do not look like objects stay. Returns how many went.
/// Throws db::Error, std::filesystem::filesystem_error, and std::runtime_error, before anything is removed, when
/// database and folder visibly do not belong together: a wrong DATABASE_URL must not cost the documents.
std::int64_t sweep_objects(db::Database& database, const ObjectStore& store, Timestamp now,
                           const std::stop_token& stop);

}  // namespace nexus::documents
