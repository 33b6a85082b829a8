#pragma once

#include "outbound/transfer.h"

#include <cstddef>
#include <memory>

namespace nexus::outbound {

struct LoopOptions {
  std::size_t max_running = 64;   ///< transfers at a time
  std::size_t max_waiting = 256;  ///< more are refused with kBusy
  std::size_t max_idle = 64;      ///< connections kept for the next transfer
};

/// One thread that runs all transfers (curl multi) and keeps their connections. Thread-safe.
class CurlLoop {
 public:
  CurlLoop(LoopOptions options, TransferOptions transfer_options);
  /// Cancels everything and waits for the callers of run() to leave.
  ~CurlLoop();
  CurlLoop(const CurlLoop&) = delete;
  CurlLoop& operator=(const CurlLoop&) = delete;

  /// Runs one transfer and blocks until it has ended: by an answer, its timeout (waiting included), its stop token or
  /// close(). Throws Error; NothingSent when no byte of the request left.
  [[nodiscard]] Response run(const Transfer& transfer);
  /// Ends all transfers with kCancelled, and those that come later.
  void close();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nexus::outbound
