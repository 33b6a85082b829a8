#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nexus::config {

struct EnvLine {
  std::string name;
  std::string value;
  int line = 0;
};

struct EnvFile {
  std::vector<EnvLine> lines;
  std::vector<std::string> problems;  ///< "line 3: …"; never contains a value
};

/// Reads `.env` text: `NAME=value`, optional `export`, `#` comments (also after a blank behind an unquoted value),
/// single quotes (verbatim) and double quotes (`\n \t \" \\ \$`). No interpolation. Never throws on any bytes.
[[nodiscard]] EnvFile parse_env_file(std::string_view text);

}  // namespace nexus::config
