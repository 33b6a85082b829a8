# shellcheck shell=bash
# Sourced by ./dev: libFuzzer over every parser of foreign bytes.

# fuzz_one PROGRAM SECONDS: corpus under build/, seeds from tests/fuzz/corpus/<name>, crashes kept and named.
fuzz_one() {
  local program=$1 seconds=$2 name corpus crashes seeds=() dictionary=()
  name=$(basename "$program")
  corpus=build/fuzz/corpus/$name
  crashes=build/fuzz/crashes/$name
  mkdir -p "$corpus" "$crashes"
  [[ -d tests/fuzz/corpus/$name ]] && seeds=("tests/fuzz/corpus/$name")
  [[ -f tests/fuzz/$name.dict ]] && dictionary=("-dict=tests/fuzz/$name.dict")
  if "$program" "$corpus" "${seeds[@]}" "${dictionary[@]}" -max_total_time="$seconds" -timeout=10 \
    -rss_limit_mb=2048 -max_len=65536 -artifact_prefix="$crashes/" >"$crashes/log" 2>&1; then
    printf '    %s: %s\n' "$name" "$(grep -E '^Done [0-9]+ runs' "$crashes/log" || echo 'no summary')"
  else
    tail -n 40 "$crashes/log" >&2
    warn "$name failed; the input is in $crashes/. Again: $program $crashes/crash-..."
    return 1
  fi
}

fuzz_command() {
  local seconds=${1:-60} only=${2:-} programs each status=0
  [[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "fuzz needs a number of seconds, not '$seconds'."
  ensure_tools
  build_preset fuzz fuzz_targets
  mapfile -t programs < <(find build/fuzz/tests/fuzz -maxdepth 1 -type f -name "${only:-*_fuzz}" -executable | sort)
  [[ ${#programs[@]} -gt 0 ]] || fail "no fuzz target${only:+ named $only} was built."
  # All targets share the time, in rounds of JOBS at once.
  each=$((seconds / ((${#programs[@]} + JOBS - 1) / JOBS)))
  [[ $each -ge 2 ]] || each=2
  say "fuzzing ${#programs[@]} targets for $each s each, $JOBS at a time"
  export -f fuzz_one warn
  # shellcheck disable=SC2016
  printf '%s\0' "${programs[@]}" | xargs -0 -r -P "$JOBS" -I{} bash -c 'fuzz_one "$1" "$2"' _ {} "$each" || status=1
  printf '%s\n' "${#programs[@]}" >build/fuzz/targets
  [[ $status -eq 0 ]] || fail "fuzzing found a problem; it is described above."
  say "fuzzing: ${#programs[@]} targets, nothing found"
}
