#pragma once

#include "http/stream.h"
#include "modules/rag/run_stream.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <exception>
#include <functional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

/// For tests of resumed streams.
namespace nexus::rag::testing {

class FrameSink final : public http::EventSink {
 public:
  explicit FrameSink(boost::asio::io_context& io) : io_(io) {}
  void write(std::string_view bytes) override {
    frames.emplace_back(bytes);
    if (on_frame) on_frame();
  }
  boost::asio::awaitable<void> drain() override { co_return; }
  [[nodiscard]] std::stop_token stopped() const override { return stop.get_token(); }
  [[nodiscard]] boost::asio::any_io_executor executor() const override { return io_.get_executor(); }

  std::vector<std::string> frames;
  std::function<void()> on_frame;
  std::stop_source stop;

 private:
  boost::asio::io_context& io_;
};

struct Reading {
  bool gone = false;               ///< the reader has left before it begins
  std::function<void()> on_frame;  ///< after each frame
};

/// What the reader of a resumed stream gets until it ends; throws what the stream throws.
inline std::vector<std::string> read_on(FoundRun found, std::uint64_t after, Reading reading = {}) {
  boost::asio::io_context io;
  FrameSink sink(io);
  sink.on_frame = std::move(reading.on_frame);
  if (reading.gone) sink.stop.request_stop();
  ResumeStream stream(std::move(found), after, "run-2", "s1");
  auto open = boost::asio::make_work_guard(io);
  std::exception_ptr failure;
  boost::asio::co_spawn(io, stream.run(sink), [&](std::exception_ptr error) {
    failure = std::move(error);
    open.reset();
  });
  io.run();
  if (failure) std::rethrow_exception(failure);
  return sink.frames;
}

}  // namespace nexus::rag::testing
