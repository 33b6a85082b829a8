#include "modules/documents/object_sweep.h"

#include "modules/documents/objects_repository.h"
#include "observe/log.h"

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace nexus::documents {
namespace {

constexpr std::int64_t kSample = 20;
/// More leftovers than crashes explain.
constexpr std::size_t kMostWithoutDocuments = 100;

/// Whether this is the store of this database, as far as a sample can tell.
void require_same_store(db::Database& database, const ObjectStore& store) {
  const auto sample = database.read([](db::Snapshot& db) { return ObjectsRepository().some(db, kSample); });
  if (sample.empty()) {
    std::size_t found = 0;
    for (const std::string& folder : store.folders()) found += store.objects_in(folder).size();
    if (found > kMostWithoutDocuments)
      throw std::runtime_error("the object folder holds files, but the database names none: not swept");
    return;
  }
  if (std::none_of(sample.begin(), sample.end(),
                   [&](const std::string& key) { return std::filesystem::exists(store.path(key)); }))
    throw std::runtime_error("the database names other objects than the folder holds: not swept");
}

}  // namespace

std::int64_t sweep_objects(db::Database& database, const ObjectStore& store, Timestamp now,
                           const std::stop_token& stop) {
  require_same_store(database, store);
  const Timestamp cutoff = now - kSweepAge;
  std::int64_t removed = 0;
  for (const std::string& folder : store.folders()) {
    if (stop.stop_requested()) break;
    auto objects = store.objects_in(folder);
    std::erase_if(objects, [&](const ObjectStore::Object& object) { return object.stored_at > cutoff; });
    if (objects.empty()) continue;
    // Asked after the folder was read: a row that is committed later names an object that is younger than the cutoff.
    const auto used = database.read([&](db::Snapshot& db) { return ObjectsRepository().in_folder(db, folder); });
    for (const ObjectStore::Object& object : objects) {
      if (std::binary_search(used.begin(), used.end(), object.key)) continue;
      observe::log_info("object without a document removed", {{"key", object.key}});
      store.remove(object.key);
      ++removed;
    }
  }
  return removed;
}

}  // namespace nexus::documents
