#pragma once

namespace nexus::cli {

/// SIGTERM and SIGINT as an event that one thread waits for. Made before any other thread, so that all inherit the
/// blocked mask; ignores SIGPIPE.
class StopSignals {
 public:
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// Waits for the first signal and returns its name. From then on the signals have their usual effect again: the next
  /// one ends the process at once.
  [[nodiscard]] const char* wait();
};

}  // namespace nexus::cli
