#include "cloud/small_file.h"

#include "cloud/credentials_error.h"

#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace nexus::cloud {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw CredentialsError(path + ": " + what);
}
[[noreturn]] void fail_by_system(const std::string& path, const char* what) {
  fail(path, what + std::generic_category().message(errno));
}

}  // namespace

std::string read_small_file(const std::string& path, std::size_t max_bytes) {
  // Non-blocking: a pipe without a writer must not hold the caller before it is recognised.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) fail_by_system(path, "cannot be opened: ");
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) fail_by_system(path, "cannot be examined: ");
  if (!S_ISREG(info.st_mode)) fail(path, "is no regular file");
  std::string text(max_bytes + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t n = ::read(file.get(), text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_by_system(path, "cannot be read: ");
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  if (size > max_bytes) fail(path, "is longer than " + std::to_string(max_bytes) + " bytes");
  text.resize(size);
  return text;
}

}  // namespace nexus::cloud
