#pragma once

#include "modules/retrieval/retrieval_types.h"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <stdexcept>
#include <string>
#include <string_view>

namespace nexus::retrieval {

/// What is wrong with a provider configuration, in the contract's words (02 §6.1).
class InvalidCorpusConfig : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Checks and completes `provider_config_json` in the contract's order: an empty object becomes the default, unknown
/// keys are kept, `top_k_default` is filled in. Throws InvalidCorpusConfig.
[[nodiscard]] boost::json::object normalise_config(const boost::json::value& config);

/// The stored text, parsed. Throws InvalidCorpusConfig.
[[nodiscard]] CorpusConfig parse_config(std::string_view stored);

[[nodiscard]] search::Mode parse_mode(std::string_view name);  ///< throws InvalidCorpusConfig
[[nodiscard]] std::string_view mode_name(search::Mode mode);

}  // namespace nexus::retrieval
