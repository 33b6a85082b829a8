#include "e2e/small_disk.h"

#include <cerrno>
#include <fcntl.h>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <system_error>
#include <unistd.h>

namespace nexus::e2e {

SmallDisk::SmallDisk(int megabytes) {
  const std::string size = "size=" + std::to_string(megabytes) + "m";
  mounted_ = ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
             ::mount("tmpfs", path().c_str(), "tmpfs", 0, size.c_str()) == 0;
}

SmallDisk::~SmallDisk() {
  if (mounted_) ::umount2(path().c_str(), MNT_DETACH);
}

void SmallDisk::fill(std::uintmax_t left) {
  const int file = ::open((path() / "ballast").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) throw std::system_error(errno, std::generic_category(), "open ballast");
  const std::string block(4096, 'x');
  // Whoever else writes here takes part of the space; it is full when a write says so.
  while (std::filesystem::space(path()).available > left && ::write(file, block.data(), block.size()) > 0) {
  }
  ::close(file);
}

void SmallDisk::free() {
  std::filesystem::remove(path() / "ballast");
}

}  // namespace nexus::e2e
