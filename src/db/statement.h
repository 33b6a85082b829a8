#pragma once

#include <span>
#include <string_view>

namespace nexus::db {

/// One SQL text with a name, defined once at namespace scope in the repository that owns it. Its address is its
/// identity: each connection prepares it once. Placeholders are `$1…`; the text stays in the subset that both engines
/// speak, and what differs is written as a token that the engine expands:
///   {{for_update_skip_locked}}   claim a row           SQLite: nothing (one writer)
///   {{json_text COLUMN KEY}}     text of a JSON field  SQLite: json_extract(COLUMN, '$.KEY')
///   {{time_add EXPR US}}         a time, US later      SQLite: (EXPR + US)
///   {{time_diff_us LATER EARLIER}}  microseconds       SQLite: (LATER - EARLIER)
///   {{decimal EXPR}}             sorts as a number     SQLite: EXPR COLLATE decimal (TEXT holds the digits)
///   {{lock_table NAME}}          waits for all other writers of NAME; a whole statement
///   {{table_exists NAME}}        a condition
///   {{strict}} {{timestamp}} {{json}} {{blob}}   in CREATE TABLE
/// Arguments hold no spaces. An unknown token fails the preparation.
class Statement {
 public:
  consteval Statement(std::string_view name, std::string_view sql) : name_(name), sql_(sql) {}
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  [[nodiscard]] constexpr std::string_view name() const noexcept { return name_; }
  [[nodiscard]] constexpr std::string_view sql() const noexcept { return sql_; }

 private:
  std::string_view name_;
  std::string_view sql_;
};

/// The statements of one repository; a test prepares every one of them on every engine.
using StatementList = std::span<const Statement* const>;

}  // namespace nexus::db
