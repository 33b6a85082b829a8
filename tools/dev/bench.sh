# shellcheck shell=bash
# Sourced by ./dev: the figures of docs/performance.md.

# bench_command [--quick] [--write] [--only PARTS]: bench/README.md describes them.
bench_command() {
  ensure_tools
  if model_wanted; then setup_model; fi
  build_preset bench nexusrag benchmarks
  MODELS_DIR=$(realpath -m "$MODELS_DIR") python3 bench/run build/bench "$@" || fail "the benchmark did not get to its end."
}
