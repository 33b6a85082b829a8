# shellcheck shell=bash
# Sourced by ./dev: configure, compile, find the binary, tidy up.

# Every command that compiles starts here, so that one command is enough on a bare machine.
ensure_tools() {
  setup_packages
  local tool
  for tool in cmake ninja; do
    command -v "$tool" >/dev/null || fail "$tool is needed; tools/packages.txt lists everything."
  done
}

# configure PRESET [cmake options...]: only when there is no build tree yet, or the presets changed.
configure() {
  local preset=$1 tree=build/$1
  shift
  if [[ ! -f $tree/build.ninja || CMakePresets.json -nt $tree/build.ninja || $# -gt 0 ]]; then
    say "configuring $preset in $tree"
    mkdir -p "$tree"
    if ! cmake --preset "$preset" "$@" >"$tree/configure.log" 2>&1; then
      cat "$tree/configure.log" >&2
      fail "cmake could not configure the preset '$preset'."
    fi
    touch "$tree/build.ninja"
  fi
}

# build_preset PRESET [targets...]
build_preset() {
  local preset=$1
  shift
  configure "$preset"
  say "building $preset${*:+ ($*)} with $JOBS jobs"
  # ccache must see the same paths wherever the checkout lives; cmake/NexusOptions.cmake sets the rest.
  ninja -C "build/$preset" -j "$JOBS" "$@" || fail "the build of '$preset' failed; the first error is above."
}

build_command() {
  local preset=${1:-dev}
  [[ $# -gt 0 ]] && shift
  case "$preset" in
    dev | release | asan | tsan | tidy | fuzz) ;;
    *) fail "there is no preset '$preset': dev, release, asan, tsan, tidy, fuzz." ;;
  esac
  ensure_tools
  build_preset "$preset" "$@"
}

# Where a preset puts the program.
binary_of() { printf 'build/%s/src/nexusrag' "$1"; }

clean_command() {
  say "removing build/"
  rm -rf build
  [[ ! -d $DATA_DIR ]] || say "data in $DATA_DIR/ stays; delete it yourself if you mean to"
}

bench_command() {
  ensure_tools
  setup_model
  [[ -f bench/CMakeLists.txt ]] || fail "there is no bench/CMakeLists.txt to build."
  configure release
  # The same tree with benchmarks on: objects that exist are reused.
  if ! grep -q '^NEXUS_BENCH:BOOL=ON' build/release/CMakeCache.txt; then
    configure release -DNEXUS_BENCH=ON
  fi
  build_preset release
  if [[ -x bench/run ]]; then
    MODELS_DIR=$MODELS_DIR bench/run build/release "$@"
  else
    local program found=0
    while read -r program; do
      found=1
      say "$program"
      "$program" "$@"
    done < <(find build/release/bench -maxdepth 1 -type f -executable | sort)
    [[ $found -eq 1 ]] || fail "no benchmark was built."
  fi
}
