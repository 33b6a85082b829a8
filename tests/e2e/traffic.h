#pragma once

#include "e2e/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace nexus::e2e {

/// Random numbers from one printed seed; NEXUSRAG_E2E_SEED repeats a run. Thread-safe.
class Dice {
 public:
  Dice();
  /// Uniform in [least, most].
  [[nodiscard]] int roll(int least, int most);
  /// Lets a random time of at most `most` pass: the moment of a fault, not a way to wait for something.
  void pass_time(std::chrono::microseconds most);

 private:
  std::mutex mutex_;
  std::mt19937 engine_;
};

/// A document whose every chunk holds a word that stands in no other document.
struct Planned {
  std::string id;
  std::string marker;
  std::string text;
};
/// `marker` must be unlike every other one; `sentences` of about 70 bytes.
[[nodiscard]] Planned plan_document(std::string id, int sentences);

/// Each way a document can be sent; every one throws when the connection breaks.
[[nodiscard]] Response send_text(TestClient& client, std::string_view corpus, const Planned& document);
[[nodiscard]] Response send_file(TestClient& client, std::string_view corpus, const Planned& document,
                                 std::string_view filename, std::string_view content_type, std::string_view bytes);
[[nodiscard]] std::string as_html(const Planned& document);

/// Creates a corpus; `chunking` is paragraph or structured.
void make_corpus(TestClient& client, std::string_view id, std::string_view chunking = "paragraph");

/// Threads that repeat a step until they are stopped or the server goes away under them.
class Crowd {
 public:
  using Step = std::function<void(TestClient& client, int number)>;
  Crowd(const Server& server, int members, const Step& step);
  ~Crowd();
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;
  void join();  ///< for a server that has been killed
  void stop();  ///< after the step each is in

 private:
  std::atomic<bool> stopping_{false};
  std::vector<std::jthread> members_;
};

/// What clients know of their uploads. Thread-safe.
class Ledger {
 public:
  /// What this client does next: the document it never got an answer for, else a new one.
  [[nodiscard]] Planned next(int client, int sentences);
  void acknowledged(int client);

  [[nodiscard]] int count() const;
  [[nodiscard]] std::vector<Planned> stored() const;   ///< acknowledged
  [[nodiscard]] std::vector<Planned> unknown() const;  ///< sent and not acknowledged

 private:
  struct Pending {
    int client;
    Planned document;
  };
  mutable std::mutex mutex_;
  std::vector<Pending> pending_;
  std::vector<Planned> stored_;
  int made_ = 0;
};

/// The status of a document; empty when there is none.
[[nodiscard]] std::optional<std::string> status_of(TestClient& client, std::string_view id);
/// Waits until no document of the tenant is queued or processing.
[[nodiscard]] bool all_settled(TestClient& client, std::chrono::milliseconds limit = std::chrono::seconds(90));

/// The chunk ids of a document, in order, and those a search for its marker finds (at most 100).
[[nodiscard]] std::vector<std::string> chunk_ids(TestClient& client, std::string_view id);
[[nodiscard]] std::vector<std::string> found_ids(TestClient& client, std::string_view corpus, const Planned& document);

/// Succeeded, chunks numbered from 0 without gaps, and a search finds them, each once, and nothing else.
[[nodiscard]] ::testing::AssertionResult is_whole(TestClient& client, std::string_view corpus, const Planned& document);
/// While a document that has never been ingested is in work, no search finds any part of it.
[[nodiscard]] ::testing::AssertionResult is_not_half_there(TestClient& client, std::string_view corpus,
                                                           const Planned& document);

/// The audit chain of t1, asked of the running server.
[[nodiscard]] ::testing::AssertionResult audit_holds(TestClient& client);

}  // namespace nexus::e2e
