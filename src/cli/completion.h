#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::cli {

/// The command tree without its library, as completions need it.
struct OptionNode {
  std::string name;  ///< "--tenant"
  std::string about;
  bool takes_value = false;
};
struct CommandNode {
  std::string name;
  std::string about;
  bool takes_files = false;
  std::vector<OptionNode> options;
  std::vector<CommandNode> commands;
};

enum class Shell { kBash, kZsh, kFish };
[[nodiscard]] std::optional<Shell> parse_shell(std::string_view name);

/// A script that teaches the shell the commands and options of `root`, which is the program itself.
[[nodiscard]] std::string completion_script(Shell shell, const CommandNode& root);

}  // namespace nexus::cli
