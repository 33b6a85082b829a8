#include "e2e/scaled_kit.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <stdexcept>
#include <utility>

namespace nexus::e2e {
namespace {

constexpr std::chrono::seconds kEndLimit{60};
constexpr int kLoadThreads = 24;
/// What lies between a balancer's decision and its last connection to a server that ends: a property of balancers.
constexpr std::chrono::milliseconds kDrain{300};

/// A database of a plain role, with the extension that only a superuser makes; returns the role's URL.
std::string prepare_database(const std::string& server) {
  testing::PgLink admin(server);
  admin.run("CREATE ROLE app LOGIN PASSWORD 'app'");
  admin.run("CREATE DATABASE nexusrag OWNER app");
  testing::PgLink(testing::with_database(server, "nexusrag")).run("CREATE EXTENSION vector");
  return testing::with_user(testing::with_database(server, "nexusrag"), "app", "app");
}

Environment with_servers(const std::string& database, const std::string& redis, const Environment& changes) {
  Environment out{{"DATABASE_URL", database}, {"REDIS_URL", redis}, {"WORKERS_IN_PROCESS", "false"}};
  for (const char* secret : {"API_KEY_PEPPER", "AUDIT_SIGNING_KEY", "KEYRING_MASTER_KEY", "CRYPTO_LOCAL_MASTER_KEY",
                             "UI_CURSOR_SECRET", "BACKUP_ENCRYPTION_KEY", "BACKUP_SIGNING_KEY"})
    out.emplace_back(secret, std::string(64, '7'));
  out.emplace_back("LOG_LEVEL", "INFO");  // a worker says there that it has started
  out.insert(out.end(), changes.begin(), changes.end());
  return out;
}

std::size_t count_of(std::string_view text, std::string_view what) {
  std::size_t count = 0;
  for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size())) ++count;
  return count;
}

int end_in_order(Process& process) {
  process.signal(SIGTERM);
  const std::optional<Ending> ending = process.wait(kEndLimit);
  return ending ? ending->code.value_or(-1) : -1;
}

struct Rule {
  std::string_view sentence;
  std::string_view count;  ///< of what breaks it
};

constexpr Rule kRules[] = {
    {"two chunks stand in one place of a document",
     "SELECT count(*) FROM (SELECT 1 FROM chunks WHERE document_id IS NOT NULL"
     " GROUP BY tenant_id, document_id, chunk_index HAVING count(*) > 1) twice"},
    {"chunks belong to no document",
     "SELECT count(*) FROM chunks c WHERE c.document_id IS NOT NULL AND NOT EXISTS"
     " (SELECT 1 FROM documents d WHERE d.tenant_id = c.tenant_id AND d.id = c.document_id)"},
    {"a document is still in work", "SELECT count(*) FROM documents WHERE status IN ('queued', 'processing')"},
    {"a job is still open", "SELECT count(*) FROM jobs WHERE state IN ('queued', 'leased')"},
    {"a document has more than one job that ended well",
     "SELECT count(*) FROM (SELECT 1 FROM jobs WHERE state = 'done' AND kind = 'ingest'"
     " GROUP BY tenant_id, payload_json::jsonb ->> 'document_id' HAVING count(*) > 1) twice"},
};

}  // namespace

Fleet::Fleet(const Environment& changes)
    : postgres_("postgres"),
      redis_("redis"),
      superuser_url_(testing::with_database(postgres_.url(), "nexusrag")),
      installation_(with_servers(prepare_database(postgres_.url()), redis_.url(), changes)) {
  const Finished migrated = installation_.command({"migrate"});
  if (migrated.code != 0) throw std::runtime_error(migrated.output);
  key_ = installation_.make_key("admin");
}

testing::PgLink Fleet::rows() const {
  return testing::PgLink(superuser_url_);
}

void Fleet::start_replica(std::size_t number) {
  Serving serving = start_serving(installation_, fmt::format("serve-{}.log", number));
  const std::lock_guard lock(mutex_);
  if (replicas_.size() <= number) replicas_.resize(number + 1);
  replicas_[number] = {.process = std::move(serving.process), .port = serving.port, .in_rotation = true};
}

void Fleet::leave_rotation(std::size_t number) {
  const std::lock_guard lock(mutex_);
  replicas_.at(number).in_rotation = false;
}

void Fleet::kill_replica(std::size_t number) {
  replicas_.at(number).process->kill_group();  // no balancer knows before it has happened
  leave_rotation(number);
}

int Fleet::stop_replica(std::size_t number) {
  leave_rotation(number);
  std::this_thread::sleep_for(kDrain);
  return end_in_order(*replicas_.at(number).process);
}

void Fleet::start_worker(std::size_t number) {
  if (workers_.size() <= number) workers_.resize(number + 1);
  const std::string log = fmt::format("worker-{}.log", number);
  const auto starts = [&] { return count_of(installation_.output_of(log), "worker started"); };
  const std::size_t before = starts();
  workers_[number] = installation_.launch({"worker"}, log);
  if (!eventually([&] { return starts() > before; })) throw std::runtime_error("a worker did not start");
}

void Fleet::kill_worker(std::size_t number) {
  workers_.at(number)->kill_group();
}

int Fleet::stop_worker(std::size_t number) {
  return end_in_order(*workers_.at(number));
}

std::vector<std::uint16_t> Fleet::rotation() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::uint16_t> out;
  for (const Replica& replica : replicas_)
    if (replica.in_rotation) out.push_back(replica.port);
  return out;
}

std::uint16_t Fleet::port(std::size_t replica) const {
  const std::lock_guard lock(mutex_);
  return replicas_.at(replica).port;
}

TestClient Fleet::client(std::size_t replica) const {
  TestClient made(port(replica), std::chrono::seconds(60));
  made.bearer(key_);
  return made;
}

std::string Fleet::logs() const {
  std::string out;
  for (std::size_t i = 0; i < replicas_.size(); ++i) out += installation_.output_of(fmt::format("serve-{}.log", i));
  for (std::size_t i = 0; i < workers_.size(); ++i) out += installation_.output_of(fmt::format("worker-{}.log", i));
  constexpr std::size_t kEnough = 20'000;
  return out.size() > kEnough ? out.substr(out.size() - kEnough) : out;
}

std::vector<std::string> Fleet::damage() const {
  testing::PgLink link = rows();
  std::vector<std::string> out;
  for (const Rule& rule : kRules)
    if (const auto count = link.number(std::string(rule.count)); count != 0)
      out.push_back(fmt::format("{} ({})", rule.sentence, count));
  return out;
}

void ScaledTest::SetUp() {
  if (!testing::can_have_servers()) GTEST_SKIP() << "needs PostgreSQL and Redis, which ./dev test brings";
  fleet_ = std::make_unique<Fleet>(changes());
}

void ScaledTest::start_all() {
  fleet().start_replica(0);
  fleet().start_replica(1);
  fleet().start_worker(0);
  TestClient client = fleet().client();
  make_corpus(client, "c1");
}

SteadyLoad::SteadyLoad(const Fleet& fleet, int per_second, Step step)
    : fleet_(fleet),
      step_(std::move(step)),
      pause_(std::chrono::microseconds(std::chrono::seconds(1)) / per_second),
      begin_(std::chrono::steady_clock::now()) {
  for (int i = 0; i < kLoadThreads; ++i) threads_.emplace_back([this, i] { run(i); });
}

SteadyLoad::~SteadyLoad() {
  (void)stop();
}

/// Requests have their moments, whoever sends them: a slow answer does not make the load lighter until every thread
/// waits for one.
void SteadyLoad::run(int) {
  for (;;) {
    int number = 0;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      const auto now = std::chrono::steady_clock::now();
      if (begin_ + pause_ * next_ + std::chrono::seconds(1) < now)
        begin_ = now - pause_ * next_;  // nothing is made up for
      number = next_++;
    }
    std::this_thread::sleep_until(begin_ + pause_ * number);
    Sample sample = one(number);
    const std::lock_guard lock(mutex_);
    if (sample.status / 100 == 2) ++succeeded_;
    samples_.push_back(std::move(sample));
  }
}

SteadyLoad::Sample SteadyLoad::one(int number) const {
  Sample out{.sent = std::chrono::steady_clock::now(), .ended = {}, .status = 0, .what = {}};
  std::vector<std::uint16_t> ports = fleet_.rotation();
  if (!ports.empty())
    std::rotate(ports.begin(), ports.begin() + number % static_cast<std::ptrdiff_t>(ports.size()), ports.end());
  for (const std::uint16_t port : ports) {
    try {
      testing::RawConnection probe(port, std::chrono::seconds(1));  // refused: nothing was sent, another may take it
    } catch (const std::system_error& e) {
      out.what = e.what();
      continue;
    }
    try {
      TestClient client(port, std::chrono::seconds(30));
      client.bearer(fleet_.key());
      const Response answer = step_(client, number);
      out.status = answer.status;
      if (answer.status / 100 != 2) out.what = answer.body;
    } catch (const std::runtime_error& e) {
      out.what = e.what();
    }
    break;
  }
  out.ended = std::chrono::steady_clock::now();
  return out;
}

std::vector<SteadyLoad::Sample> SteadyLoad::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  threads_.clear();
  std::sort(samples_.begin(), samples_.end(), [](const Sample& a, const Sample& b) { return a.ended < b.ended; });
  return samples_;
}

int SteadyLoad::succeeded() const {
  const std::lock_guard lock(mutex_);
  return succeeded_;
}

bool SteadyLoad::more_succeed(int count, std::chrono::milliseconds limit) const {
  const int enough = succeeded() + count;
  return eventually([&] { return succeeded() >= enough; }, limit);
}

std::vector<std::string> failures(const std::vector<SteadyLoad::Sample>& samples, TimePoint from, TimePoint to) {
  std::vector<std::string> out;
  for (const SteadyLoad::Sample& sample : samples) {
    if (sample.sent < from || sample.sent > to || sample.status / 100 == 2) continue;
    const auto after = std::chrono::duration_cast<std::chrono::milliseconds>(sample.sent - from);
    out.push_back(fmt::format("{} ms in: {} {}", after.count(), sample.status, sample.what));
  }
  return out;
}

}  // namespace nexus::e2e
