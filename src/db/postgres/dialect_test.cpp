#include "db/postgres/dialect.h"

#include <gtest/gtest.h>

namespace nexus::db::postgres {
namespace {

TEST(TransactionControl, IsFoundWhereStatementsBegin) {
  EXPECT_EQ(transaction_control("COMMIT"), "COMMIT");
  EXPECT_EQ(transaction_control("SELECT 1; -- x\n /* y; /* z */ */ rollback to a"), "ROLLBACK");
  EXPECT_EQ(transaction_control("SELECT 1;start transaction"), "START");
  EXPECT_EQ(transaction_control("PREPARE TRANSACTION 'x'"), "PREPARE TRANSACTION");
}

TEST(TransactionControl, IsNotSeenInTextsCommentsAndBodies) {
  for (const char* harmless :
       {"", "SELECT 'a; COMMIT'", "SELECT 'it''s; COMMIT; '", "SELECT E'\\'; COMMIT; '", "SELECT \"; COMMIT\"",
        "-- ; COMMIT\nSELECT 1;", "/* ; COMMIT /* */ ; COMMIT */ SELECT 1", "DO $$ BEGIN PERFORM 1; COMMIT; END $$;",
        "DO $a_1$ BEGIN x; COMMIT; $$ ; COMMIT $$ END $a_1$; SELECT 1", "SELECT $1; SELECT commit FROM t",
        "INSERT INTO t VALUES (1); UPDATE t SET begin = 1", "PREPARE a AS SELECT 1"}) {
    EXPECT_EQ(transaction_control(harmless), "") << harmless;
  }
}

TEST(PostgresTokens, AskForNamesAsTheTransactionNeedsIt) {
  EXPECT_EQ(expand_for_postgres("{{lock_name $1}}"), "pg_advisory_xact_lock(hashtextextended($1, 0))");
  EXPECT_EQ(expand_for_postgres("{{lock_name $1}}", NameLock::kTry),
            "pg_try_advisory_xact_lock(hashtextextended($1, 0))");
  EXPECT_EQ(expand_for_postgres("{{lock_name $1}}", NameLock::kBefore), "pg_advisory_lock(hashtextextended($1, 0))");
}

}  // namespace
}  // namespace nexus::db::postgres
