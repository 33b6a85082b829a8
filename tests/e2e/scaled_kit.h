#pragma once

#include "e2e/traffic.h"
#include "support/pg_link.h"
#include "support/test_servers.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

/// Several servers and workers on one PostgreSQL and one Redis, all of them the test's own to kill.
namespace nexus::e2e {

using TimePoint = std::chrono::steady_clock::time_point;

/// The installation: PostgreSQL with an empty database of a role without privileges, Redis, and one data folder that
/// all processes share as they would share a volume. One thread, except for `rotation`.
class Fleet {
 public:
  /// No process runs yet, and the schema is there. Throws std::runtime_error when it cannot be brought up.
  explicit Fleet(const Environment& changes);

  [[nodiscard]] testing::TestServer& postgres() { return postgres_; }
  [[nodiscard]] testing::TestServer& redis() { return redis_; }
  /// A superuser's look at the rows, on a new connection.
  [[nodiscard]] testing::PgLink rows() const;

  /// Starts one more `serve`, or the one of this number again; it is in rotation once it is ready.
  void start_replica(std::size_t number);
  /// Takes it out of rotation and ends it: at once, or in order, which returns its exit code.
  void kill_replica(std::size_t number);
  int stop_replica(std::size_t number);
  void start_worker(std::size_t number);
  void kill_worker(std::size_t number);
  int stop_worker(std::size_t number);

  /// Ports that a balancer would send requests to. Thread-safe.
  [[nodiscard]] std::vector<std::uint16_t> rotation() const;
  [[nodiscard]] std::uint16_t port(std::size_t replica) const;
  /// An admin of tenant t1 who speaks to one replica.
  [[nodiscard]] TestClient client(std::size_t replica = 0) const;
  [[nodiscard]] const std::string& key() const { return key_; }
  /// What all processes have logged.
  [[nodiscard]] std::string logs() const;

  /// What no fault may leave behind once all work has settled; one sentence each, empty is good.
  [[nodiscard]] std::vector<std::string> damage() const;

 private:
  struct Replica {
    std::unique_ptr<Process> process;
    std::uint16_t port = 0;
    bool in_rotation = false;
  };
  void leave_rotation(std::size_t number);

  testing::TestServer postgres_;
  testing::TestServer redis_;
  std::string superuser_url_;
  Installation installation_;
  std::string key_;
  mutable std::mutex mutex_;  ///< guards ports and rotation
  std::vector<Replica> replicas_;
  std::vector<std::unique_ptr<Process>> workers_;
};

/// Skips where servers cannot be had.
class ScaledTest : public ::testing::Test {
 protected:
  /// What the constructor of Fleet is given.
  virtual Environment changes() const { return {}; }
  void SetUp() override;

  Fleet& fleet() { return *fleet_; }
  /// Two replicas and one worker, a corpus c1.
  void start_all();

 private:
  std::unique_ptr<Fleet> fleet_;
};

/// Requests at a steady rate from as many threads as it takes, each over a connection of its own and, like those of a
/// balancer, sent to another replica when the first cannot be connected to. Stops with the object.
class SteadyLoad {
 public:
  struct Sample {
    TimePoint sent;
    TimePoint ended;
    int status = 0;  ///< 0: the connection broke, or nobody could be connected to
    std::string what;
  };
  /// One request; whatever it throws counts as a broken connection.
  using Step = std::function<Response(TestClient& client, int number)>;

  SteadyLoad(const Fleet& fleet, int per_second, Step step);
  ~SteadyLoad();
  SteadyLoad(const SteadyLoad&) = delete;
  SteadyLoad& operator=(const SteadyLoad&) = delete;

  /// Ends the load and returns all it has seen, by the time they ended.
  [[nodiscard]] std::vector<Sample> stop();
  [[nodiscard]] int succeeded() const;
  /// Waits until so many more requests have succeeded.
  [[nodiscard]] bool more_succeed(int count, std::chrono::milliseconds limit = std::chrono::seconds(30)) const;

 private:
  void run(int thread);
  [[nodiscard]] Sample one(int number) const;

  const Fleet& fleet_;
  Step step_;
  std::chrono::microseconds pause_;
  TimePoint begin_;
  mutable std::mutex mutex_;
  bool stopping_ = false;
  int next_ = 0;
  int succeeded_ = 0;
  std::vector<Sample> samples_;
  std::vector<std::jthread> threads_;
};

/// Samples that were answered with an error, or not at all, within a time; each as a sentence.
[[nodiscard]] std::vector<std::string> failures(const std::vector<SteadyLoad::Sample>& samples, TimePoint from,
                                                TimePoint to);

}  // namespace nexus::e2e
