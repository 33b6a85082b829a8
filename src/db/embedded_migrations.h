#pragma once

#include <span>
#include <string_view>

namespace nexus::db {

/// One step of the schema: `migrations/<engine>/NNNN_name.sql`.
struct Migration {
  int number = 0;
  std::string_view name;  ///< "core" of 0001_core.sql
  std::string_view sql;
  std::string_view sha256;  ///< of the file, 64 lower-case hex digits
};

/// The steps that this program carries for "sqlite" or "postgres", by number; empty for an engine without any. The
/// build writes the source (EmbedMigrations.cmake).
[[nodiscard]] std::span<const Migration> embedded_migrations(std::string_view engine);

}  // namespace nexus::db
