# shellcheck shell=bash
# Sourced by ./dev: PostgreSQL, Redis and OpenSearch for the tests. tools/services/service starts and stops each one.
#
# `./dev services up` keeps servers for this checkout (build/services/<kind>/folder says where their data is) and writes
# build/services/env. A test run uses these when they are up, and otherwise has servers of its own for as long as it
# takes. Every server has a port of its own and a scratch folder of its own, so that checkouts and runs do not meet.

readonly SERVICES_STATE=build/services
readonly SERVICE_KINDS=(postgres redis redis-cluster opensearch)

# The variable that tells tests where a server is.
service_variable() {
  local name=${1^^}
  printf 'NEXUSRAG_TEST_%s' "${name//-/_}"
}

# What ./dev setup does not install because only one service needs it.
service_packages() {
  case "$1" in
    opensearch) setup_packages tools/services/packages.txt ;;
    *) setup_packages tools/packages.txt ;;
  esac
}

# start_service KIND FOLDER: sets service_url. A server that cannot be had is no reason to run no test at all, except in
# CI, where a test that is left out would look like one that passed. OpenSearch alone may be missing there, too: it is
# put together from Maven Central, which not every CI reaches.
start_service() {
  local kind=$1 folder=$2
  service_packages "$kind"
  if service_url=$(tools/services/service start "$kind" "$folder"); then return 0; fi
  [[ ${CI:-} != true || $kind == opensearch ]] || fail "there is no $kind, and nothing may be left out in CI."
  warn "there is no $kind here; tests that need it are skipped."
  return 1
}

# export_service KIND URL FOLDER: what tests read, for this shell and what it starts.
export_service() {
  export "$(service_variable "$1")=$2"
  if [[ $1 == postgres ]]; then
    NEXUSRAG_TEST_PSQL=$(<"$3/psql")
    export NEXUSRAG_TEST_PSQL
  fi
}

# print_exports KIND URL FOLDER: the same as shell text.
print_exports() {
  printf 'export %s=%q\n' "$(service_variable "$1")" "$2"
  [[ $1 != postgres ]] || printf 'export NEXUSRAG_TEST_PSQL=%q\n' "$(<"$3/psql")"
}

# service_folder KIND: of a server kept by `up`, when it runs.
service_folder() {
  local folder
  [[ -s $SERVICES_STATE/$1/folder ]] || return 1
  folder=$(<"$SERVICES_STATE/$1/folder")
  tools/services/service running "$1" "$folder" >/dev/null 2>&1 || return 1
  printf '%s' "$folder"
}

# memory_disk: /dev/shm where it has room for the data of tests and programs may run from it. A clone of a database is
# a thousand small files, which a busy disk takes two seconds for and memory a tenth of one.
memory_disk() {
  local free
  if grep -q ' /dev/shm .*noexec' /proc/mounts; then return 1; fi
  free=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1) || return 1
  [[ $free -gt 4000000 && -w /dev/shm ]] || return 1
  printf '/dev/shm'
}

# scratch_folder: open to the user that servers run as; below TMPDIR when that is set.
scratch_folder() {
  local folder
  folder=$(mktemp -d "${TMPDIR:-$(memory_disk || echo /tmp)}/nexusrag-services-XXXXXX")
  chmod 711 "$folder"
  printf '%s' "$folder"
}

write_services_env() {
  local kind folder
  for kind in "${SERVICE_KINDS[@]}"; do
    if folder=$(service_folder "$kind"); then print_exports "$kind" "$(<"$SERVICES_STATE/$kind/url")" "$folder"; fi
  done >"$SERVICES_STATE/env"
}

services_up() {
  local kind folder service_url=
  for kind in "$@"; do
    if service_folder "$kind" >/dev/null; then
      say "$kind already runs: $(<"$SERVICES_STATE/$kind/url")"
      continue
    fi
    services_down "$kind" # what a dead one left behind
    folder=$(scratch_folder)/$kind
    if start_service "$kind" "$folder"; then
      mkdir -p "$SERVICES_STATE/$kind"
      printf '%s\n' "$folder" >"$SERVICES_STATE/$kind/folder"
      printf '%s\n' "$service_url" >"$SERVICES_STATE/$kind/url"
      say "$kind: $service_url"
    else
      rm -rf "${folder%/*}"
    fi
  done
  write_services_env
  say "for tests that you run by hand: source $SERVICES_STATE/env"
}

services_down() {
  local kind folder
  for kind in "$@"; do
    [[ -s $SERVICES_STATE/$kind/folder ]] || continue
    folder=$(<"$SERVICES_STATE/$kind/folder")
    if tools/services/service running "$kind" "$folder" >/dev/null 2>&1; then say "stopping $kind"; fi
    tools/services/service stop "$kind" "$folder" || warn "$kind of $folder did not stop."
    rm -rf "${folder%/*}" "${SERVICES_STATE:?}/$kind"
  done
  [[ ! -d $SERVICES_STATE ]] || write_services_env
}

services_status() {
  local kind
  for kind in "$@"; do
    if service_folder "$kind" >/dev/null; then
      printf '%-14s %s\n' "$kind" "$(<"$SERVICES_STATE/$kind/url")"
    else
      printf '%-14s down\n' "$kind"
    fi
  done
}

services_command() {
  local action=${1:-} kind only=()
  [[ $# -gt 0 ]] && shift
  while [[ $# -gt 0 ]]; do
    case "$1" in
      --only) [[ $# -ge 2 ]] || fail "--only needs a service."; IFS=, read -ra only <<<"$2"; shift 2 ;;
      --only=*) IFS=, read -ra only <<<"${1#*=}"; shift ;;
      *) fail "services knows --only NAME[,NAME...], not '$1'." ;;
    esac
  done
  for kind in "${only[@]}"; do
    [[ " ${SERVICE_KINDS[*]} " == *" $kind "* ]] || fail "there is no service '$kind': ${SERVICE_KINDS[*]}."
  done
  case "$action" in
    up) [[ ${#only[@]} -gt 0 ]] || only=(postgres redis); services_up "${only[@]}" ;;
    down) [[ ${#only[@]} -gt 0 ]] || only=("${SERVICE_KINDS[@]}"); services_down "${only[@]}" ;;
    status) [[ ${#only[@]} -gt 0 ]] || only=("${SERVICE_KINDS[@]}"); services_status "${only[@]}" ;;
    *) fail "services needs up, down or status." ;;
  esac
}

# borrow_services KIND...: exports the servers for one run of tests: those the caller names in the environment, those
# that `up` keeps, else own ones that end with this shell.
borrow_services() {
  local kind folder variable service_url=
  for kind in "$@"; do
    variable=$(service_variable "$kind")
    if [[ -n ${!variable:-} ]]; then continue; fi
    if folder=$(service_folder "$kind"); then
      export_service "$kind" "$(<"$SERVICES_STATE/$kind/url")" "$folder"
      continue
    fi
    if [[ -z ${borrowed_folder:-} ]]; then
      borrowed_folder=$(scratch_folder)
      borrowed_kinds=()
      trap return_services EXIT
    fi
    borrowed_kinds+=("$kind")
    if NEXUSRAG_SERVICE_OWNER=$$ start_service "$kind" "$borrowed_folder/$kind"; then
      export_service "$kind" "$service_url" "$borrowed_folder/$kind"
      say "$kind for this run: $service_url"
    fi
  done
}

# Ends what borrow_services started.
return_services() {
  local kind
  [[ -n ${borrowed_folder:-} ]] || return 0
  for kind in "${borrowed_kinds[@]}"; do
    tools/services/service stop "$kind" "$borrowed_folder/$kind" || warn "$kind of $borrowed_folder did not stop."
  done
  rm -rf "$borrowed_folder"
  borrowed_folder=
}
