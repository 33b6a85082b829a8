#include "http/connection_io.h"

#include "exec/thread_name.h"
#include "http/connection.h"
#include "observe/log.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>

namespace nexus::http {
namespace {

// Deadlines are kept as plain numbers and looked at this often: no timer is touched per request.
constexpr std::chrono::milliseconds kTick{50};

std::string http_date(std::int64_t seconds) {
  using namespace std::chrono;
  static constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const sys_seconds time{std::chrono::seconds(seconds)};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[weekday(day).c_encoding()],
                     static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count());
}

}  // namespace

IoThread::IoThread(ServerContext& server) : shared(server), work_(context.get_executor()), ticker_(context) {}

IoThread::~IoThread() {
  stop();
}

void IoThread::start() {
  thread_ = std::thread([this] {
    exec::name_thread("io");
    context.run();
  });
}

void IoThread::stop() {
  context.stop();
  if (thread_.joinable()) thread_.join();
}

void IoThread::adopt(Socket socket) {
  auto connection = std::make_shared<Connection>(*this, std::move(socket));
  boost::asio::co_spawn(context, Connection::serve(std::move(connection)), [](const std::exception_ptr& error) {
    if (!error) return;
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& e) {
      observe::log_error("connection ended by an exception", {{"what", e.what()}});
    }
  });
}

void IoThread::add(Connection& connection) {
  connection.registry_index = connections_.size();
  connections_.push_back(&connection);
  if (!ticking_) tick();
}

void IoThread::remove(Connection& connection) noexcept {
  Connection* last = connections_.back();
  connections_[connection.registry_index] = last;
  last->registry_index = connection.registry_index;
  connections_.pop_back();
  shared.metrics.connections.add(-1);
  if (shared.open.fetch_sub(1) == 1) {
    const std::lock_guard lock(shared.mutex);
    shared.none_open.notify_all();
  }
}

void IoThread::tick() {
  ticking_ = !connections_.empty();
  if (!ticking_) return;
  const auto now = std::chrono::steady_clock::now();
  for (Connection* connection : connections_) connection->check_deadline(now);
  ticker_.expires_after(kTick);
  ticker_.async_wait([this](boost::system::error_code error) {
    if (!error) tick();
  });
}

void IoThread::close_idle() {
  boost::asio::post(context, [this] {
    for (Connection* connection : connections_) connection->close_if_idle();
  });
}

void IoThread::close_all() {
  boost::asio::post(context, [this] {
    for (Connection* connection : connections_) connection->abort();
  });
}

std::string_view IoThread::date() {
  const std::int64_t second = shared.clock.now().us / Timestamp::kSecond;
  if (second != date_second_) {
    date_second_ = second;
    date_ = http_date(second);
  }
  return date_;
}

}  // namespace nexus::http
