#include "base/errors.h"
#include "http/connection.h"
#include "http/multipart.h"
#include "http/stream.h"
#include "http/upload.h"

#include <boost/asio/post.hpp>

namespace nexus::http {
namespace {

constexpr std::size_t kBodyRoom = 64 * 1024;
constexpr std::size_t kUploadBlock = 256 * 1024;
// A trickle of single bytes must not keep a connection for ever: only this much counts as progress.
constexpr std::uint64_t kProgressBytes = 4 * 1024;

}  // namespace

/// Reads once; 0 at the end of the stream, after an error, or when the deadline has passed.
boost::asio::awaitable<std::size_t> Connection::read_more(std::size_t room) {
  const auto space = input_.prepare(room);
  const auto into = boost::asio::buffer(space.data(), space.size());
  const auto [error, n] = co_await socket_.async_read_some(into, kAwait);
  if (error && !timed_out_) broken_ = broken_ || error != boost::asio::error::eof;
  input_.commit(n);
  count_in(n);
  turns_ = 0;
  co_return timed_out_ ? 0 : n;
}

/// Uses what is buffered, or waits for more. False when the body cannot be read on: then either the exchange is
/// answered or the client is gone.
boost::asio::awaitable<bool> Connection::read_body_piece(std::uint64_t limit) {
  if (input_.empty() || parser_.starved()) {
    const std::size_t n = co_await read_more(kBodyRoom);
    if (n == 0) {
      if (timed_out_ && !broken_) {
        refuse(ApiError(errors::kRequestTimeout));
      } else {
        exchange_->client_gone = true;
      }
      co_return false;
    }
  }
  input_.consume(parser_.feed(input_.view()));
  if (parser_.problem() != RequestParser::Problem::kNone) {
    refuse(ApiError(errors::kBadRequest, parser_.explanation()));
    co_return false;
  }
  if (parser_.body_bytes() > limit) {
    refuse(ApiError(errors::kPayloadTooLarge));
    co_return false;
  }
  co_return true;
}

boost::asio::awaitable<bool> Connection::send_continue() {
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  if (!parser_.expects_continue() || !input_.empty()) co_return true;
  const bool sent = co_await send_all(kContinue, std::string_view());
  co_return sent;
}

boost::asio::awaitable<bool> Connection::read_body() {
  Request& request = exchange_->request;
  const std::string* type = request.header("content-type");
  const bool upload = exchange_->endpoint->spec.body == BodyKind::kMultipart && type != nullptr && is_multipart(*type);
  const RouteSpec& row = exchange_->endpoint->spec;
  // A row that wants no body buffers no more of one than is read before authentication anyway.
  const bool small = row.body == BodyKind::kNone;
  const std::uint64_t limit = upload  ? options().max_upload_bytes
                              : small ? options().early_body_bytes
                                      : options().max_body_bytes;
  if (const auto length = parser_.content_length(); length && *length > limit) {
    refuse(ApiError(errors::kPayloadTooLarge));
    co_return false;
  }
  const bool reachable = co_await send_continue();
  if (!reachable) {
    exchange_->client_gone = true;
    co_return false;
  }
  if (upload) {
    const bool complete = co_await read_upload(*type);
    co_return complete;
  }

  parser_.body_into(&request.body);
  arm(Phase::kBody);
  std::uint64_t seen = 0;
  while (!parser_.done()) {
    const bool readable = co_await read_body_piece(limit);
    if (!readable) break;
    if (parser_.body_bytes() - seen >= kProgressBytes) {
      seen = parser_.body_bytes();
      arm(Phase::kBody);
    }
  }
  disarm();
  parser_.body_into(nullptr);
  co_return parser_.done();
}

/// Each full block is parsed, hashed and written on the disk thread, while this coroutine waits: one block and one read
/// buffer are all that an upload holds in memory.
boost::asio::awaitable<bool> Connection::read_upload(const std::string& content_type) {
  std::unique_ptr<UploadSpool> spool;
  std::string block;
  std::optional<ApiError> failure;
  const auto guarded = [&failure](auto&& action) {
    try {
      action();
    } catch (const ApiError& error) {
      failure = error;
    }
  };
  const UploadSpool::Limits limits{.max_fields = options().max_multipart_fields,
                                   .max_files = options().max_multipart_files,
                                   .max_field_bytes = options().max_multipart_field_bytes};
  guarded([&] { spool = std::make_unique<UploadSpool>(options().spool_dir, content_type, limits); });

  std::function<void()> consume = [&] {
    guarded([&] { spool->consume(block); });
    block.clear();
  };
  parser_.body_into(&block);
  bool readable = true;
  while (!failure && readable && !parser_.done()) {
    arm(Phase::kBody);
    const std::uint64_t before = parser_.body_bytes();
    while (readable && !parser_.done() && block.size() < kUploadBlock && parser_.body_bytes() - before < kUploadBlock) {
      const std::size_t had = block.size();
      readable = co_await read_body_piece(options().max_upload_bytes);
      if (block.size() / kProgressBytes != had / kProgressBytes) arm(Phase::kBody);
    }
    disarm();
    if (readable && !block.empty()) co_await on_disk(consume);
  }
  parser_.body_into(nullptr);
  const bool complete = readable && !failure && parser_.done();
  std::function<void()> finish = [&] {
    if (complete) guarded([&] { spool->finish(); });
    if (complete && !failure) spool->release(exchange_->request);
    spool.reset();  // removes what was not released, here rather than on the I/O thread
  };
  if (spool) co_await on_disk(finish);
  if (failure) refuse(*failure);
  co_return complete && !failure;
}

boost::asio::awaitable<void> Connection::on_disk(std::function<void()>& work) {
  std::function<void(Completion)> start = [this, &work](Completion completion) {
    boost::asio::post(io_.shared.disk, [&work, completion = std::move(completion)] {
      std::exception_ptr error;
      try {
        work();
      } catch (const std::exception&) {
        error = std::current_exception();
      }
      completion(error);
    });
  };
  co_await await_callback(start);
}

/// A refused request may have its whole body in the buffer already: past it, the connection can go on.
void Connection::skip_buffered_body() {
  if (!parser_.head_done() || parser_.done() || parser_.problem() != RequestParser::Problem::kNone) return;
  if (parser_.expects_continue()) return;
  parser_.body_into(nullptr);
  std::size_t used = 0;
  do {
    used = parser_.feed(input_.view());
    input_.consume(used);
  } while (used > 0 && !parser_.done());
}

}  // namespace nexus::http
