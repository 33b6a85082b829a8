#include "http/server_fixture.h"

#include "base/errors.h"

#include <unistd.h>

namespace nexus::http {
namespace {

Endpoint make_row(Verb verb, std::string_view path, std::string_view operation, LaneKind lane, BodyKind body,
                  std::optional<Role> role) {
  Endpoint row;
  row.spec.verb = verb;
  row.spec.path = path;
  row.spec.operation = operation;
  row.spec.lane = lane;
  row.spec.body = body;
  row.spec.role = role;
  row.run = PlainHandler([](Call&, const AfterDecode&) { return Reply(); });
  return row;
}

std::vector<Endpoint> make_rows() {
  return {make_row(Verb::kGet, "/ping", "ping", LaneKind::kInline, BodyKind::kNone, std::nullopt),
          make_row(Verb::kHead, "/ping", "ping", LaneKind::kInline, BodyKind::kNone, std::nullopt),
          make_row(Verb::kGet, "/work", "work", LaneKind::kDb, BodyKind::kNone, std::nullopt),
          make_row(Verb::kGet, "/items/{item_id}", "item", LaneKind::kDb, BodyKind::kNone, std::nullopt),
          make_row(Verb::kGet, "/file", "file", LaneKind::kBulk, BodyKind::kNone, std::nullopt),
          make_row(Verb::kPost, "/echo", "echo", LaneKind::kDb, BodyKind::kJson, Role::kReader),
          make_row(Verb::kPost, "/open", "echo", LaneKind::kOutbound, BodyKind::kJson, std::nullopt),
          make_row(Verb::kPost, "/upload", "upload", LaneKind::kDb, BodyKind::kMultipart, Role::kReader),
          make_row(Verb::kPost, "/stream", "stream", LaneKind::kOutbound, BodyKind::kJson, std::nullopt)};
}

}  // namespace

void FakeDispatcher::admit(Exchange& exchange) noexcept {
  if (on_admit) on_admit(exchange);
  if (!exchange.answered && exchange.endpoint->spec.role && exchange.request.header("authorization") == nullptr)
    refuse(exchange, ApiError(errors::kAuthUnauthorized));
}

void FakeDispatcher::execute(Exchange& exchange) noexcept {
  exchange.reply.headers.emplace_back("X-Request-Id", exchange.request_id);
  handlers.at(std::string(exchange.endpoint->spec.operation))(exchange);
  exchange.answered = true;
}

void FakeDispatcher::refuse(Exchange& exchange, const ApiError& error) noexcept {
  exchange.reply = Reply();
  exchange.reply.status = error.kind().status;
  exchange.reply.body = std::string(error.kind().code) + ": " + error.message();
  exchange.reply.headers = error.headers();
  exchange.reply.headers.emplace_back("X-Request-Id", exchange.request_id);
  exchange.answered = true;
}

void FakeDispatcher::finished(Exchange& exchange) noexcept {
  const std::lock_guard lock(mutex_);
  finished_.push_back({exchange.request.path, exchange.request_id,
                       exchange.stream ? exchange.stream->status() : exchange.reply.status, exchange.answered,
                       exchange.client_gone, exchange.bytes_out, exchange.first_byte_us, exchange.total_us});
  changed_.notify_all();
}

std::vector<Finished> FakeDispatcher::wait_finished(std::size_t count) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, std::chrono::seconds(20), [&] { return finished_.size() >= count; }))
    throw std::runtime_error("the exchanges did not finish");
  return finished_;
}

void Gate::open() {
  const std::lock_guard lock(mutex_);
  open_ = true;
  changed_.notify_all();
}

void Gate::wait() {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, std::chrono::seconds(20), [this] { return open_; })) ADD_FAILURE() << "gate not opened";
}

ServerTest::ServerTest() {
  std::string pattern = (std::filesystem::temp_directory_path() / "nexus-http-XXXXXX").string();
  directory = ::mkdtemp(pattern.data());
  options.spool_dir = directory / "spool";
  std::filesystem::create_directory(options.spool_dir);
  const auto say = [](std::string text) {
    return [text = std::move(text)](Exchange& exchange) {
      exchange.reply.content_type = "text/plain";
      exchange.reply.body = text;
    };
  };
  dispatcher.handlers["ping"] = say("pong");
  dispatcher.handlers["work"] = say("done");
  dispatcher.handlers["item"] = [](Exchange& exchange) { exchange.reply.body = exchange.path_params.at(0).second; };
  dispatcher.handlers["echo"] = [](Exchange& exchange) { exchange.reply.body = exchange.request.body; };
}

ServerTest::~ServerTest() {
  server.reset();
  lane.reset();
  std::filesystem::remove_all(directory);
}

void ServerTest::start() {
  lane = std::make_unique<exec::Lane>("test", lane_threads, lane_capacity, metrics);
  router = std::make_unique<Router>(make_rows());
  server =
      std::make_unique<Server>(options, *router, dispatcher, Lanes{lane.get(), lane.get(), lane.get()}, clock, metrics);
  server->start();
}

void ServerTest::stream_with(FunctionStream::Run run, Pairs headers) {
  dispatcher.handlers["stream"] = [run = std::move(run), headers = std::move(headers)](Exchange& exchange) {
    exchange.stream = std::make_unique<FunctionStream>(run, headers);
  };
}

std::size_t ServerTest::spooled() const {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(options.spool_dir), std::filesystem::directory_iterator()));
}

}  // namespace nexus::http
