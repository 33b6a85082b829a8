# shellcheck shell=bash
# Sourced by ./dev: packages and the embedding model.

# missing_packages LIST: those that dpkg does not know as installed, one a line.
missing_packages() {
  local wanted
  mapfile -t wanted < <(sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$1")
  comm -23 <(printf '%s\n' "${wanted[@]}" | sort -u) \
    <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null |
      sed -n 's/ installed$//p' | sort -u)
}

# setup_packages LIST: installs what is missing; says what to type when it may not. Quick when nothing is missing.
setup_packages() {
  local list=$1
  if ! command -v dpkg-query >/dev/null; then
    warn "this is no Debian system, so packages are not checked. $list lists what is needed."
    return 0
  fi
  local missing
  mapfile -t missing < <(missing_packages "$list")
  [[ ${#missing[@]} -gt 0 ]] || return 0
  local as_root=()
  if [[ $(id -u) -ne 0 ]]; then
    if command -v sudo >/dev/null && { [[ -t 0 ]] || sudo -n true 2>/dev/null; }; then
      as_root=(sudo)
    else
      warn "these Debian packages are missing. Run this as root, then try again:"
      printf '\n  apt-get update && apt-get install -y --no-install-recommends %s\n\n' "${missing[*]}"
      exit 1
    fi
  fi
  say "installing ${#missing[@]} Debian packages, which takes a minute or two: ${missing[*]}"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq </dev/null ||
    warn "apt-get update failed; trying with the lists that are here."
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=120 \
    "${missing[@]}" </dev/null >/dev/null || fail "apt-get could not install the packages above."
}

# Fetches the static embedding model. Never fatal: without it the server searches by words alone.
setup_model() {
  if python3 tools/fetch_model "$MODELS_DIR"; then
    rm -f "$DATA_DIR/run/model-not-fetched"
  else
    mkdir -p "$DATA_DIR/run"
    touch "$DATA_DIR/run/model-not-fetched"
    warn "the embedding model could not be fetched. The server works without it, searching by words only;" \
      "'./dev setup' tries again."
  fi
}

# True when `up` should try to fetch the model: it is not there, and no attempt failed within a day.
model_wanted() {
  [[ ! -s $MODELS_DIR/l2_supercat_256.safetensors || ! -s $MODELS_DIR/l2_supercat_tokenizer_config.json ]] || return 1
  [[ -z $(find "$DATA_DIR/run/model-not-fetched" -mtime -1 2>/dev/null) ]]
}

setup_all() {
  [[ $# -eq 0 ]] || fail "setup takes no arguments."
  setup_packages tools/packages.txt
  say "packages: all there"
  setup_model
}
