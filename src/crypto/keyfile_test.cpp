#include "crypto/keyfile.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <stdexcept>
#include <stdlib.h>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <vector>

namespace nexus::crypto {
namespace {

class KeyFileTest : public ::testing::Test {
 protected:
  KeyFileTest() {
    std::string name = (std::filesystem::temp_directory_path() / "nexus-keyfile-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~KeyFileTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::size_t files() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_))
      if (entry.is_regular_file()) ++count;
    return count;
  }

  std::filesystem::path folder_;
};

unsigned mode_of(const std::filesystem::path& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0);
  return info.st_mode & 0777U;
}

TEST_F(KeyFileTest, CreatesOnceThenReads) {
  const auto path = folder_ / "a" / "b" / "pepper";
  const KeyFile first = load_or_create_secret(path);
  EXPECT_TRUE(first.created);
  EXPECT_EQ(first.text.reveal().size(), 64u);
  EXPECT_EQ(first.text.reveal().find_first_not_of("0123456789abcdef"), std::string_view::npos);
  EXPECT_EQ(mode_of(path), 0600u);
  EXPECT_EQ(mode_of(folder_ / "a" / "b"), 0700u);
  EXPECT_EQ(mode_of(folder_ / "a"), 0700u);
  const KeyFile second = load_or_create_secret(path);
  EXPECT_FALSE(second.created);
  EXPECT_EQ(second.text.reveal(), first.text.reveal());
  EXPECT_EQ(files(), 1u) << "no temporary file may stay";
}

TEST_F(KeyFileTest, AllWhoRaceGetTheSameSecret) {
  const auto path = folder_ / "key";
  std::vector<std::string> texts(8);
  std::vector<std::thread> threads;
  for (std::string& text : texts)
    threads.emplace_back([&text, &path] { text = std::string(load_or_create_secret(path).text.reveal()); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set<std::string>(texts.begin(), texts.end()).size(), 1u);
  EXPECT_EQ(files(), 1u);
}

TEST_F(KeyFileTest, TrimsWhatAPersonWrote) {
  const auto path = folder_ / "key";
  std::ofstream(path) << "  by hand \n";
  std::filesystem::permissions(path, std::filesystem::perms::owner_read);
  EXPECT_EQ(load_or_create_secret(path).text.reveal(), "by hand");
}

TEST_F(KeyFileTest, RefusesFilesThatOthersCanRead) {
  const auto path = folder_ / "key";
  std::ofstream(path) << "secret";
  std::filesystem::permissions(path, std::filesystem::perms(0640));
  EXPECT_THROW((void)load_or_create_secret(path), std::runtime_error);
}

TEST_F(KeyFileTest, RefusesEmptyFilesAndFolders) {
  const auto path = folder_ / "key";
  std::ofstream(path) << "\n";
  std::filesystem::permissions(path, std::filesystem::perms(0600));
  EXPECT_THROW((void)load_or_create_secret(path), std::runtime_error);
  std::filesystem::create_directory(folder_ / "folder");
  std::filesystem::permissions(folder_ / "folder", std::filesystem::perms(0700));
  EXPECT_THROW((void)load_or_create_secret(folder_ / "folder"), std::system_error);
}

}  // namespace
}  // namespace nexus::crypto
