#pragma once

#include <cerrno>
#include <cstdint>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>

namespace nexus::testing {

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "a descriptor of a twin");
  }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

/// A switch that threads can poll() on: once on, it stays readable.
class Switch {
 public:
  Switch() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  void turn_on() {
    const std::uint64_t one = 1;
    if (::write(event_.get(), &one, sizeof one) < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  [[nodiscard]] int fd() const { return event_.get(); }

 private:
  Descriptor event_;
};

}  // namespace nexus::testing
