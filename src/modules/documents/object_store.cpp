#include "modules/documents/object_store.h"

#include "base/ids.h"
#include "observe/log.h"

#include <cerrno>
#include <fcntl.h>
#include <stdexcept>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace nexus::documents {
namespace {

constexpr std::size_t kFolderSize = 2;
constexpr std::size_t kIdSize = 32;

bool is_hex_name(std::string_view name, std::size_t size) {
  return name.size() == size && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags, unsigned mode = 0)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "open " + path.filename().string());
  }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  void write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw std::system_error(errno, std::generic_category(), "write object");
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  /// Its age counts from here, not from when somebody else wrote the file.
  void touch() const {
    if (::futimens(fd_, nullptr) != 0) throw std::system_error(errno, std::generic_category(), "touch object");
  }
  void sync() const {
    if (::fsync(fd_) != 0) throw std::system_error(errno, std::generic_category(), "fsync object");
  }

 private:
  int fd_;
};

}  // namespace

ObjectStore::ObjectStore(std::filesystem::path root) : root_(std::move(root)) {
  std::filesystem::create_directories(root_);
}

std::string ObjectStore::new_key() const {
  const std::string id = hex32();
  const std::string folder = id.substr(0, 2);
  if (std::filesystem::create_directory(root_ / folder)) Descriptor(root_, O_RDONLY | O_DIRECTORY).sync();
  return folder + "/" + id;
}

void ObjectStore::settle(const std::filesystem::path& file) const {
  const Descriptor object(file, O_RDONLY);
  object.touch();
  object.sync();
  Descriptor(file.parent_path(), O_RDONLY | O_DIRECTORY).sync();
}

std::string ObjectStore::take(const std::filesystem::path& file) const {
  std::string key = new_key();
  const std::filesystem::path target = root_ / key;
  std::error_code moved;
  std::filesystem::rename(file, target, moved);
  if (moved && moved != std::errc::cross_device_link) throw std::system_error(moved, "take object");
  try {
    if (moved) {  // SPOOL_DIR lies on another file system
      std::filesystem::copy_file(file, target);
      std::filesystem::remove(file);
    }
    settle(target);
  } catch (const std::system_error&) {
    remove(key);
    throw;
  }
  return key;
}

std::string ObjectStore::put(std::string_view bytes) const {
  std::string key = new_key();
  const std::filesystem::path target = root_ / key;
  try {
    Descriptor(target, O_WRONLY | O_CREAT | O_EXCL, 0600).write(bytes);
    settle(target);
  } catch (const std::system_error&) {
    remove(key);
    throw;
  }
  return key;
}

void ObjectStore::remove(std::string_view key) const noexcept {
  std::error_code error;
  std::filesystem::remove(path(key), error);
  if (error) observe::log_warn("object could not be removed", {{"key", key}, {"reason", error.message()}});
}

std::filesystem::path ObjectStore::path(std::string_view key) const {
  return root_ / key;
}

std::vector<std::string> ObjectStore::folders() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(root_)) {
    std::string name = entry.path().filename().string();
    if (is_hex_name(name, kFolderSize) && entry.is_directory()) names.push_back(std::move(name));
  }
  return names;
}

std::vector<ObjectStore::Object> ObjectStore::objects_in(std::string_view folder) const {
  std::vector<Object> objects;
  for (const auto& entry : std::filesystem::directory_iterator(root_ / folder)) {
    const std::string name = entry.path().filename().string();
    if (!is_hex_name(name, kIdSize) || !name.starts_with(folder)) continue;
    struct stat status {};
    // A file that has gone meanwhile is nobody's problem.
    if (::lstat(entry.path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    objects.push_back({.key = std::string(folder) + "/" + name,
                       .stored_at = {status.st_mtim.tv_sec * Timestamp::kSecond + status.st_mtim.tv_nsec / 1000}});
  }
  return objects;
}

}  // namespace nexus::documents
