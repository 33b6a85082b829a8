#pragma once

#include "db/database.h"
#include "db/postgres/connection.h"
#include "db/postgres/decoder.h"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::db::postgres {

/// The rows of one query, all of them in memory: a pipeline cannot leave one query half read and run the next.
/// Belongs to its RowsPool, which lends it to a Cursor; an orphaned one belongs to its cursor.
class BufferedRows final : public ResultSet {
 public:
  void start(Result result, std::vector<Form> forms, std::string_view name);
  [[nodiscard]] bool in_use() const { return in_use_; }
  [[nodiscard]] std::string_view name() const { return name_; }
  /// Its transaction is over although somebody holds it: from now on every use throws.
  void orphan() noexcept;

  void release() noexcept override;
  bool next() override;
  [[nodiscard]] bool is_null(int column) const override;
  [[nodiscard]] std::int64_t i64(int column) const override;
  [[nodiscard]] double real(int column) const override;
  [[nodiscard]] std::string_view text(int column) const override;
  [[nodiscard]] std::span<const std::byte> blob(int column) const override;
  [[nodiscard]] Timestamp time(int column) const override;

 private:
  [[nodiscard]] Field field(int column) const;
  struct Made {
    std::string buffer;
    std::string_view view;
  };

  Result result_;
  std::vector<Form> forms_;  // of the columns
  std::string_view name_;
  int row_ = -1;
  int rows_ = 0;
  bool in_use_ = false;
  bool orphaned_ = false;
  // What was made for the current row, by column: asked twice, it is the same view.
  mutable std::map<int, Made> texts_;
  mutable std::map<int, Made> blobs_;
};

/// The result sets of one session.
class RowsPool {
 public:
  [[nodiscard]] Rows lend(Result result, std::vector<Form> forms, std::string_view name);
  /// Cuts off those that somebody still holds; the name of one of them, empty when there was none.
  [[nodiscard]] std::string_view orphan_open() noexcept;

 private:
  std::vector<std::unique_ptr<BufferedRows>> rows_;
};

}  // namespace nexus::db::postgres
