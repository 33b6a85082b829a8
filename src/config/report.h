#pragma once

#include "config/settings.h"

#include <boost/json/object.hpp>

#include <string>

/// What `nexusrag config` prints. Secrets never appear: a set one reads `********`, passwords inside addresses `***`.
namespace nexus::config {

/// The value of a row as text that is safe to show; empty when it is absent.
[[nodiscard]] std::string display(const Settings& settings, const Row& row);

/// One line per setting: `NAME=value  # origin`, by area; only those that differ from their default when
/// `changed_only`.
[[nodiscard]] std::string print_text(const Settings& settings, bool changed_only = false);

/// `{"NAME": {"value": …, "origin": …, "area": …, "secret": …}}` with the same redaction, for `--json`.
[[nodiscard]] boost::json::object print_json(const Settings& settings, bool changed_only = false);

/// The reference of all settings as Markdown, one table per area.
[[nodiscard]] std::string docs_markdown();

/// `.env.example`: the settings that people change, commented out at their defaults. Starts the server when copied.
[[nodiscard]] std::string env_example();

/// "postgresql://user:***@host/db": hides the password of an address; text that is no address is returned as it is.
[[nodiscard]] std::string redact_url(std::string_view url);

}  // namespace nexus::config
