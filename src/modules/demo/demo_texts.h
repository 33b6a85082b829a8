#pragma once

#include <span>
#include <string_view>

namespace nexus::demo {

struct DemoSection {
  std::string_view section;
  std::string_view sentence;
};

struct DemoDocument {
  std::string_view uri;
  std::string_view title;
  std::span<const DemoSection> sections;
};

/// What the demo corpus says. Ranking depends on the wording: the question's own words must stand in demo://doc/1, and
/// small words that questions share ("what", "are", "the", "for") are rare in the other two, because the `fake`
/// embedding weighs every word alike.
[[nodiscard]] std::span<const DemoDocument> demo_documents();

}  // namespace nexus::demo
