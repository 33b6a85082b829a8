#include "config/nearest.h"

#include "base/encoding.h"
#include "config/settings_table.h"

#include <algorithm>
#include <string>
#include <vector>

namespace nexus::config {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

std::string_view nearest_setting(std::string_view name) {
  constexpr std::size_t kLongestName = 128;
  if (name.size() > kLongestName) return {};
  const std::string wanted = ascii_lower(name);
  std::string_view nearest;
  std::size_t best = std::max<std::size_t>(2, name.size() / 4) + 1;
  for (const Row* row : settings_table()) {
    const std::size_t distance = edit_distance(wanted, ascii_lower(row->about.name));
    if (distance >= best) continue;
    best = distance;
    nearest = row->about.name;
  }
  return nearest;
}

}  // namespace nexus::config
