#pragma once

#include "outbound/transfer.h"

#include <cstddef>
#include <memory>

namespace nexus::outbound {

struct LoopOptions {
  std::size_t max_running = 64;   ///< transfers at a time
  std::size_t max_waiting = 256;  ///< more are refused with kBusy
  std::size_t max_idle = 64;      ///< connections kept for the next transfer
  /// Of each stream: the bytes that wait for its reader before the peer is made to wait. libcurl keeps 16 KiB besides.
  std::size_t stream_buffer_bytes = 64 * 1024;
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
  /// close(). A stream's sink runs on this thread. Throws Error; NothingSent when no byte of the request left,
  /// BrokenOff after the sink had something; SinkThrew.
  [[nodiscard]] Response run(const Transfer& transfer);
  /// Ends all transfers with kCancelled, and those that come later.
  void close();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nexus::outbound
