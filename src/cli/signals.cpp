#include "cli/signals.h"

#include <csignal>
#include <system_error>

namespace nexus::cli {
namespace {

sigset_t stop_set() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

void set_mask(int how) {
  const sigset_t set = stop_set();
  if (const int error = pthread_sigmask(how, &set, nullptr); error != 0)
    throw std::system_error(error, std::generic_category(), "pthread_sigmask");
}

}  // namespace

StopSignals::StopSignals() {
  set_mask(SIG_BLOCK);
  // A shell may have started us with these ignored; a blocked signal that is ignored would never arrive.
  std::signal(SIGTERM, SIG_DFL);
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGPIPE, SIG_IGN);
}

const char* StopSignals::wait() {
  const sigset_t set = stop_set();
  int number = 0;
  if (const int error = sigwait(&set, &number); error != 0)
    throw std::system_error(error, std::generic_category(), "sigwait");
  set_mask(SIG_UNBLOCK);
  return number == SIGINT ? "SIGINT" : "SIGTERM";
}

}  // namespace nexus::cli
