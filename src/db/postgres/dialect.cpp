#include "db/postgres/dialect.h"

#include "db/tokens.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <vector>

namespace nexus::db::postgres {
namespace {

constexpr TokenRule kPostgresTokens[] = {
    {"for_update", 0, "FOR UPDATE"},
    {"for_key_share", 0, "FOR KEY SHARE"},
    {"for_update_skip_locked", 0, "FOR UPDATE SKIP LOCKED"},
    {"lock_name", 1, "pg_advisory_xact_lock(hashtextextended(%1, 0))"},
    {"bytes_order", 1, "%1 COLLATE \"C\""},
    {"json_text", 2, "((%1)::jsonb ->> '%2')"},
    {"time_add", 2, "((%1)::timestamptz + (%2) * interval '1 microsecond')"},
    {"time_diff_us", 2, "(extract(epoch FROM (%1)::timestamptz - (%2)::timestamptz) * 1000000)::bigint"},
    {"decimal", 1, "(%1)::numeric"},
    {"lock_table", 1, "LOCK TABLE %1 IN SHARE ROW EXCLUSIVE MODE"},
    {"table_exists", 1, "(to_regclass('%1') IS NOT NULL)"},
    {"strict", 0, ""},
    {"timestamp", 0, "timestamptz"},
    {"json", 0, "jsonb"},
    {"blob", 0, "bytea"},
};

constexpr TokenRule kNameLocks[] = {
    // in the order of NameLock
    {"lock_name", 1, "pg_advisory_xact_lock(hashtextextended(%1, 0))"},
    {"lock_name", 1, "pg_try_advisory_xact_lock(hashtextextended(%1, 0))"},
    {"lock_name", 1, "pg_advisory_lock(hashtextextended(%1, 0))"},
};

constexpr std::string_view kControl[] = {"ABORT",   "BEGIN",    "COMMIT",    "END",
                                         "RELEASE", "ROLLBACK", "SAVEPOINT", "START"};

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' ||
         (static_cast<unsigned char>(c) & 0x80U) != 0;
}

/// Reads SQL just far enough to know where statements begin.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  /// The next word, upper case, or ";" or another character; empty at the end.
  std::string next() {
    for (;;) {
      if (at_ >= text_.size()) return "";
      const char c = text_[at_];
      const std::string_view rest = text_.substr(at_);
      if (std::isspace(static_cast<unsigned char>(c)) != 0) {
        ++at_;
      } else if (rest.starts_with("--")) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (rest.starts_with("/*")) {
        skip_comment();
      } else if (c == '\'' || c == '"') {
        skip_quoted(c, false);
        return "'";
      } else if ((c == 'E' || c == 'e') && rest.size() > 1 && rest[1] == '\'') {
        ++at_;
        skip_quoted('\'', true);
        return "'";
      } else if (c == '$' && skip_dollar_quoted()) {
        return "'";
      } else if (is_word(c)) {
        return word();
      } else {
        ++at_;
        return std::string(1, c);
      }
    }
  }

 private:
  std::string word() {
    std::string out;
    while (at_ < text_.size() && is_word(text_[at_])) {
      out += static_cast<char>(std::toupper(static_cast<unsigned char>(text_[at_++])));
    }
    return out;
  }
  void skip_comment() {
    int depth = 0;  // PostgreSQL's comments nest
    do {
      const std::string_view rest = text_.substr(at_);
      const bool opens = rest.starts_with("/*");
      const bool closes = rest.starts_with("*/");
      depth += opens ? 1 : closes ? -1 : 0;
      at_ += opens || closes ? 2 : 1;
    } while (depth > 0 && at_ < text_.size());
  }
  void skip_quoted(char quote, bool escapes) {
    for (++at_; at_ < text_.size(); ++at_) {
      if (escapes && text_[at_] == '\\') {
        ++at_;
      } else if (text_[at_] == quote) {
        ++at_;
        return;  // a doubled quote begins another quoted piece: the same to us
      }
    }
  }
  bool skip_dollar_quoted() {
    std::size_t end = at_ + 1;
    while (end < text_.size() && is_word(text_[end]) && text_[end] != '$') ++end;
    if (end >= text_.size() || text_[end] != '$') return false;
    const std::string_view tag = text_.substr(at_, end + 1 - at_);
    const std::size_t close = text_.find(tag, end + 1);
    at_ = close == std::string_view::npos ? text_.size() : close + tag.size();
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::string expand_for_postgres(std::string_view sql, NameLock names) {
  std::vector<TokenRule> rules(std::begin(kPostgresTokens), std::end(kPostgresTokens));
  rules.push_back(kNameLocks[static_cast<std::size_t>(names)]);
  return expand_tokens(sql, rules);
}

bool locks_name(const Statement& statement) {
  return statement.sql().find("{{lock_name ") != std::string_view::npos;
}

bool locks_table(const Statement& statement) {
  return statement.sql().find("{{lock_table ") != std::string_view::npos;
}

std::string transaction_control(std::string_view script) {
  Scanner scanner(script);
  bool at_start = true;
  bool prepares = false;
  for (std::string token = scanner.next(); !token.empty(); token = scanner.next()) {
    if (at_start && std::find(std::begin(kControl), std::end(kControl), token) != std::end(kControl)) return token;
    if (prepares && token == "TRANSACTION") return "PREPARE TRANSACTION";
    prepares = at_start && token == "PREPARE";
    at_start = token == ";";
  }
  return "";
}

}  // namespace nexus::db::postgres
