// A load generator for one server on this machine: see bench/load/generator.h for what is measured and how.
//   load --kind KIND --to HOST:PORT [--bodies FILE] [--concurrency N] [--rate R] [--warmup S] [--duration S] [--count
//   N]
//        [--first-session N] [--name NAME]
// KIND is one of kKinds below. FILE holds one JSON body a line; a run of twelve '#' in it becomes the number of a
// conversation. The API key is read from NEXUSRAG_BENCH_KEY. Prints one line of JSON; exit status 0 unless the server
// could not be reached, 2 for wrong arguments.
#include "bench/load/generator.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace nexus::bench {
namespace {

struct Kind {
  std::string_view name;
  std::string_view method;
  std::string_view path;
  bool with_key;
};

constexpr std::array<Kind, 5> kKinds{{
    {"health", "GET", "/v1/health", false},
    {"documents", "GET", "/v1/documents", true},
    {"search", "POST", "/v1/search", true},
    {"run", "POST", "/v1/run", true},
    {"text", "POST", "/v1/documents/text", true},
}};

struct Options {
  const Kind* kind = nullptr;
  std::string name;
  std::string host;
  std::string bodies;
  Plan plan;
};

std::chrono::nanoseconds seconds_of(const std::string& text) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(std::stod(text) * 1e9));
}

void set_target(Options& options, const std::string& text) {
  const std::size_t colon = text.rfind(':');
  in_addr address{};
  if (colon == std::string::npos || ::inet_pton(AF_INET, text.substr(0, colon).c_str(), &address) != 1)
    throw std::invalid_argument("--to needs an IPv4 address and a port");
  options.host = text;
  options.plan.address = ntohl(address.s_addr);
  options.plan.port = static_cast<std::uint16_t>(std::stoul(text.substr(colon + 1)));
}

void set_kind(Options& options, std::string_view name) {
  const auto* kind = std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& k) { return k.name == name; });
  if (kind == kKinds.end()) throw std::invalid_argument("--kind is health, documents, search, run or text");
  options.kind = kind;
}

Options parse(int argc, char** argv) {
  Options options;
  Plan& plan = options.plan;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    if (i + 1 == argc) throw std::invalid_argument("an option without its value: " + std::string(name));
    const std::string value = argv[i + 1];
    if (name == "--kind") {
      set_kind(options, value);
    } else if (name == "--to") {
      set_target(options, value);
    } else if (name == "--name") {
      options.name = value;
    } else if (name == "--bodies") {
      options.bodies = value;
    } else if (name == "--concurrency") {
      plan.concurrency = std::stoul(value);
    } else if (name == "--rate") {
      plan.rate = std::stod(value);
    } else if (name == "--warmup") {
      plan.warmup = seconds_of(value);
    } else if (name == "--duration") {
      plan.duration = seconds_of(value);
    } else if (name == "--count") {
      plan.count = std::stoull(value);
    } else if (name == "--first-session") {
      plan.first_session = std::stoull(value);
    } else {
      throw std::invalid_argument("unknown option: " + std::string(name));
    }
  }
  if (options.kind == nullptr || plan.port == 0) throw std::invalid_argument("--kind and --to are needed");
  if (options.kind->method == "POST" && options.bodies.empty()) throw std::invalid_argument("--bodies is needed");
  if (options.name.empty()) options.name = options.kind->name;
  return options;
}

Request request_of(const Options& options, const std::string& body) {
  Request request;
  std::string& out = request.bytes;
  out.append(options.kind->method).append(" ").append(options.kind->path).append(" HTTP/1.1\r\n");
  out.append("Host: ").append(options.host).append("\r\n");
  if (options.kind->with_key) {
    const char* key = std::getenv("NEXUSRAG_BENCH_KEY");
    if (key == nullptr) throw std::invalid_argument("NEXUSRAG_BENCH_KEY is not set");
    out.append("Authorization: Bearer ").append(key).append("\r\n");
  }
  if (options.kind->method == "POST")
    out.append("Content-Type: application/json\r\nContent-Length: ").append(std::to_string(body.size())).append("\r\n");
  out.append("\r\n");
  const std::size_t head = out.size();
  out.append(body);
  const std::size_t session = body.find(std::string(kSessionDigits, '#'));
  if (session != std::string::npos) request.session = head + session;
  return request;
}

void add_requests(Options& options) {
  if (options.bodies.empty()) {
    options.plan.requests.push_back(request_of(options, {}));
    return;
  }
  std::ifstream in(options.bodies);
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) options.plan.requests.push_back(request_of(options, line));
  if (options.plan.requests.empty()) throw std::invalid_argument("no request bodies in " + options.bodies);
}

void print_quantiles(const char* suffix, const Histogram& histogram) {
  const auto us = [](std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1000.0; };
  std::printf(R"(, "p50%s_us": %.1f, "p95%s_us": %.1f, "p99%s_us": %.1f, "max%s_us": %.1f)", suffix,
              us(histogram.quantile(0.5)), suffix, us(histogram.quantile(0.95)), suffix, us(histogram.quantile(0.99)),
              suffix, us(histogram.max()));
}

void print(const Options& options, const Result& result) {
  const double elapsed = std::chrono::duration<double>(result.elapsed).count();
  std::printf(R"({"name": "%s", "mode": "%s", "concurrency": %zu, "rate": %g, "requests": %llu, "errors": %llu, )"
              R"("unfinished": %llu, "sent": %llu, "seconds": %.4f, "rps": %.1f, "load_cpu_s": %.3f)",
              options.name.c_str(), options.plan.rate > 0 ? "open" : "closed", options.plan.concurrency,
              options.plan.rate, static_cast<unsigned long long>(result.good + result.errors),
              static_cast<unsigned long long>(result.errors), static_cast<unsigned long long>(result.unfinished),
              static_cast<unsigned long long>(result.sent), elapsed,
              elapsed > 0 ? static_cast<double>(result.good) / elapsed : 0.0,
              std::chrono::duration<double>(result.cpu).count());
  print_quantiles("", result.latency);
  if (result.first_byte.count() > 0) print_quantiles("_first", result.first_byte);
  std::printf(R"(, "reasons": {)");
  const char* comma = "";
  for (const auto& [reason, count] : result.reasons) {
    std::printf(R"(%s"%s": %llu)", comma, reason.c_str(), static_cast<unsigned long long>(count));
    comma = ", ";
  }
  std::printf("}}\n");
}

int run(int argc, char** argv) {
  Options options;
  try {
    options = parse(argc, argv);
    add_requests(options);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "load: %s\n", e.what());
    return 2;
  }
  try {
    print(options, generate(options.plan));
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "load: %s\n", e.what());
    return 1;
  }
}

}  // namespace
}  // namespace nexus::bench

int main(int argc, char** argv) {
  return nexus::bench::run(argc, argv);
}
