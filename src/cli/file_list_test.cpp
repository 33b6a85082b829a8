#include "cli/file_list.h"

#include "base/ids.h"
#include "cli/failure.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace nexus::cli {
namespace {

namespace fs = std::filesystem;

class CollectFiles : public ::testing::Test {
 protected:
  CollectFiles() : folder_(fs::temp_directory_path() / ("nexusrag-cli-" + hex32())) { fs::create_directories(folder_); }
  ~CollectFiles() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  fs::path write(const std::string& name, std::string_view text) const {
    const fs::path path = folder_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  fs::path folder_;
};

TEST_F(CollectFiles, WalksFoldersAndLeavesOutWhatIsHiddenOrUnreadable) {
  const fs::path b = write("b.md", "# b");
  const fs::path a = write("deep/er/a.txt", "a");
  write(".hidden.txt", "no");
  write(".git/config.txt", "no");
  write("picture.png", "\x89PNG\r\n\x1a\n");
  const FileList list = collect_files({folder_});
  EXPECT_EQ(list.files, (std::vector<fs::path>{b, a}));
  EXPECT_EQ(list.skipped, 1U);
}

TEST_F(CollectFiles, TakesANamedFileAsItIsAndOnlyOnce) {
  const fs::path named = write(".notes", "text");
  EXPECT_EQ(collect_files({named, named}).files, std::vector<fs::path>{named});
}

TEST_F(CollectFiles, SaysWhichPathDoesNotExist) {
  EXPECT_THROW((void)collect_files({folder_ / "absent"}), Failure);
}

TEST_F(CollectFiles, DocumentIdsFollowThePathNotTheSpelling) {
  const fs::path file = write("x/a.txt", "a");
  EXPECT_EQ(document_id_of("c1", file), document_id_of("c1", folder_ / "x" / ".." / "x" / "a.txt"));
  EXPECT_NE(document_id_of("c1", file), document_id_of("c1", write("y/a.txt", "a")));
  EXPECT_NE(document_id_of("c1", file), document_id_of("c2", file));
}

TEST_F(CollectFiles, HashesTheBytesOfAFile) {
  EXPECT_EQ(file_sha256(write("abc.txt", "abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace nexus::cli
