#include "db/sqlite/log_guard.h"

#include "db/database.h"
#include "observe/log.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace nexus::db::sqlite {
namespace {

int set_lock(int fd, short type) {
  struct flock lock = {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  int result = 0;
  do {
    result = ::fcntl(fd, F_OFD_SETLKW, &lock);
  } while (result != 0 && errno == EINTR);
  return result;
}

}  // namespace

LogGuard::LogGuard(const std::string& database_path)
    : fd_(::open(path_of(database_path).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  if (fd_ < 0) throw Error(ErrorCode::kUnavailable, "open " + path_of(database_path) + ": " + std::strerror(errno));
}

LogGuard::~LogGuard() {
  ::close(fd_);
}

LogGuard::Hold::Hold(const LogGuard& guard, bool alone) : fd_(guard.fd_) {
  if (set_lock(fd_, alone ? F_WRLCK : F_RDLCK) != 0)
    observe::log_error("checkpoints and writes are not kept apart", {{"reason", std::strerror(errno)}});
}

LogGuard::Hold::~Hold() {
  set_lock(fd_, F_UNLCK);
}

}  // namespace nexus::db::sqlite
