#include "outbound/curl_client.h"

#include "crypto/hash.h"
#include "exec/lane.h"
#include "observe/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <stdexcept>
#include <utility>
#include <vector>

namespace nexus::outbound {
namespace {

constexpr std::int64_t kMs = 1'000;
constexpr double kSecond = 1e6;

/// Sleeps until the time is over or somebody stops.
void pause(std::int64_t us, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, std::chrono::microseconds(us), [] { return false; });
  if (stop.stop_requested()) throw Error(Fault::kCancelled, "cancelled between two attempts");
}

std::string outcome_of(const CallReport& report) {
  if (report.fault) return std::string(to_string(*report.fault));
  if (report.status >= 500) return "server_error";
  return report.status >= 400 ? "client_error" : "ok";
}

/// Does the call's end say that the service is ill? Refusals of our own say nothing about it.
bool blames_the_service(const Error& error) {
  const auto* broken_off = dynamic_cast<const BrokenOff*>(&error);
  if (broken_off != nullptr && broken_off->held_back()) return false;
  const Fault fault = error.fault();
  return fault == Fault::kTimeout || fault == Fault::kNetwork || fault == Fault::kTooLarge;
}

/// Observes how long its scope took, however it is left.
class Timed {
 public:
  Timed(observe::Histogram& seconds, const Clock& clock) : seconds_(seconds), clock_(clock) {}
  ~Timed() { seconds_.observe(static_cast<double>(clock_.steady_us() - started_us_) / kSecond); }
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 private:
  observe::Histogram& seconds_;
  const Clock& clock_;
  const std::int64_t started_us_ = clock_.steady_us();
};

/// A name that stands for exactly this set of addresses. libcurl keeps connections under it, so a connection is used
/// again only for requests that were allowed to go to the same addresses.
std::string name_for(const std::vector<IpAddress>& addresses) {
  std::vector<std::string> texts;
  for (const IpAddress& address : addresses) texts.push_back(address.text());
  std::sort(texts.begin(), texts.end());
  return crypto::sha256_hex(fmt::format("{}", fmt::join(texts, ","))).substr(0, 32) + ".checked.invalid";
}

}  // namespace

/// One call inside the client; counts it and joins the two reasons to stop.
class CurlClient::Caller {
 public:
  Caller(CurlClient& client, const std::stop_token& request)
      : client_(client),
        on_request_(request, [this] { either_.request_stop(); }),
        on_close_(client.closing_.get_token(), [this] { either_.request_stop(); }) {
    const std::lock_guard lock(client_.mutex_);
    ++client_.callers_;
  }
  ~Caller() {
    const std::lock_guard lock(client_.mutex_);
    if (--client_.callers_ == 0) client_.left_.notify_all();
  }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;
  [[nodiscard]] std::stop_token stop() const { return either_.get_token(); }

 private:
  using Forward = std::function<void()>;
  CurlClient& client_;
  std::stop_source either_;
  std::stop_callback<Forward> on_request_;
  std::stop_callback<Forward> on_close_;
};

CurlClient::CurlClient(const ClientOptions& options, const Clock& clock, observe::Metrics& metrics,
                       CircuitBreaker& breaker, ClientHooks hooks)
    : options_(options),
      clock_(clock),
      metrics_(metrics),
      breaker_(breaker),
      hooks_(std::move(hooks)),
      guard_(options.allow_private),
      resolver_(hooks_.resolve, options.resolver, clock),
      retried_(metrics.counter("nexusrag_external_retries_total")),
      retries_(options.retry, clock, hooks_.random, &pause, [this] { retried_.add(); }),
      bulkheads_(options.bulkheads),
      loop_(options.loop, options.transfer) {}

CurlClient::~CurlClient() {
  close();
  std::unique_lock lock(mutex_);
  left_.wait(lock, [this] { return callers_ == 0; });
}

void CurlClient::close() {
  closing_.request_stop();
  loop_.close();
}

Response CurlClient::send(const Request& request) {
  return exchange(request, nullptr);
}

Response CurlClient::stream(const Request& request, const PieceSink& sink) {
  if (!sink) throw std::invalid_argument("a stream needs a sink");
  return exchange(request, &sink);
}

Response CurlClient::exchange(const Request& request, const PieceSink* sink) {
  if (exec::Lane::current() == "db") throw std::logic_error("an outbound call must not hold a thread of the db lane");
  const Caller caller(*this, request.stop);
  CallReport report{.integration = request.integration};
  const std::int64_t started_us = clock_.steady_us();
  try {
    Response response = call(request, sink, caller.stop(), report);
    report.status = response.status;
    report.attempts = response.attempts;
    finish(report, started_us);
    return response;
  } catch (const Error& error) {
    report.fault = error.fault();
    finish(report, started_us);
    throw;
  } catch (const SinkThrew& thrown) {
    report.fault = Fault::kCancelled;
    finish(report, started_us);
    std::rethrow_exception(thrown.what);
  }
}

Response CurlClient::call(const Request& request, const PieceSink* sink, const std::stop_token& stop,
                          CallReport& report) {
  const Url url = parse_url(request.url);
  report.host = url.host;
  if (stop.stop_requested()) throw Error(Fault::kCancelled, url.host + ": cancelled before the start");
  const std::optional<Bulkheads::Slot> place = bulkheads_.enter(request.integration, request.tenant);
  std::optional<CircuitBreaker::Permit> permit = breaker_.admit(request.integration);
  if (!permit) throw Error(Fault::kBreakerOpen, fmt::format("{}: the circuit breaker is open", request.integration));
  const auto deadline =
      request.deadline_ms > 0 ? exec::Deadline::after(clock_, request.deadline_ms * kMs) : exec::Deadline::none();
  try {
    Response response = retries_.run(request, deadline, stop, [&] {
      ++report.attempts;
      return attempt(request, sink, url, deadline, stop);
    });
    if (response.status >= 500) permit->failed();
    if (response.status < 400) permit->succeeded();
    return response;
  } catch (const Error& error) {
    if (blames_the_service(error)) permit->failed();
    throw;
  }
}

Response CurlClient::attempt(const Request& request, const PieceSink* sink, const Url& url, exec::Deadline deadline,
                             const std::stop_token& stop) {
  const Timed timed(
      metrics_.histogram("nexusrag_external_call_seconds", {{"integration", std::string(request.integration)}}),
      clock_);
  const std::int64_t timeout_ms = request.timeout_ms > 0 ? request.timeout_ms : options_.timeout_ms;
  const exec::Deadline until = exec::Deadline::after(clock_, timeout_ms * kMs).earlier(deadline);
  Headers headers = request.headers;
  if (hooks_.add_headers) hooks_.add_headers(request, headers);
  Transfer transfer;
  transfer.method = request.method;
  transfer.url = url.text();
  transfer.peer = url.authority();
  transfer.headers = &headers;
  transfer.body = request.body;
  transfer.max_response_bytes =
      request.max_response_bytes > 0 ? request.max_response_bytes : options_.max_response_bytes;
  transfer.replayable = request.idempotent;
  transfer.stop = stop;
  route(url, request.origin, until, stop, transfer);
  transfer.timeout_ms = std::max<std::int64_t>(until.remaining_us(clock_).value_or(0) / kMs, 1);
  if (sink != nullptr) {
    transfer.sink = sink;
    transfer.idle_timeout_ms = request.idle_timeout_ms > 0 ? request.idle_timeout_ms : timeout_ms;
    if (const std::optional<std::int64_t> left_us = deadline.remaining_us(clock_))
      transfer.time_left_ms = std::max<std::int64_t>(*left_us / kMs, 1);
  }
  return loop_.run(transfer);
}

std::vector<IpAddress> CurlClient::look_up(const std::string& host, exec::Deadline deadline,
                                           const std::stop_token& stop) {
  try {
    return resolver_.look_up(host, deadline, stop);
  } catch (const Error& error) {
    throw NothingSent(error.fault(), error.what());
  }
}

void CurlClient::route(const Url& url, UrlOrigin origin, exec::Deadline deadline, const std::stop_token& stop,
                       Transfer& transfer) {
  const bool proxied = !options_.transfer.proxy.empty();
  const bool proxy_decides = proxied && origin == UrlOrigin::kOperator;
  if (proxy_decides && !url.literal) return;
  const std::vector<IpAddress> addresses =
      url.literal ? std::vector<IpAddress>{*url.literal} : look_up(url.host, deadline, stop);
  guard_.check(url.host, addresses, origin);
  if (proxy_decides) return;
  // "::" matches whatever host and port libcurl reads out of the URL: it cannot go anywhere else.
  if (addresses.size() == 1 || proxied) {
    transfer.connect_to = fmt::format("::{}:{}", addresses.front().url_text(), url.port);
    return;
  }
  // libcurl tries the addresses against each other (RFC 8305) when one name has them all.
  const std::string name = name_for(addresses);
  std::string list;
  for (const IpAddress& address : addresses) list += (list.empty() ? "" : ",") + address.url_text();
  transfer.connect_to = fmt::format("::{}:{}", name, url.port);
  transfer.resolve = fmt::format("+{}:{}:{}", name, url.port, list);
}

void CurlClient::finish(CallReport& report, std::int64_t started_us) {
  report.duration_us = clock_.steady_us() - started_us;
  metrics_
      .counter("nexusrag_external_calls_total",
               {{"integration", std::string(report.integration)}, {"outcome", outcome_of(report)}})
      .add();
  if (hooks_.on_finished) hooks_.on_finished(report);
}

}  // namespace nexus::outbound
