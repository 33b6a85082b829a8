#include "db/postgres/rows.h"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace nexus::db::postgres {

void BufferedRows::start(Result result, std::vector<Form> forms, std::string_view name) {
  result_ = std::move(result);
  forms_ = std::move(forms);
  name_ = name;
  row_ = -1;
  rows_ = PQntuples(result_.get());
  in_use_ = true;
}

void BufferedRows::release() noexcept {
  if (orphaned_) {
    delete this;  // NOLINT(cppcoreguidelines-owning-memory): its pool gave it up in orphan_open()
    return;
  }
  result_.reset();
  texts_.clear();
  blobs_.clear();
  in_use_ = false;
}

void BufferedRows::orphan() noexcept {
  result_.reset();
  orphaned_ = true;
}

bool BufferedRows::next() {
  if (orphaned_) throw std::logic_error(fmt::format("{}: the cursor outlived its transaction", name_));
  texts_.clear();
  blobs_.clear();
  if (row_ < rows_) ++row_;
  return row_ < rows_;
}

Field BufferedRows::field(int column) const {
  if (orphaned_ || row_ < 0 || row_ >= rows_ || column < 0 || column >= static_cast<int>(forms_.size())) {
    throw std::logic_error(fmt::format("{}: there is no column {} to read", name_, column));
  }
  const PGresult* result = result_.get();
  return {forms_[static_cast<std::size_t>(column)],
          {PQgetvalue(result, row_, column), static_cast<std::size_t>(PQgetlength(result, row_, column))}};
}

bool BufferedRows::is_null(int column) const {
  static_cast<void>(field(column));
  return PQgetisnull(result_.get(), row_, column) != 0;
}

std::int64_t BufferedRows::i64(int column) const {
  return is_null(column) ? 0 : to_integer(field(column));
}

double BufferedRows::real(int column) const {
  return is_null(column) ? 0 : to_real(field(column));
}

std::string_view BufferedRows::text(int column) const {
  if (is_null(column)) return {};
  if (const Field direct = field(column); direct.form == Form::kText) return direct.bytes;
  const auto [made, fresh] = texts_.try_emplace(column);
  if (fresh) made->second.view = to_text(field(column), made->second.buffer);
  return made->second.view;
}

std::span<const std::byte> BufferedRows::blob(int column) const {
  if (is_null(column)) return {};
  const auto [made, fresh] = blobs_.try_emplace(column);
  if (fresh) made->second.view = to_bytes(field(column), made->second.buffer);
  return {reinterpret_cast<const std::byte*>(made->second.view.data()), made->second.view.size()};
}

Timestamp BufferedRows::time(int column) const {
  return {i64(column)};
}

Rows RowsPool::lend(Result result, std::vector<Form> forms, std::string_view name) {
  for (const auto& rows : rows_) {
    if (rows->in_use()) continue;
    rows->start(std::move(result), std::move(forms), name);
    return Rows(rows.get());
  }
  const auto& rows = rows_.emplace_back(std::make_unique<BufferedRows>());
  rows->start(std::move(result), std::move(forms), name);
  return Rows(rows.get());
}

std::string_view RowsPool::orphan_open() noexcept {
  std::string_view name;
  for (auto it = rows_.begin(); it != rows_.end();) {
    if (!(*it)->in_use()) {
      ++it;
      continue;
    }
    name = (*it)->name();
    (*it)->orphan();
    static_cast<void>(it->release());
    it = rows_.erase(it);
  }
  return name;
}

}  // namespace nexus::db::postgres
