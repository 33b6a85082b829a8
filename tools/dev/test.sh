# shellcheck shell=bash
# Sourced by ./dev: the test suites, plain and under the sanitizers.

# run_ctest PRESET [ctest options...]: ctest's own summary is the last thing printed.
run_ctest() {
  local preset=$1
  shift
  ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j "$JOBS" "$@"
}

# any_labelled PRESET LABEL [ctest options...]: one of the tests that would run carries the label.
any_labelled() {
  local preset=$1 label=$2
  shift 2
  ! ctest --test-dir "build/$preset" -N -L "$label" "$@" 2>/dev/null | grep -qx 'Total Tests: 0'
}

test_command() {
  local options=() services=(postgres redis)
  while [[ $# -gt 0 ]]; do
    case "$1" in
      --quick) options+=(-LE 'slow|servers'); services=(); shift ;;
      --filter) [[ $# -ge 2 ]] || fail "--filter needs a regular expression."; options+=(-R "$2"); shift 2 ;;
      --filter=*) options+=(-R "${1#*=}"); shift ;;
      *) fail "test knows --quick and --filter REGEX, not '$1'." ;;
    esac
  done
  ensure_tools
  build_preset dev
  # Its start costs seconds, so it comes only for those that use it.
  if [[ ${#services[@]} -gt 0 ]] && any_labelled dev opensearch "${options[@]}"; then services+=(opensearch); fi
  borrow_services "${services[@]}"
  run_ctest dev "${options[@]}"
}

sanitize_command() {
  local kind=${1:-}
  [[ $# -gt 0 ]] && shift
  [[ $kind == asan || $kind == tsan ]] || fail "sanitize needs asan or tsan."
  ensure_tools
  build_preset "$kind"
  borrow_services postgres redis
  export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1}
  export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
  # One test forks a writer that it kills; the log's thread exists by then, and the child goes on without it.
  export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1:die_after_fork=0}
  if [[ -f tools/tsan.supp ]]; then TSAN_OPTIONS+=":suppressions=$ROOT/tools/tsan.supp"; fi
  # TSan of this compiler cannot map its shadow under high-entropy address randomisation; run without it.
  if [[ $kind == tsan ]] && setarch "$(uname -m)" -R true 2>/dev/null; then
    setarch "$(uname -m)" -R ctest --test-dir build/tsan --output-on-failure --no-tests=error -j "$JOBS" "$@"
  else
    run_ctest "$kind" "$@"
  fi
}
