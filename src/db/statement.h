#pragma once

#include <span>
#include <string_view>

namespace nexus::db {

/// One SQL text with a name, defined once at namespace scope in the repository that owns it. Its address is its
/// identity: each connection prepares it once. Placeholders are `$1…`; the text stays in the subset that both engines
/// speak, and what differs is written as a token that the engine expands:
///   {{for_update}}               waits for other writers of the row, and keeps them out until the commit
///   {{for_key_share}}            keeps the row from being deleted, not from being changed
///   {{for_update_skip_locked}}   claims a row; one that somebody holds is passed over
///   {{lock_name EXPR}}           waits for other transactions that took this name; held until the commit. A whole
///                                statement: SELECT {{lock_name …}}; its values are texts
///                                                      SQLite: these four do nothing (one writer)
///   {{bytes_order EXPR}}         text compared by its bytes, whatever the database's language; SQLite: EXPR
///   {{json_text COLUMN KEY}}     text of a JSON field  SQLite: json_extract(COLUMN, '$.KEY')
///   {{time_add EXPR US}}         a time, US later      SQLite: (EXPR + US)
///   {{time_diff_us LATER EARLIER}}  microseconds       SQLite: (LATER - EARLIER)
///   {{decimal EXPR}}             sorts as a number     SQLite: EXPR COLLATE decimal (TEXT holds the digits)
///   {{lock_table NAME}}          waits for all other writers of NAME; a whole statement, the first of its transaction
///   {{table_exists NAME}}        a condition
///   {{strict}} {{timestamp}} {{json}} {{blob}}   in CREATE TABLE
/// Arguments hold no spaces. An unknown token fails the preparation.
class Statement {
 public:
  consteval Statement(std::string_view name, std::string_view sql) : name_(name), sql_(sql) {}
  /// For code that works from the catalogue of a database (db/copy) and cannot know its texts before. The object and
  /// both texts have to outlive every database that has run it: connections keep what they prepared.
  [[nodiscard]] static Statement made_at_run_time(std::string_view name, std::string_view sql) noexcept {
    return Statement(RunTime{}, name, sql);
  }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  [[nodiscard]] constexpr std::string_view name() const noexcept { return name_; }
  [[nodiscard]] constexpr std::string_view sql() const noexcept { return sql_; }

 private:
  struct RunTime {};
  Statement(RunTime /*tag*/, std::string_view name, std::string_view sql) noexcept : name_(name), sql_(sql) {}

  std::string_view name_;
  std::string_view sql_;
};

/// The statements of one repository; a test prepares every one of them on every engine.
using StatementList = std::span<const Statement* const>;

}  // namespace nexus::db
