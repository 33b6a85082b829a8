# shellcheck shell=bash
# Sourced by tools/services/service: what the kinds of server share.

ROOT=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
# What was downloaded once; data never goes here.
# shellcheck disable=SC2034
INSTALLS=${NEXUSRAG_SERVICES_DIR:-$ROOT/build/services}/installed

fail() {
  printf 'service: %s\n' "$*" >&2
  exit 1
}

# Put before a command, it runs as nobody when we are root: PostgreSQL and OpenSearch refuse to run as root.
AS_USER=(env)
if [[ $(id -u) -eq 0 ]]; then
  AS_USER=(setpriv "--reuid=$(id -u nobody)" "--regid=$(id -g nobody)" --clear-groups --)
fi

# as_user FOLDER COMMAND...: with FOLDER for a home.
as_user() {
  local home=$1
  shift
  HOME=$home "${AS_USER[@]}" "$@"
}

# own FOLDER...: creates them, readable and writable for the user that the server runs as, and for no other.
own() {
  mkdir -p "$@"
  chmod 700 "$@"
  if [[ $(id -u) -eq 0 ]]; then chown "$(id -u nobody):$(id -g nobody)" "$@"; fi
}

# program_for FOLDER INSTALLED PROBE: the folder to run an installed server from. A checkout below a private home is
# closed to nobody, so that its server runs from a copy.
program_for() {
  local folder=$1 installed=$2 probe=$3
  if as_user "$folder" test -r "$installed/$probe" 2>/dev/null; then
    printf '%s' "$installed"
    return
  fi
  if [[ ! -e $folder/program/$probe ]]; then
    cp -r "$installed" "$folder/program"
    chmod -R a+rX "$folder/program"
  fi
  printf '%s' "$folder/program"
}

# free_ports COUNT: ports of 127.0.0.1 that nobody had a moment ago, one a line. Another program may be quicker, so
# whoever picks a port this way tries again.
free_ports() {
  python3 -c '
import socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for each in held:
    each.bind(("127.0.0.1", 0))
for each in held:
    print(each.getsockname()[1])' "$1"
}

# pid_of FILE FOLDER: the process in a pid file, when it is alive and was started for this folder.
pid_of() {
  local pid
  [[ -s $1 ]] || return 1
  pid=$(head -n 1 "$1")
  [[ $pid =~ ^[0-9]+$ ]] || return 1
  { tr '\0' '\n' <"/proc/$pid/cmdline"; } 2>/dev/null | grep -qF -- "$2" || return 1
  printf '%s' "$pid"
}

# alive PID: neither gone nor waiting for a parent that does not look after its dead.
alive() { [[ $(sed -n 's/.*) \([A-Z]\) .*/\1/p' "/proc/$1/stat" 2>/dev/null) == [^ZX] ]]; }
dead() { ! alive "$1"; }

# end PID SECONDS: SIGTERM, then SIGKILL when it takes longer.
end() {
  local tries=$(($2 * 20))
  kill -TERM "$1" 2>/dev/null || return 0
  while alive "$1"; do
    if [[ $tries -le 0 ]]; then kill -KILL "$1" 2>/dev/null || true; fi
    [[ $tries -gt -100 ]] || return 1
    tries=$((tries - 1))
    sleep 0.05
  done
}

# until_true SECONDS COMMAND...: looks every 50 ms.
until_true() {
  local tries=$(($1 * 20))
  shift
  until "$@" >/dev/null 2>&1; do
    [[ $tries -gt 0 ]] || return 1
    tries=$((tries - 1))
    sleep 0.05
  done
}
