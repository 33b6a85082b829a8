#include "modules/idempotency/idempotency_fixture.h"
#include "support/sql_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

namespace nexus::idempotency {
namespace {

const std::string kToken = "nrgk_0a1b2c3d_thisMustNotBeFound";

void issue_tokens(GateFixture& f) {
  f.row.spec.secret_answer = true;
  f.api.handler = [](http::Call&, const NewThing& in) {
    return http::Reply::json(R"({"key_id":17,"name":")" + in.name + R"(","api_key":")" + kToken +
                             R"(","revoked_at":null})");
  };
}

struct Folder {
  Folder() : path(std::filesystem::temp_directory_path() / ("nexus-idempotency-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

/// Every byte of every file of the folder: the database and its log.
std::string bytes_in(const std::filesystem::path& folder) {
  std::string all;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream in(entry.path(), std::ios::binary);
    all.append(std::istreambuf_iterator<char>(in), {});
  }
  return all;
}

std::string stored_json(db::Database& database) {
  static constexpr db::Statement kBody{"test.idempotency_body", "SELECT response_body_json FROM idempotency_records"};
  return database.read([](db::Snapshot& s) {
    auto row = s.query(kBody);
    return row.next() ? row.str(0) : std::string("no row");
  });
}

TEST(SecretAnswers, AreRepeatedButNotInTheDatabaseFile) {
  const Folder folder;
  testing::FakeClock clock;
  observe::Metrics metrics;
  const auto database = testing::file_database((folder.path / "db").string(), clock, metrics);
  GateFixture f({}, database.get());
  issue_tokens(f);
  const Answer first = f.send("req-1");
  const Answer second = f.send("req-2");
  EXPECT_EQ(f.api.runs, 1);
  EXPECT_TRUE(second.replayed());
  EXPECT_EQ(second.reply.body, first.reply.body);
  EXPECT_THAT(second.reply.body, ::testing::HasSubstr(kToken));
  if (!testing::on_postgres()) {
    const std::string bytes = bytes_in(folder.path);
    EXPECT_THAT(bytes, ::testing::HasSubstr("/v1/things")) << "the search looks at the right bytes";
    EXPECT_THAT(bytes, ::testing::Not(::testing::HasSubstr(kToken)));
  }
  EXPECT_EQ(
      testing::as_stored(stored_json(*database)),
      testing::as_stored(
          R"({"data":{"key_id":"[REDACTED]","name":"[REDACTED]","api_key":"[REDACTED]","revoked_at":null},"meta":{"request_id":"req-1"}})"));
}

TEST(SecretAnswers, OpenForTheSameCredentialOnly) {
  GateFixture f;
  issue_tokens(f);
  f.send();
  EXPECT_FALSE(f.send(f.request, {.credential = "key-2"}).replayed());
  f.database->run_script("DELETE FROM idempotency_records WHERE actor_id = 'key-2'");
  // Somebody with access to the table moves the row to another credential: it does not open there.
  f.database->run_script("UPDATE idempotency_records SET actor_id = 'key-2'");
  const Answer stolen = f.send(f.request, {.credential = "key-2"});
  EXPECT_EQ(stolen.status, 409);
  EXPECT_THAT(stolen.reply.body, ::testing::HasSubstr("answer_unreadable"));
}

TEST(SecretAnswers, OpenUnderAFormerSecretAndAnswer409WhenItIsLost) {
  GateFixture f;
  issue_tokens(f);
  const Answer first = f.send("req-1");

  const auto ask = [&](const IdempotencyOptions& options) {
    IdempotencyGate gate(*f.database, f.clock, options, f.metrics);
    http::Call call(f.request, f.row);
    call.authenticated({.subject_id = "u", .tenant_id = "t1", .role = Role::kEditor, .credential_id = "key-1"},
                       testing::TenantScopeFactory::make("t1"));
    const NewThing in{"a", 1};
    const schema::detail::FieldTable& table = schema::fields_of<NewThing>();
    Reservation reservation;
    return gate.begin(call, {&table, &in}, reservation);
  };
  IdempotencyOptions rotated{.secret = Secret("another platform secret")};
  rotated.former_secrets.emplace_back("a platform secret of some length");
  EXPECT_EQ(ask(rotated).value().body, first.reply.body);
  for (const IdempotencyOptions& lost :
       {IdempotencyOptions{.secret = Secret("another platform secret")}, IdempotencyOptions{}}) {
    try {
      (void)ask(lost);
      FAIL() << "the answer cannot be read";
    } catch (const ApiError& error) {
      EXPECT_EQ(error.kind(), errors::kIdempotencyKeyConflict);
      EXPECT_EQ(error.details().at("reason"), "answer_unreadable");
      EXPECT_EQ(error.details().at("status"), 200);
      EXPECT_EQ(error.details().at("request_id"), "req-1");
    }
  }
}

TEST(SecretAnswers, AreNotKeptAtAllWithoutAPlatformSecret) {
  const AnswerStore store(1000, Secret(), {});
  const StoredAnswer kept = store.pack(http::Reply::json("\"" + kToken + "\""), true, "context");
  EXPECT_EQ(kept.form, Form::kDropped);
  EXPECT_FALSE(kept.body_json);
  EXPECT_TRUE(kept.blob.empty());
  EXPECT_FALSE(store.unpack(kept, "context"));
}

TEST(SecretAnswers, AreBoundToTheirContext) {
  const AnswerStore store(1000, Secret("secret"), {});
  StoredAnswer kept = store.pack(http::Reply::json("1"), true, "one");
  EXPECT_TRUE(store.unpack(kept, "one"));
  EXPECT_FALSE(store.unpack(kept, "two"));
  kept.blob.back() ^= std::byte{1};
  EXPECT_FALSE(store.unpack(kept, "one"));
}

TEST(WithoutValues, KeepsTheShapeAndTheMeta) {
  EXPECT_EQ(
      without_values(R"({"data":[{"a":"s","b":[1,2.5],"c":{"d":null,"e":true}}],"meta":{"request_id":"r"}})"),
      R"({"data":[{"a":"[REDACTED]","b":["[REDACTED]","[REDACTED]"],"c":{"d":null,"e":true}}],"meta":{"request_id":"r"}})");
  EXPECT_EQ(without_values(R"("s")"), R"("[REDACTED]")");
  EXPECT_EQ(without_values("s"), std::nullopt);
}

}  // namespace
}  // namespace nexus::idempotency
