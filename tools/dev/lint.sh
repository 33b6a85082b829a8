# shellcheck shell=bash
# Sourced by ./dev: everything that judges the source without running it.

# Our C++ files, null-separated.
source_files() { find src tests bench -type f \( -name '*.cpp' -o -name '*.h' \) -print0 | sort -z; }

# Our shell scripts, null-separated.
shell_files() {
  printf '%s\0' dev .ci/run tools/services/service tools/services/on_postgres
  find tools/dev tools/services -name '*.sh' -print0
  find scripts deploy -type f ! -name '*.py' -exec grep -lZE '^#!/bin/(ba)?sh|^#!/usr/bin/env bash' {} +
}

fmt_command() {
  ensure_tools
  say "clang-format-14 over src, tests and bench"
  source_files | xargs -0 -r clang-format-14 -i
}

# check NAME COMMAND...: runs it, keeps going, remembers what failed.
check() {
  local name=$1 start=$SECONDS
  shift
  say "lint: $name"
  if "$@"; then
    say "lint: $name is clean ($((SECONDS - start)) s)"
  else
    failed_checks+=("$name")
  fi
}

check_format() { source_files | xargs -0 -r clang-format-14 --dry-run -Werror; }

check_shell() {
  command -v shellcheck >/dev/null || { warn "shellcheck is not installed; left out."; return 0; }
  shell_files | xargs -0 -r shellcheck --severity=style --external-sources
}

check_tidy() {
  configure tidy
  python3 tools/run_tidy build/tidy --jobs "$JOBS" --seconds "${TIDY_SECONDS:-300}"
}

lint_command() {
  [[ $# -eq 0 ]] || fail "lint takes no arguments."
  ensure_tools
  failed_checks=()
  check "the checkers themselves" python3 -m unittest discover --quiet --start-directory tools/tests
  check "format" check_format
  check "includes" python3 tools/check_includes
  check "co_await" python3 tools/check_co_await
  check "words" python3 tools/check_words
  check "deployment" python3 tools/check_deploy
  check "secrets" python3 scripts/security_secrets_scan.py
  check "shell" check_shell
  check "clang-tidy" check_tidy
  [[ ${#failed_checks[@]} -eq 0 ]] || fail "lint found problems in: ${failed_checks[*]}."
  say "lint: clean"
}
