#pragma once

#include "cli/terminal.h"

#include <boost/json/array.hpp>

#include <string>
#include <string_view>

namespace nexus::cli {

/// The sources below an answer. Lists those whose number, as in [2], stands in `answer`; all when none does:
///   [1] handbook.pdf, Release gates          score 0.83
///       "The gates are …"
[[nodiscard]] std::string render_citations(std::string_view answer, const boost::json::array& citations,
                                           const Style& style);

}  // namespace nexus::cli
