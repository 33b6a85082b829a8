# shellcheck shell=bash
# Sourced by ./dev: configure, compile, find the binary, tidy up.

# Every command that compiles starts here, so that one command is enough on a bare machine.
ensure_tools() {
  setup_packages tools/packages.txt
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
    dev | release | bench | asan | tsan | tidy | fuzz) ;;
    *) fail "there is no preset '$preset': dev, release, bench, asan, tsan, tidy, fuzz." ;;
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
