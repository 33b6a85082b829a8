// The command line between parent and child: `<program> __extract <kind> [name=value]…`.
#pragma once

#include "text/extract/extract.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::text::extract {

[[nodiscard]] std::vector<std::string> child_arguments(const Request& request);
// Of what follows `__extract`; absent when anything in it is not understood.
[[nodiscard]] std::optional<Request> parse_child_arguments(std::span<const std::string_view> arguments);

}  // namespace nexus::text::extract
