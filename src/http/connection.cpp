#include "http/connection.h"

#include "base/encoding.h"
#include "base/errors.h"
#include "base/ids.h"
#include "exec/lane.h"
#include "http/connection_stream.h"
#include "http/multipart.h"
#include "http/router.h"
#include "http/stream.h"
#include "http/upload.h"
#include "observe/log.h"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace nexus::http {
namespace {

constexpr std::size_t kReadRoom = 4 * 1024;
constexpr std::size_t kMaxBlankLines = 4;  // pairs of CR LF that some clients send behind a body
constexpr std::size_t kMaxKeptOutput = 64 * 1024;
constexpr unsigned kTurnsBeforeYield = 32;
constexpr std::chrono::milliseconds kLingerTime{2000};

/// Not in the catalogue: a redirect is no failure, but it takes the same way out.
constexpr ErrorKind kTrailingSlash{"UNKNOWN_ERROR", 307, "Temporary Redirect", "Use the path without its last slash."};

bool is_request_id(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

std::string address_text(const Socket& socket) {
  boost::system::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  if (error) return {};
  const auto parsed = IpAddress::parse(endpoint.address().to_string());
  return parsed ? parsed->to_string() : std::string();
}

exec::Lane* lane_of(const Lanes& lanes, LaneKind kind) {
  switch (kind) {
    case LaneKind::kInline:
      return nullptr;
    case LaneKind::kDb:
      return lanes.db;
    case LaneKind::kOutbound:
      return lanes.outbound;
    case LaneKind::kBulk:
      return lanes.bulk;
  }
  return nullptr;
}

}  // namespace

std::span<char> ReadBuffer::prepare(std::size_t n) {
  if (data_.size() - end_ < n && begin_ > 0) {
    std::copy(data_.begin() + static_cast<std::ptrdiff_t>(begin_), data_.begin() + static_cast<std::ptrdiff_t>(end_),
              data_.begin());
    end_ -= begin_;
    begin_ = 0;
  }
  if (data_.size() - end_ < n) data_.resize(end_ + n);
  return {data_.data() + end_, data_.size() - end_};
}

void ReadBuffer::shrink() {
  if (!empty() || data_.size() <= 4 * kReadRoom) return;
  data_ = std::vector<char>();
}

Connection::Connection(IoThread& io, Socket socket) : io_(io), socket_(std::move(socket)) {
  boost::system::error_code ignored;  // a socket that has died already shows it at the first read
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  peer_ip_ = address_text(socket_);
  peer_trusted_ = io_.shared.proxies.trusts(peer_ip_);
  io_.add(*this);
}

Connection::~Connection() {
  io_.remove(*this);
}

std::chrono::milliseconds Connection::limit_of(Phase phase) const {
  switch (phase) {
    case Phase::kIdle:
      return options().idle_timeout;
    case Phase::kHeader:
      return options().header_timeout;
    case Phase::kBody:
      return options().body_timeout;
    case Phase::kWrite:
      return options().write_timeout;
    case Phase::kLinger:
      break;
  }
  return kLingerTime;
}

void Connection::arm(Phase phase) {
  phase_ = phase;
  timed_out_ = false;
  deadline_ = std::chrono::steady_clock::now() + limit_of(phase);
}

void Connection::disarm() {
  deadline_ = std::chrono::steady_clock::time_point::max();
}

void Connection::check_deadline(std::chrono::steady_clock::time_point now) {
  if (now < deadline_) return;
  disarm();
  timed_out_ = true;
  io_.shared.metrics.timeouts[static_cast<std::size_t>(phase_)]->add();
  if (sink_ != nullptr) {
    sink_->fail();
    return;
  }
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

void Connection::close_if_idle() {
  if (!idle_) return;
  broken_ = true;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

void Connection::abort() {
  broken_ = true;
  if (sink_ != nullptr) sink_->fail();
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

boost::asio::awaitable<void> Connection::serve(std::shared_ptr<Connection> self) {
  co_await self->run();
}

boost::asio::awaitable<void> Connection::run() {
  while (keep_alive_ && !broken_) {
    const bool begun = co_await read_head();
    if (!begun) break;
    try {
      co_await handle();
    } catch (const std::exception& error) {
      observe::log_error("request ended by an exception",
                         {{"request_id", exchange_->request_id}, {"what", error.what()}});
      broken_ = true;
    }
    finish_exchange();
    if (++turns_ % kTurnsBeforeYield == 0) {
      const auto executor = socket_.get_executor();
      co_await boost::asio::post(executor, kAwait);
    }
  }
  if (linger_ && !broken_) co_await linger();
  boost::system::error_code ignored;
  socket_.close(ignored);
}

/// False when the connection is over without a request to answer; an unreadable head has been answered by then.
boost::asio::awaitable<bool> Connection::read_head() {
  input_.shrink();
  std::size_t blank_lines = 0;
  const auto skip_blank_lines = [&] {
    while (blank_lines < kMaxBlankLines && input_.view().starts_with("\r\n")) {
      input_.consume(2);
      ++blank_lines;
    }
  };
  skip_blank_lines();
  while (input_.empty() || input_.view() == "\r") {
    if (io_.shared.draining.load(std::memory_order_relaxed)) co_return false;
    idle_ = true;
    arm(first_ ? Phase::kHeader : Phase::kIdle);
    const std::size_t n = co_await read_more(kReadRoom);
    idle_ = false;
    if (n == 0 || broken_) co_return false;
    skip_blank_lines();
  }
  first_ = false;
  linger_ = false;
  exchange_ = std::make_unique<Exchange>();
  exchange_->request.started_us = io_.shared.clock.steady_us();
  parser_.start(exchange_->request, options().max_header_bytes);
  bool waiting = false;
  for (;;) {
    input_.consume(parser_.feed(input_.view()));
    if (parser_.head_done() || parser_.problem() != RequestParser::Problem::kNone) break;
    if (!waiting) arm(Phase::kHeader);
    waiting = true;
    const std::size_t n = co_await read_more(kReadRoom);
    if (n > 0 && !broken_) continue;
    if (!timed_out_ || broken_) {
      exchange_.reset();
      co_return false;
    }
    break;
  }
  disarm();
  in_flight_.emplace(io_.shared.metrics.in_flight);
  co_return true;
}

void Connection::prepare_exchange() {
  Exchange& exchange = *exchange_;
  const std::string* wanted = exchange.request.header("x-request-id");
  exchange.request_id = wanted != nullptr && is_request_id(*wanted) ? *wanted : uuid4();
  exchange.versioned = exchange.request.path.starts_with("/v1");
  exchange.request.peer_ip = peer_ip_;
  exchange.request.client_ip = peer_ip_;
  no_body_ = exchange.request.verb == Verb::kHead;
}

boost::asio::awaitable<void> Connection::handle() {
  prepare_exchange();
  Exchange& exchange = *exchange_;
  if (parser_.problem() == RequestParser::Problem::kHeadTooLarge) {
    refuse(ApiError(errors::kHeaderFieldsTooLarge));
  } else if (parser_.problem() == RequestParser::Problem::kMalformed) {
    refuse(ApiError(errors::kBadRequest, parser_.explanation()));
  } else if (!parser_.head_done()) {
    refuse(ApiError(errors::kRequestTimeout));
  } else if (route()) {
    const Plan plan = plan_body();
    if (plan == Plan::kAfterAdmission) {
      co_await run_step(Step::kAdmit);
      if (!exchange.answered) {
        const bool complete = co_await read_body();
        if (!complete && !exchange.answered) co_return;
      }
      if (!exchange.answered) co_await run_step(Step::kExecute);
    } else {
      if (plan == Plan::kEarly) {
        const bool complete = co_await read_body();
        if (!complete && !exchange.answered) co_return;
      }
      if (!exchange.answered) co_await run_step(Step::kBoth);
    }
  }
  if (!exchange.answered) refuse(ApiError(errors::kInternalError).with_cause("the pipeline left no answer"));
  skip_buffered_body();
  keep_alive_ = parser_.keep_alive() && parser_.done() && parser_.problem() == RequestParser::Problem::kNone &&
                !io_.shared.draining.load(std::memory_order_relaxed);
  linger_ = !keep_alive_ && !(parser_.done() && input_.empty());
  if (broken_) {  // the server has given up on this connection meanwhile
    exchange.client_gone = true;
    co_return;
  }
  co_await write_answer();
}

/// Finds the row. False when the request is answered already: there is none, or the path has a slash too many.
bool Connection::route() {
  Exchange& exchange = *exchange_;
  Request& request = exchange.request;
  const Origin origin = io_.shared.proxies.origin(peer_ip_, peer_trusted_, request);
  request.client_ip = origin.client_ip;
  request.https = origin.https;
  Match match = io_.shared.router.match(request.verb, request.path);
  switch (match.kind) {
    case Match::Kind::kFound:
      exchange.versioned = match.versioned;
      exchange.endpoint = match.endpoint;
      exchange.path_params = std::move(match.path_params);
      return true;
    case Match::Kind::kNotFound:
      refuse(ApiError(errors::kNotFound));
      return false;
    case Match::Kind::kMethodNotAllowed:
      refuse(ApiError(errors::kMethodNotAllowed).with_header("Allow", std::move(match.allow)));
      return false;
    case Match::Kind::kRedirect: {
      std::string location = request.https ? "https://" : "http://";
      location += origin.host.empty() ? io_.shared.address : origin.host;
      location += match.location;
      const auto query = request.target.find('?');
      if (query != std::string::npos) location += request.target.substr(query);
      refuse(ApiError(kTrailingSlash).with_header("Location", std::move(location)));
      return false;
    }
  }
  return false;
}

/// Small bodies of callers who show a credential are read at once, which saves a hop; strangers, uploads, unknown and
/// large sizes, and clients that ask first, wait for admission.
Connection::Plan Connection::plan_body() const {
  if (!parser_.has_body()) return Plan::kNoBody;
  const Request& request = exchange_->request;
  const RouteSpec& row = exchange_->endpoint->spec;
  const auto length = parser_.content_length();
  if (!length || *length > options().early_body_bytes || parser_.expects_continue()) return Plan::kAfterAdmission;
  const std::string* type = request.header("content-type");
  if (row.body == BodyKind::kMultipart && type != nullptr && is_multipart(*type)) return Plan::kAfterAdmission;
  const std::string_view credential_header = options().credential_header;
  const bool shows_credential = !row.role || request.header(credential_header) != nullptr;
  return shows_credential ? Plan::kEarly : Plan::kAfterAdmission;
}

boost::asio::awaitable<void> Connection::run_step(Step step) {
  exec::Lane* lane = lane_of(io_.shared.lanes, exchange_->endpoint->spec.lane);
  if (lane == nullptr) {
    perform(step);
    co_return;
  }
  step_ = step;
  const bool ran = co_await hop(*lane);
  if (!ran) refuse(ApiError(errors::kServiceBusy).with_header("Retry-After", "1"));
}

void Connection::perform(Step step) noexcept {
  Dispatcher& dispatcher = io_.shared.dispatcher;
  if (step != Step::kExecute) dispatcher.admit(*exchange_);
  if (step != Step::kAdmit && !exchange_->answered) dispatcher.execute(*exchange_);
}

/// Runs the step on the lane and resumes here with true; with false when the lane is full. The lane's task holds this
/// connection by pointer: the suspended coroutine keeps it alive until the task has resumed it.
boost::asio::awaitable<bool> Connection::hop(exec::Lane& lane) {
  auto begin = [this, &lane](Resume resume) {
    resume_.emplace(std::move(resume));
    const bool taken = lane.try_post([this] {
      perform(step_);
      wake(true);
    });
    if (!taken) wake(false);
  };
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(bool)>(std::move(begin),
                                                                                       boost::asio::use_awaitable);
}

void Connection::wake(bool ran) {
  boost::asio::post(io_.context, [this, ran] {
    Resume coroutine = std::move(*resume_);
    resume_.reset();
    std::move(coroutine)(ran);
  });
}

void Connection::refuse(const ApiError& error) {
  io_.shared.dispatcher.refuse(*exchange_, error);
  exchange_->answered = true;
}

void Connection::finish_exchange() {
  Exchange& exchange = *exchange_;
  if (exchange.client_gone) broken_ = true;
  exchange.total_us = io_.shared.clock.steady_us() - exchange.request.started_us;
  if (parser_.has_body()) io_.shared.metrics.request_bytes.observe(static_cast<double>(parser_.body_bytes()));
  in_flight_.reset();
  io_.shared.dispatcher.finished(exchange);
  if (!exchange.request.files.empty()) {
    std::vector<std::filesystem::path> paths;
    for (auto& file : exchange.request.files) paths.push_back(std::move(file.path));
    boost::asio::post(io_.shared.disk, [paths = std::move(paths)] { remove_untaken(paths); });
  }
  exchange_.reset();
  if (output_.capacity() > kMaxKeptOutput) output_ = std::string();
}

/// Closing with unread bytes makes the kernel send a reset, and a reset can overtake the answer. So the client is told
/// that nothing more comes, and what it still sends is thrown away for a moment.
boost::asio::awaitable<void> Connection::linger() {
  boost::system::error_code error;
  socket_.shutdown(boost::asio::socket_base::shutdown_send, error);
  arm(Phase::kLinger);
  while (!error && !timed_out_ && !broken_) {
    input_.consume(input_.size());
    const std::size_t n = co_await read_more(kReadRoom);
    if (n == 0) break;
  }
  disarm();
}

}  // namespace nexus::http
