#include "modules/documents/object_store.h"

#include "base/ids.h"
#include "modules/ingestion/ingest_fixture.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <system_error>

namespace nexus::documents {
namespace {

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(ObjectStore, KeepsBytesAsTheyAre) {
  const ingestion::ScratchFolder folder;
  const ObjectStore store(folder.path() / "objects");
  const std::string bytes("a\0b\r\n\xff", 6);
  const std::string key = store.put(bytes);
  EXPECT_EQ(bytes_of(store.path(key)), bytes);
}

TEST(ObjectStore, OnlyTheOwnerMayReadAnObject) {
  const ingestion::ScratchFolder folder;
  const ObjectStore store(folder.path() / "objects");
  const auto rights = std::filesystem::status(store.path(store.put("x"))).permissions();
  EXPECT_EQ(rights, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST(ObjectStore, TakesAFileAwayFromWhereItWas) {
  const ingestion::ScratchFolder folder;
  const ObjectStore store(folder.path() / "objects");
  const std::filesystem::path file = folder.file("upload", "content");
  const std::string key = store.take(file);
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_EQ(bytes_of(store.path(key)), "content");
}

TEST(ObjectStore, TakesAFileFromAnotherFileSystem) {
  const std::filesystem::path elsewhere = std::filesystem::path("/dev/shm") / ("nexusrag-take-" + hex32());
  const ingestion::ScratchFolder folder;
  std::ofstream(elsewhere) << "content";
  if (!std::filesystem::exists(elsewhere)) GTEST_SKIP() << "no second file system here";
  const ObjectStore store(folder.path() / "objects");
  const std::string key = store.take(elsewhere);
  EXPECT_EQ(bytes_of(store.path(key)), "content");
  EXPECT_FALSE(std::filesystem::exists(elsewhere));
}

TEST(ObjectStore, KeysAreRandomAndStayInsideTheStore) {
  const ingestion::ScratchFolder folder;
  const ObjectStore store(folder.path() / "objects");
  std::set<std::string> keys;
  for (int i = 0; i < 50; ++i) keys.insert(store.put("x"));
  EXPECT_EQ(keys.size(), 50U);
  for (const std::string& key : keys) {
    EXPECT_EQ(key.size(), 35U) << key;
    EXPECT_EQ(key.find_first_not_of("0123456789abcdef/"), std::string::npos) << key;
  }
}

TEST(ObjectStore, RemovesOnceAndThenDoesNothing) {
  const ingestion::ScratchFolder folder;
  const ObjectStore store(folder.path() / "objects");
  const std::string key = store.put("x");
  store.remove(key);
  EXPECT_FALSE(std::filesystem::exists(store.path(key)));
  store.remove(key);
  store.remove("no/such-object");
}

TEST(ObjectStore, ThrowsWhenThereIsNothingToTake) {
  const ingestion::ScratchFolder folder;
  const ObjectStore store(folder.path() / "objects");
  EXPECT_THROW((void)store.take(folder.path() / "missing"), std::system_error);
  EXPECT_EQ(folder.count_files(), 0U);
}

TEST(ObjectStore, FindsItsObjectsAgainAfterARestart) {
  const ingestion::ScratchFolder folder;
  const std::string key = ObjectStore(folder.path() / "objects").put("kept");
  EXPECT_EQ(bytes_of(ObjectStore(folder.path() / "objects").path(key)), "kept");
}

}  // namespace
}  // namespace nexus::documents
