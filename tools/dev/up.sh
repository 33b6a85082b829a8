# shellcheck shell=bash
# Sourced by ./dev: start the real server, ready for a first question.

readonly QUESTION='What are the release gates for Agent 2.0?'
readonly KEY_PATTERN='nrgk_[0-9a-f]{32}_[A-Za-z0-9_-]{20,}'

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The first free port from $1 on, among twenty.
free_port() {
  local port=$1 last=$(($1 + 19))
  while port_taken "$port"; do
    warn "port $port is taken; trying the next."
    port=$((port + 1))
    [[ $port -le $last && $port -le 65535 ]] || fail "ports $1 to $last are all taken; give another with --port."
  done
  printf '%s' "$port"
}

# prepare_data BINARY: schema and demo corpus. Both are quick when they find their work done.
prepare_data() {
  say "nexusrag migrate"
  "$1" migrate || fail "the database in $DATA_DIR could not be brought up to date."
  say "nexusrag seed-demo"
  "$1" seed-demo || fail "the demo corpus could not be written."
}

# new_key BINARY FILE: an admin key of tenant t1, its plaintext kept for this user alone.
new_key() {
  local output key
  output=$("$1" keys create --tenant t1 --role admin --name dev-up) || fail "no API key could be created."
  key=$(grep -oE "$KEY_PATTERN" <<<"$output" | tail -n 1) || fail "nexusrag keys create printed no key."
  mkdir -p "$(dirname "$2")"
  rm -f "$2"
  (umask 077 && printf '%s\n' "$key" >"$2")
}

# key_works BINARY FILE: the stored key is one that this database still accepts.
key_works() {
  [[ -s $2 ]] || return 1
  local id
  id=$(sed -n 's/^nrgk_\([0-9a-f]\{32\}\)_.*/\1/p' "$2" | head -n 1)
  [[ -n $id ]] || return 1
  "$1" keys list --tenant t1 2>/dev/null | awk -F '\t' -v id="$id" '$1 == id && $7 == "" { ok = 1 } END { exit !ok }'
}

# wait_ready PID ADDRESS_FILE SECONDS: prints the address once /livez answers; fails when the server is gone.
wait_ready() {
  local pid=$1 file=$2 tries=$(($3 * 20)) address
  while [[ $tries -gt 0 ]]; do
    kill -0 "$pid" 2>/dev/null || return 1
    if [[ -s $file ]]; then
      address=$(head -n 1 "$file")
      address=${address#http://}
      if curl -fsS --noproxy '*' --max-time 2 -o /dev/null "http://$address/livez" 2>/dev/null; then
        printf '%s' "$address"
        return 0
      fi
    fi
    sleep 0.05
    tries=$((tries - 1))
  done
  return 1
}

# A server of this folder that is still alive answers to the key of this folder.
running_here() {
  local address
  [[ -s $DATA_DIR/run/address && -s $DATA_DIR/run/dev-key ]] || return 1
  address=$(head -n 1 "$DATA_DIR/run/address")
  address=${address#http://}
  curl -fsS --noproxy '*' --max-time 2 -o /dev/null -H @- "http://$address/v1/corpora" 2>/dev/null \
    <<<"Authorization: Bearer $(<"$DATA_DIR/run/dev-key")" || return 1
  printf '%s' "$address"
}

# print_first_steps ADDRESS KEY
print_first_steps() {
  cat <<TEXT

NexusRAG answers on http://$1   (documentation: http://$1/v1/docs)
Your key, an admin of tenant t1, also in $DATA_DIR/run/dev-key:

  $2

Ask the first question:

  curl -N http://$1/v1/run \\
    -H 'Authorization: Bearer $2' \\
    -H 'Content-Type: application/json' \\
    -d '{"session_id":"first-$(date +%s)","corpus_id":"c1","message":"$QUESTION"}'

TEXT
}

# Starts the server as its own process group, so that Ctrl-C reaches it once, through us, as SIGTERM.
# Sets server_pid.
start_server() {
  set -m
  "$@" &
  server_pid=$!
  set +m
}

# Waits until the server is gone and returns its status; a signal to us becomes a SIGTERM to it.
wait_server() {
  local status
  trap 'kill -TERM "$server_pid" 2>/dev/null || true' INT TERM HUP
  while :; do
    status=0
    wait "$server_pid" || status=$?
    kill -0 "$server_pid" 2>/dev/null || break # else a signal woke us, and the server is still finishing
  done
  trap - INT TERM HUP
  return "$status"
}

up_command() {
  local port=${PORT:-8000} preset=release address binary key_file
  while [[ $# -gt 0 ]]; do
    case "$1" in
      --port) port=${2:-}; shift 2 || fail "--port needs a number." ;;
      --port=*) port=${1#*=}; shift ;;
      --preset) preset=${2:-}; shift 2 || fail "--preset needs a name." ;;
      *) fail "up knows --port N and --preset NAME, not '$1'." ;;
    esac
  done
  [[ $port =~ ^[0-9]+$ && $port -ge 1 && $port -le 65535 ]] || fail "'$port' is not a port between 1 and 65535."

  if address=$(running_here); then
    say "a server of this folder already runs on $address"
    print_first_steps "$address" "$(<"$DATA_DIR/run/dev-key")"
    return 0
  fi

  ensure_tools
  if model_wanted; then setup_model; fi
  build_preset "$preset" nexusrag
  binary=$(binary_of "$preset")
  export DATA_DIR MODELS_DIR
  key_file=$DATA_DIR/run/dev-key

  prepare_data "$binary"
  if ! key_works "$binary" "$key_file"; then
    say "nexusrag keys create --tenant t1 --role admin --name dev-up"
    new_key "$binary" "$key_file"
  fi

  port=$(free_port "$port")
  rm -f "$DATA_DIR/run/address"
  say "nexusrag serve --listen 127.0.0.1:$port"
  start_server "$binary" serve --listen "127.0.0.1:$port"
  if address=$(wait_ready "$server_pid" "$DATA_DIR/run/address" 30); then
    print_first_steps "$address" "$(<"$key_file")"
    say "serving; stop with Ctrl-C"
  elif kill -0 "$server_pid" 2>/dev/null; then
    kill -TERM "$server_pid"
    fail "the server did not answer /livez within 30 seconds."
  fi
  wait_server || fail "the server ended with an error; its last lines are above."
  say "stopped"
}

# The promise of the README, kept by a machine: a new folder, the first question, a cited answer, a clean exit.
smoke_command() {
  local preset=${1:-dev} binary scratch address answer status=0
  ensure_tools
  build_preset "$preset" nexusrag
  binary=$ROOT/$(binary_of "$preset")
  MODELS_DIR=$(realpath -m "$MODELS_DIR")
  scratch=$(mktemp -d)
  DATA_DIR=$scratch/var
  export DATA_DIR MODELS_DIR
  # shellcheck disable=SC2064
  trap "rm -rf '$scratch'" EXIT

  prepare_data "$binary"
  new_key "$binary" "$scratch/key"
  key_works "$binary" "$scratch/key" || fail "keys list does not show the key just created."
  start_server "$binary" serve --listen 127.0.0.1:0
  address=$(wait_ready "$server_pid" "$DATA_DIR/run/address" 30) || status=1
  if [[ $status -eq 0 ]]; then
    answer=$(curl -fsSN --noproxy '*' --max-time 30 "http://$address/v1/run" \
      -H "Authorization: Bearer $(<"$scratch/key")" -H 'Content-Type: application/json' \
      -d "{\"session_id\":\"smoke\",\"corpus_id\":\"c1\",\"message\":\"$QUESTION\"}") || status=1
  fi
  kill -TERM "$server_pid" 2>/dev/null || true
  wait_server || { warn "the server did not end with status 0."; status=1; }
  grep -q '"message.final"' <<<"${answer:-}" && grep -q 'demo://doc/1' <<<"$answer" || status=1
  if [[ $status -ne 0 ]]; then
    printf '%s\n' "${answer:-no answer}" >&2
    fail "smoke: the first question was not answered with a citation of demo://doc/1."
  fi
  say "smoke: the first question was answered and cites demo://doc/1"
}
