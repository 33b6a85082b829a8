#include "opensearch/cluster.h"

#include "base/encoding.h"
#include "opensearch/answers.h"
#include "opensearch/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

namespace nexus::opensearch {
namespace {

std::string base64(std::string_view text) {
  // The header wants the standard alphabet with padding; ours is the URL-safe one without.
  std::string out = base64url_encode(as_bytes(text));
  std::replace(out.begin(), out.end(), '-', '+');
  std::replace(out.begin(), out.end(), '_', '/');
  out.resize((out.size() + 3) / 4 * 4, '=');
  return out;
}

std::string without_trailing_slash(std::string url) {
  while (!url.empty() && url.back() == '/') url.pop_back();
  return url;
}

ClusterOptions checked(ClusterOptions options) {
  if (options.urls.empty()) throw std::invalid_argument("OPENSEARCH_URL names no node");
  for (std::string& url : options.urls) url = without_trailing_slash(std::move(url));
  return options;
}

/// Another node may do better; an answer, a bad URL or a cancelled call is final.
bool worth_another_node(outbound::Fault fault) {
  return fault == outbound::Fault::kNetwork || fault == outbound::Fault::kTimeout;
}

Error no_answer(const outbound::Error& e) {
  const bool late = e.fault() == outbound::Fault::kTimeout;
  return {late ? ErrorKind::kTimeout : ErrorKind::kUnavailable,
          fmt::format("no answer ({})", outbound::to_string(e.fault()))};
}

Error refusal(const outbound::Response& response) {
  std::string fault = "error";
  try {
    fault = fault_name(as_object(parse_answer(response.body)));
  } catch (const Error&) {  // a proxy's page, say: the status tells enough
  }
  return {kind_of_status(response.status), fmt::format("status {} ({})", response.status, fault)};
}

}  // namespace

Cluster::Cluster(outbound::Client& client, ClusterOptions options, const Clock& clock)
    : client_(client),
      options_(checked(std::move(options))),
      clock_(clock),
      index_(index_name(options_.index_prefix)) {}

outbound::Request Cluster::request(const Call& call, std::size_t node) const {
  outbound::Request out{.integration = call.integration,
                        .method = call.method,
                        .url = options_.urls[node] + call.path,
                        .headers = {{"Accept", "application/json"}},
                        .body = call.body,
                        .max_response_bytes = options_.max_response_bytes,
                        .attempts = 1,
                        .idempotent = true,
                        .stop = call.stop};
  if (!call.body.empty())
    out.headers.emplace_back("Content-Type", call.lines ? "application/x-ndjson" : "application/json");
  if (!options_.api_key.empty()) {
    out.headers.emplace_back("Authorization", fmt::format("ApiKey {}", options_.api_key.reveal()));
  } else if (!options_.user.empty()) {
    out.headers.emplace_back("Authorization",
                             "Basic " + base64(fmt::format("{}:{}", options_.user, options_.password.reveal())));
  }
  return out;
}

std::string Cluster::send(const Call& call) {
  const std::int64_t budget_ms = call.timeout_ms > 0 ? call.timeout_ms : options_.request_timeout_ms;
  const std::int64_t begun_us = clock_.steady_us();
  const std::size_t first = node_.load(std::memory_order_relaxed);
  std::optional<Error> failure;
  for (std::size_t i = 0; i < options_.urls.size(); ++i) {
    const std::int64_t left_ms = budget_ms - (clock_.steady_us() - begun_us) / 1000;
    if (left_ms <= 0) break;
    const std::size_t node = (first + i) % options_.urls.size();
    // A node that hangs must leave time for another one.
    const auto nodes_left = static_cast<std::int64_t>(options_.urls.size() - i);
    outbound::Request request = this->request(call, node);
    request.timeout_ms = std::max<std::int64_t>(nodes_left > 1 ? left_ms * 2 / 3 : left_ms, 1);
    request.deadline_ms = left_ms;
    try {
      outbound::Response response = client_.send(request);
      node_.store(node, std::memory_order_relaxed);
      if (response.status >= 200 && response.status < 300) return std::move(response.body);
      throw refusal(response);
    } catch (const outbound::Error& e) {
      failure = no_answer(e);
      if (!worth_another_node(e.fault())) break;
    }
  }
  if (failure) throw Error(*failure);
  throw Error(ErrorKind::kTimeout, "no time was left for the call");
}

const Dialect& Cluster::dialect() {
  const Dialect* known = dialect_.load(std::memory_order_acquire);
  if (known == nullptr) {
    known = &dialect_of(send({.path = "/"}));
    dialect_.store(known, std::memory_order_release);
  }
  return *known;
}

void Cluster::prepare() {
  {
    const std::lock_guard lock(mutex_);
    if (prepared_) return;
  }
  const Dialect& dialect = this->dialect();
  static_cast<void>(send({.method = "PUT",
                          .path = "/_index_template/" + template_name(options_.index_prefix),
                          .body = index_template(options_, dialect)}));
  try {
    static_cast<void>(send({.method = "PUT", .path = "/" + index_}));
  } catch (const Error& e) {
    // Refused because it is there already, or for a reason that the next line meets again.
    if (e.kind() != ErrorKind::kRefused) throw;
    static_cast<void>(send({.path = "/" + index_ + "/_settings"}));
  }
  const std::lock_guard lock(mutex_);
  prepared_ = true;
}

std::string Cluster::vector_field(std::string_view model, std::size_t dimension) {
  std::string field = vector_field_name(model, dimension);
  prepare();
  {
    const std::lock_guard lock(mutex_);
    if (fields_.contains(field)) return field;
  }
  put_mapping(field, dimension);
  const std::lock_guard lock(mutex_);
  fields_.insert(field);
  return field;
}

void Cluster::put_mapping(const std::string& field, std::size_t dimension) {
  std::string body;
  json::Writer w(body);
  w.begin_object().key("properties").begin_object().key(field);
  dialect().write_mapping(w, dimension);
  w.end_object().end_object();
  static_cast<void>(send({.method = "PUT", .path = "/" + index_ + "/_mapping", .body = std::move(body)}));
}

void Cluster::forget() {
  const std::lock_guard lock(mutex_);
  prepared_ = false;
  fields_.clear();
}

void Cluster::drop_index() {
  forget();
  try {
    static_cast<void>(send({.method = "DELETE", .path = "/" + index_}));
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::kMissing) throw;
  }
}

}  // namespace nexus::opensearch
