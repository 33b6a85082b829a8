// Snowball English stemming with a small memory per thread.
#pragma once

#include <string_view>

namespace nexus::search {

// The stem of a lower-case ASCII word. The view is valid until the next call on this thread. Throws std::bad_alloc.
[[nodiscard]] std::string_view stem_english(std::string_view word);

}  // namespace nexus::search
