#pragma once

#include "config/settings.h"

#include <vector>

namespace nexus::config {

/// A platform secret that the configuration needs and that may be generated on an embedded installation.
/// In table order; billing and other secrets that a partner shares are never among them.
[[nodiscard]] std::vector<const Setting<Secret>*> required_secrets(const Settings& settings);

/// Only an embedded installation that is not production generates what is missing.
[[nodiscard]] bool may_generate_secrets(const Settings& settings);

/// Rules over several settings (contract 01 §3.1 as the decisions revise it), once every value has its type and the
/// required secrets were generated where that is allowed. Appends to problems and warnings.
void check_start_rules(const Settings& settings, Loaded& loaded);

}  // namespace nexus::config
