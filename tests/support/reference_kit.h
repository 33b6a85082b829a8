#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <span>
#include <string_view>

/// What the suites share that compare this server with facts recorded from the original.
namespace nexus::testing {

/// A recorded file. The folder is not part of the sources: NEXUSRAG_SHARED names it, otherwise it stands beside them. A
/// suite whose file is not there skips.
inline std::filesystem::path reference_file(std::string_view name) {
  const char* shared = std::getenv("NEXUSRAG_SHARED");
  const std::filesystem::path folder = shared != nullptr
                                           ? std::filesystem::path(shared)
                                           : std::filesystem::path(NEXUS_SOURCE_DIR).parent_path() / "shared";
  return folder / "reference" / name;
}

/// A difference that we mean. `where` (the name of a call, an operation) and `difference` are patterns in which `*`
/// stands for any text.
struct Intended {
  std::string_view where;
  std::string_view difference;
  std::string_view reason;
};

inline bool matches(std::string_view pattern, std::string_view text) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (text.substr(0, star) != pattern.substr(0, star)) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (std::size_t i = star; i <= text.size(); ++i)
    if (matches(rest, text.substr(i))) return true;
  return false;
}

/// The rows of a suite; the first that matches counts as used.
class IntendedTable {
 public:
  explicit IntendedTable(std::span<const Intended> rows) : rows_(rows) {}

  [[nodiscard]] bool covers(std::string_view where, std::string_view difference) {
    const auto row = std::find_if(rows_.begin(), rows_.end(), [&](const Intended& intended) {
      return matches(intended.where, where) && matches(intended.difference, difference);
    });
    if (row == rows_.end()) return false;
    used_.insert(&*row);
    return true;
  }
  void expect_all_used() const {
    for (const Intended& row : rows_)
      EXPECT_TRUE(used_.contains(&row)) << "this row of the table is out of use: " << row.where << " | "
                                        << row.difference;
  }

 private:
  std::span<const Intended> rows_;
  std::set<const Intended*> used_;
};

}  // namespace nexus::testing
