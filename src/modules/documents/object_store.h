#pragma once

#include "base/time.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::documents {

/// Source files of documents under `DATA_DIR/objects`, by a random key that nothing from outside takes part in. An
/// object is on the disk, with its folder entry, before put() returns. Thread-safe; throws std::system_error.
class ObjectStore {
 public:
  explicit ObjectStore(std::filesystem::path root);

  /// Moves a finished file of the same file system into the store; returns its key.
  [[nodiscard]] std::string take(const std::filesystem::path& file) const;
  [[nodiscard]] std::string put(std::string_view bytes) const;
  /// Nothing happens when it is not there. Never throws: a leftover object is removed by the sweep.
  void remove(std::string_view key) const noexcept;

  [[nodiscard]] std::filesystem::path path(std::string_view key) const;

  struct Object {
    std::string key;
    Timestamp stored_at;  ///< by the clock of the machine that stored it
  };
  /// Folders of the store, and the objects in one of them; what is no object of ours is left out.
  [[nodiscard]] std::vector<std::string> folders() const;
  [[nodiscard]] std::vector<Object> objects_in(std::string_view folder) const;

 private:
  [[nodiscard]] std::string new_key() const;
  void settle(const std::filesystem::path& file) const;

  std::filesystem::path root_;
};

}  // namespace nexus::documents
