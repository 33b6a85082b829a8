#pragma once

#include "e2e/process.h"

#include <cstdint>
#include <filesystem>

namespace nexus::e2e {

/// A file system of a few megabytes, mounted where only this process and those it starts can see it, so that nothing
/// is left behind however the test ends.
class SmallDisk {
 public:
  explicit SmallDisk(int megabytes);
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  /// False where this process may not mount.
  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] const std::filesystem::path& path() const { return folder_.path(); }
  /// Takes all space but about `left` bytes away.
  void fill(std::uintmax_t left);
  void free();

 private:
  ScratchFolder folder_;
  bool mounted_ = false;
};

}  // namespace nexus::e2e
