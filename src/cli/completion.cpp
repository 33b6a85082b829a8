#include "cli/completion.h"

#include <fmt/format.h>

#include <functional>

namespace nexus::cli {
namespace {

/// Calls `visit` for every command with its path: "" for the program, "/keys/create" below it.
void walk(const CommandNode& node, const std::string& path,
          const std::function<void(const CommandNode&, const std::string&)>& visit) {
  visit(node, path);
  for (const CommandNode& child : node.commands) walk(child, path + "/" + child.name, visit);
}

/// Text inside single quotes of a POSIX shell and of zsh; fish differs only in what no description holds.
std::string in_quotes(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out.push_back(c);
    }
  }
  return out + "'";
}

/// "serve|/keys|/keys/create": the paths that a word may lead to.
std::string all_paths(const CommandNode& root) {
  std::string out;
  walk(root, "", [&](const CommandNode&, const std::string& path) {
    if (path.empty()) return;
    if (!out.empty()) out += " | ";
    out += path;
  });
  return out;
}

std::string bash(const CommandNode& root) {
  std::string cases;
  std::string files;
  walk(root, "", [&](const CommandNode& node, const std::string& path) {
    std::string words;
    for (const CommandNode& child : node.commands) words += child.name + " ";
    for (const OptionNode& option : node.options) words += option.name + " ";
    if (!words.empty()) words.pop_back();
    cases += fmt::format("    {}) words={} ;;\n", in_quotes(path), in_quotes(words));
    if (node.takes_files) files += fmt::format("    {}) files=1 ;;\n", in_quotes(path));
  });
  return fmt::format(R"(# bash completion of {0}: source this file, or put it into /etc/bash_completion.d
_{0}() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} path='' word words='' files=''
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$path/$word" in
      {1}) path="$path/$word" ;;
    esac
  done
  case "$path" in
{2}  esac
  case "$path" in
{3}    *) ;;
  esac
  COMPREPLY=()
  if [[ -n $files && $cur != -* ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    compopt -o filenames
  else
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
  fi
}}
complete -o default -F _{0} {0}
)",
                     root.name, all_paths(root), cases, files);
}

std::string zsh_entry(std::string_view name, std::string_view about) {
  std::string escaped;
  for (const char c : about) {
    if (c == ':') escaped.push_back('\\');
    escaped.push_back(c);
  }
  return in_quotes(fmt::format("{}:{}", name, escaped));
}

std::string zsh(const CommandNode& root) {
  std::string cases;
  walk(root, "", [&](const CommandNode& node, const std::string& path) {
    std::string commands;
    std::string options;
    for (const CommandNode& child : node.commands) commands += "\n        " + zsh_entry(child.name, child.about);
    for (const OptionNode& option : node.options) options += "\n        " + zsh_entry(option.name, option.about);
    cases +=
        fmt::format("    {})\n      commands=({})\n      options=({})\n      ;;\n", in_quotes(path), commands, options);
  });
  return fmt::format(R"(#compdef {0}
# zsh completion of {0}: put it as _{0} into a folder of $fpath
_{0}() {{
  local at='' word
  local -a commands options
  for word in ${{words[2,CURRENT-1]}}; do
    case "$at/$word" in
      ({1}) at="$at/$word" ;;
    esac
  done
  case "$at" in
{2}  esac
  if [[ $PREFIX == -* ]]; then
    _describe -o option options
  elif (( $#commands )); then
    _describe command commands
  else
    _files
  fi
}}
if [[ ${{funcstack[1]}} == _{0} ]]; then _{0} "$@"; else compdef _{0} {0}; fi
)",
                     root.name, all_paths(root), cases);
}

std::string fish(const CommandNode& root) {
  std::string paths;
  std::string lines;
  walk(root, "", [&](const CommandNode& node, const std::string& path) {
    if (!path.empty()) paths += " " + path;
    const std::string here =
        fmt::format("complete -c {} -n {}", root.name, "\"__" + root.name + "_at '" + path + "'\"");
    for (const CommandNode& child : node.commands)
      lines += fmt::format("{} -f -a {} -d {}\n", here, child.name, in_quotes(child.about));
    for (const OptionNode& option : node.options)
      lines += fmt::format("{} -l {}{} -d {}\n", here, option.name.substr(2), option.takes_value ? " -r" : "",
                           in_quotes(option.about));
    if (node.takes_files) lines += here + " -F\n";
  });
  return fmt::format(R"(# fish completion of {0}: put it into ~/.config/fish/completions/{0}.fish
function __{0}_at
  set -l at ''
  for word in (commandline -opc)[2..-1]
    if contains -- "$at/$word"{1}
      set at "$at/$word"
    end
  end
  test "$at" = "$argv[1]"
end
complete -c {0} -f
{2})",
                     root.name, paths, lines);
}

}  // namespace

std::optional<Shell> parse_shell(std::string_view name) {
  if (name == "bash") return Shell::kBash;
  if (name == "zsh") return Shell::kZsh;
  if (name == "fish") return Shell::kFish;
  return std::nullopt;
}

std::string completion_script(Shell shell, const CommandNode& root) {
  switch (shell) {
    case Shell::kBash:
      return bash(root);
    case Shell::kZsh:
      return zsh(root);
    case Shell::kFish:
      return fish(root);
  }
  return {};
}

}  // namespace nexus::cli
