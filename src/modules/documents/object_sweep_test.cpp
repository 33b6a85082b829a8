#include "modules/documents/object_sweep.h"

#include "modules/documents/documents_repository.h"
#include "modules/documents/objects_repository.h"
#include "modules/ingestion/ingest_fixture.h"
#include "support/call_fixture.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace nexus::documents {
namespace {

/// A store beside a scratch database. Files carry the times of the real clock, so the sweep is asked at those, too.
struct Attic {
  testing::TestCall t;
  ingestion::ScratchFolder folder;
  ObjectStore store{folder.path() / "objects"};
  Timestamp now = SystemClock().now();

  std::string object(std::chrono::hours age) {
    const std::string key = store.put("x");
    std::filesystem::last_write_time(store.path(key), std::filesystem::file_time_type::clock::now() - age);
    return key;
  }
  void document(const std::string& key, const std::string& id) {
    t.database->write([&](db::Tx& tx) {
      DocumentsRepository().insert(
          tx, t.tenant(), id, "c1",
          {.filename = "f", .content_type = "text/plain", .ingest_source = "raw_text", .storage_path = key}, "job",
          t.clock.now());
    });
  }
  [[nodiscard]] bool holds(const std::string& key) const { return std::filesystem::exists(store.path(key)); }
  std::int64_t sweep() { return sweep_objects(*t.database, store, now, {}); }
};

using namespace std::chrono_literals;

TEST(ObjectSweep, RemovesOldObjectsThatNoDocumentNames) {
  Attic a;
  const std::string used = a.object(1000h);
  const std::string orphan = a.object(25h);
  a.document(used, "d1");
  EXPECT_EQ(a.sweep(), 1);
  EXPECT_TRUE(a.holds(used));
  EXPECT_FALSE(a.holds(orphan));
  EXPECT_EQ(a.sweep(), 0);
}

TEST(ObjectSweep, LeavesAnObjectToTheRowThatIsCommittedAfterTheScan) {
  Attic a;
  const std::string uploading = a.object(23h);
  EXPECT_EQ(a.sweep(), 0);
  a.document(uploading, "late");
  a.now = a.now + Timestamp::kDay;
  EXPECT_EQ(a.sweep(), 0);
  EXPECT_TRUE(a.holds(uploading));
}

TEST(ObjectSweep, CountsTheAgeOfAnUploadFromWhenItWasTaken) {
  Attic a;
  const std::filesystem::path spooled = a.folder.file("upload", "content");
  std::filesystem::last_write_time(spooled, std::filesystem::file_time_type::clock::now() - 48h);
  const std::string key = a.store.take(spooled);
  EXPECT_EQ(a.sweep(), 0);
  EXPECT_TRUE(a.holds(key));
}

TEST(ObjectSweep, LeavesFilesThatAreNoObjects) {
  Attic a;
  a.object(48h);
  const std::filesystem::path root = a.folder.path() / "objects";
  std::filesystem::create_directories(root / "zz");
  std::filesystem::create_directories(root / "ab" / std::string(32, 'a'));
  for (const auto& path : {root / "notes.txt", root / "zz" / std::string(32, 'a'), root / "ab" / "README",
                           root / "ab" / ("cd" + std::string(30, '0'))}) {
    std::ofstream(path) << "x";
    std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() - 48h);
  }
  EXPECT_EQ(a.sweep(), 1);
  EXPECT_EQ(a.folder.count_files(), 4U);
}

TEST(ObjectSweep, RefusesAFolderOfAnotherDatabase) {
  Attic a;
  const std::string theirs = a.object(48h);
  a.document("ab/" + std::string(32, 'b'), "d1");  // ours is not here
  EXPECT_THROW(a.sweep(), std::runtime_error);
  EXPECT_TRUE(a.holds(theirs));
}

TEST(ObjectSweep, RefusesAFullFolderBesideAnEmptyDatabase) {
  Attic a;
  for (int i = 0; i < 101; ++i) a.object(48h);
  EXPECT_THROW(a.sweep(), std::runtime_error);
  EXPECT_EQ(a.folder.count_files(), 101U);
}

TEST(ObjectSweep, LooksAtTheDocumentsOfAllTenants) {
  Attic a;
  const std::string key = a.object(48h);
  a.t.database->write([&](db::Tx& tx) {
    DocumentsRepository().insert(
        tx, testing::TenantScopeFactory::make("t2"), "d1", "c1",
        {.filename = "f", .content_type = "text/plain", .ingest_source = "raw_text", .storage_path = key}, "job",
        a.t.clock.now());
  });
  EXPECT_EQ(a.sweep(), 0);
}

TEST(ObjectSweep, PreparesEveryStatement) {
  const Attic a;
  EXPECT_EQ(a.t.database->check_statements(objects_statements()), std::vector<std::string>{});
}

TEST(ObjectSweep, StopsBetweenFolders) {
  Attic a;
  const std::string orphan = a.object(48h);
  std::stop_source stopping;
  stopping.request_stop();
  EXPECT_EQ(sweep_objects(*a.t.database, a.store, a.now, stopping.get_token()), 0);
  EXPECT_TRUE(a.holds(orphan));
}

}  // namespace
}  // namespace nexus::documents
