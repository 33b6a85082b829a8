#include "observe/otlp.h"

#include "base/encoding.h"
#include "json/json.h"
#include "observe/log.h"

#include <algorithm>
#include <exception>
#include <iterator>

namespace nexus::observe {
namespace {

// Bits of Span.flags beside the trace flags (opentelemetry-proto, SpanFlags).
constexpr std::uint64_t kHasIsRemote = 0x100;
constexpr std::uint64_t kIsRemote = 0x200;

void write_value(json::Writer& w, const Attribute& attribute) {
  w.key("value").begin_object();
  if (const auto* text = std::get_if<std::string>(&attribute.value)) {
    w.field("stringValue", *text);
  } else if (const auto* number = std::get_if<std::int64_t>(&attribute.value)) {
    w.field("intValue", std::to_string(*number));
  } else if (const auto* real = std::get_if<double>(&attribute.value)) {
    w.field("doubleValue", *real);
  } else {
    w.field("boolValue", std::get<bool>(attribute.value));
  }
  w.end_object();
}

void write_attributes(json::Writer& w, std::span<const Attribute> attributes) {
  w.key("attributes").begin_array();
  for (const Attribute& attribute : attributes) {
    w.begin_object().field("key", attribute.name);
    write_value(w, attribute);
    w.end_object();
  }
  w.end_array();
}

std::string unix_nanos(Timestamp time) {
  return std::to_string(time.us) + "000";
}

std::uint64_t flags_of(const Span& span) {
  std::uint64_t flags = kHasIsRemote | (span.parent_remote ? kIsRemote : 0);
  if (span.context.sampled) flags |= 1;
  if (span.context.random) flags |= 2;
  return flags;
}

void write_span(json::Writer& w, const Span& span) {
  w.begin_object()
      .field("traceId", hex_encode(span.context.trace_id))
      .field("spanId", hex_encode(span.context.span_id));
  if (!span.context.trace_state.empty()) w.field("traceState", span.context.trace_state);
  if (span.parent != SpanId{}) w.field("parentSpanId", hex_encode(span.parent));
  w.field("flags", flags_of(span)).field("name", span.name).field("kind", static_cast<int>(span.kind));
  w.field("startTimeUnixNano", unix_nanos(span.begin)).field("endTimeUnixNano", unix_nanos(span.end));
  write_attributes(w, span.attributes);
  w.key("status").begin_object();
  if (span.status != SpanStatus::kUnset) w.field("code", static_cast<int>(span.status));
  w.end_object().end_object();
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool is_header_value(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

Counter& spans_counter(Metrics& metrics, std::string outcome) {
  return metrics.counter("nexusrag_trace_spans_total", {{"outcome", std::move(outcome)}});
}

}  // namespace

std::string otlp_json(const OtlpResource& resource, std::span<const Span> spans) {
  std::vector<Attribute> about{{"service.name", resource.service_name}};
  if (!resource.version.empty()) about.push_back({"service.version", resource.version});
  if (!resource.instance_id.empty()) about.push_back({"service.instance.id", resource.instance_id});
  std::string out;
  out.reserve(512 * (spans.size() + 1));
  json::Writer w(out);
  w.begin_object().key("resourceSpans").begin_array().begin_object().key("resource").begin_object();
  write_attributes(w, about);
  w.end_object().key("scopeSpans").begin_array().begin_object().key("scope").begin_object();
  w.field("name", "nexusrag").end_object().key("spans").begin_array();
  for (const Span& span : spans) write_span(w, span);
  w.end_array().end_object().end_array().end_object().end_array().end_object();
  return out;
}

std::string otlp_traces_url(std::string_view endpoint) {
  while (endpoint.ends_with('/')) endpoint.remove_suffix(1);
  return std::string(endpoint) + "/v1/traces";
}

std::vector<std::pair<std::string, std::string>> parse_otlp_headers(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> headers;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view pair = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = ascii_trim(pair.substr(0, equals));
    std::string value = percent_decode(ascii_trim(pair.substr(equals + 1)), false);
    if (is_token(name) && is_header_value(value)) headers.emplace_back(std::string(name), std::move(value));
  }
  return headers;
}

OtlpExporter::OtlpExporter(Sender sender, OtlpOptions options, Metrics& metrics)
    : sender_(std::move(sender)),
      options_(std::move(options)),
      exported_(spans_counter(metrics, "exported")),
      failed_(spans_counter(metrics, "failed")),
      dropped_(spans_counter(metrics, "dropped")),
      thread_([this] { run(); }) {}

OtlpExporter::~OtlpExporter() {
  stop();
}

void OtlpExporter::submit(Span span) noexcept {
  try {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      dropped_.add();
      return;
    }
    if (queue_.size() >= options_.queue_spans) {
      queue_.pop_front();
      dropped_.add();
    }
    queue_.push_back(std::move(span));
    if (queue_.size() == 1 || queue_.size() == options_.batch_spans) work_.notify_one();
  } catch (const std::exception&) {  // no memory: the span is lost, the request is not
    dropped_.add();
  }
}

std::vector<Span> OtlpExporter::take_batch() {
  std::unique_lock lock(mutex_);
  work_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
  work_.wait_for(lock, options_.linger, [&] { return stopping_ || queue_.size() >= options_.batch_spans; });
  const std::size_t count = std::min(queue_.size(), options_.batch_spans);
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<Span> batch(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
  queue_.erase(queue_.begin(), end);
  return batch;
}

void OtlpExporter::run() {
  while (!give_up_.stop_requested()) {
    const std::vector<Span> batch = take_batch();
    if (batch.empty()) break;  // stopping, and nothing is left
    send(batch);
  }
  const std::lock_guard lock(mutex_);
  dropped_.add(queue_.size());
  queue_.clear();
  has_ended_ = true;
  ended_.notify_all();
}

void OtlpExporter::send(const std::vector<Span>& batch) {
  try {
    sender_(otlp_json(options_.resource, batch), give_up_.get_token());
    exported_.add(batch.size());
    if (failing_) log_info("traces are exported again");
    failing_ = false;
  } catch (const std::exception& e) {
    failed_.add(batch.size());
    if (!failing_) log_warn("traces are not exported", {{"reason", e.what()}});
    failing_ = true;
  }
}

void OtlpExporter::stop() {
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    work_.notify_all();
    if (!ended_.wait_for(lock, options_.most_stop, [&] { return has_ended_; })) give_up_.request_stop();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace nexus::observe
