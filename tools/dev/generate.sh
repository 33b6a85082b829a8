# shellcheck shell=bash
# Sourced by ./dev: files that are written from the tables in the code and committed.

golden_command() {
  ensure_tools
  build_preset dev
  say "rewriting tests/golden"
  # The golden tests compare by default and write when this is set.
  NEXUSRAG_UPDATE_GOLDEN=1 run_ctest dev -R golden "$@" || fail "the golden files could not all be written."
  say "look at the difference before committing it: it is the review of a contract change"
}

docs_command() {
  local binary scratch
  ensure_tools
  build_preset dev nexusrag
  binary=$(binary_of dev)
  scratch=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$scratch'" EXIT
  mkdir -p docs/generated
  say "docs/generated/settings.md"
  DATA_DIR=$scratch "$binary" config docs >"$scratch/settings.md" || fail "nexusrag config docs failed."
  say "docs/generated/openapi.json"
  DATA_DIR=$scratch "$binary" openapi >"$scratch/openapi.json" || fail "nexusrag openapi failed."
  mv "$scratch/settings.md" "$scratch/openapi.json" docs/generated/
}
