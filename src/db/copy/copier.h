#pragma once

#include "db/copy/plan.h"
#include "db/copy/row.h"
#include "db/database.h"
#include "db/statement.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::db::copy {

/// Nothing was copied, or no more: `what()` says why and what to do, on one line for each reason.
class CopyRefused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The statements that a copy makes. Must outlive both databases (Statement::made_at_run_time).
class Texts {
 public:
  const Statement& add(std::string name, std::string sql);

 private:
  struct Text {
    Text(std::string name, std::string sql);
    const std::string name_;
    const std::string sql_;
    const Statement statement;
  };
  std::list<Text> texts_;
};

struct CopyOptions {
  std::size_t page_rows = 500;                     ///< most rows in one transaction
  std::size_t page_bytes = std::size_t{8} << 20U;  ///< pages get smaller when theirs are larger
  /// Makes what the target derives from its rows, when all of them are there and before they are compared. A run that
  /// was cut off does it again.
  std::function<void()> after_rows = {};
};

struct Progress {
  std::string_view table;
  std::string_view stage;  ///< "copying", "checking"
  std::uint64_t done = 0;  ///< rows of all tables and stages
  std::uint64_t total = 0;
};

struct TableReport {
  std::string table;
  std::uint64_t source_rows = 0;
  std::uint64_t target_rows = 0;
  Checksum source_sum;
  Checksum target_sum;

  [[nodiscard]] bool equal() const { return source_rows == target_rows && source_sum == target_sum; }
};

struct CopyReport {
  std::vector<TableReport> tables;
  bool resumed = false;           ///< an earlier run had begun
  std::uint64_t copied_rows = 0;  ///< by this run
  [[nodiscard]] bool equal() const;
};

/// Copies the rows of one migrated database to another, between any engines, and compares both afterwards.
///
/// A page of rows and the note how far the copy has come (table nexusrag_copy of the target) are one transaction: a run
/// that was cut off at any moment goes on with run(). The note goes away with a successful comparison. The source is
/// only read, page by page and not as one snapshot: nobody may write to it meanwhile, and the comparison shows it when
/// somebody did. One thread.
class Copier {
 public:
  using Report = std::function<void(const Progress&)>;

  /// Everything outlives the copier; `texts` also outlives the databases. `rules` see plan.h.
  Copier(Database& source, Database& target, Rules rules, Texts& texts, const CopyOptions& options = {});

  /// Throws CopyRefused (nothing in common, rows that the target cannot hold, a target that is not empty, a copy from
  /// another database under way) and db::Error.
  CopyReport run(const Report& report = nullptr);
  /// Compares without copying. Throws as run(), except for the target's rows.
  CopyReport compare(const Report& report = nullptr);

 private:
  struct Sql {
    const Statement* count;
    const Statement* first;
    const Statement* next;
  };
  struct Job {
    const TablePlan* table;
    Sql source;
    Sql target;
    const Statement* insert_one;
    const Statement* insert_many;
    std::size_t many;        ///< rows of insert_many
    std::uint64_t rows = 0;  ///< of the source
  };
  struct Note {
    std::string last_key;
    std::uint64_t rows = 0;
    bool done = false;
  };

  void prepare();
  Sql sql_of(const TablePlan& table, const std::vector<std::size_t>& key, std::string_view side);
  void refuse_losses();
  void refuse_rows(const std::vector<std::string>& tables, std::string_view why);
  std::string source_identity();
  bool begin();
  [[nodiscard]] std::map<std::string, Note> notes();
  void copy_table(const Job& job, Note note, CopyReport& out, const Report& report);
  void store(const Job& job, const std::vector<Row>& page, std::uint64_t rows, bool done);
  void compare_tables(CopyReport& out, const Report& report);
  void sum(const Job& job, bool source, TableReport& out, const Report& report);
  std::vector<Row> read(Database& database, const Job& job, bool source, const Row& after, std::size_t rows);
  void tell(const Report& report, const Job& job, std::string_view stage, std::uint64_t rows);

  Database& source_;
  Database& target_;
  Rules rules_;
  Texts& texts_;
  CopyOptions options_;
  Plan plan_;
  std::vector<Job> jobs_;
  Progress progress_;
};

}  // namespace nexus::db::copy
