// Named members of a zip file in memory, within limits that a zip bomb runs into.
#pragma once

#include "text/extract/extract.h"

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace nexus::text::extract {

// Inflates the members that `wanted` asks for by path; of members with the same path the first counts. Nothing is
// written to disk and names are only compared. Throws ExtractionFailed: kDamaged, kEncrypted, kTooLarge.
[[nodiscard]] std::map<std::string, std::string> read_zip_parts(std::string_view bytes, const Limits& limits,
                                                                const std::function<bool(std::string_view)>& wanted);

}  // namespace nexus::text::extract
