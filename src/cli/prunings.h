#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace nexus::cli {

/// One `nexusrag prune` command (contract 01 §15).
struct Pruning {
  const char* name;
  const char* about;
  std::string_view task;     ///< of maintenance
  std::string_view tool;     ///< documented name: `<tool> failed: <reason>`, and the actor of the audit event
  std::string_view counter;  ///< what it prints: `<counter>=<rows>`
};

[[nodiscard]] std::span<const Pruning> prunings();

/// Ends with a newline.
[[nodiscard]] std::string pruned_text(const Pruning& what, std::int64_t rows);
[[nodiscard]] std::string pruned_json(const Pruning& what, std::int64_t rows);

}  // namespace nexus::cli
