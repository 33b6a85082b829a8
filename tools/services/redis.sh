# shellcheck shell=bash
# Sourced by tools/services/service: Debian's redis-server, one by itself or a cluster of three masters.

# redis_node FOLDER PORT [OPTION...]: keeps nothing on the disk.
redis_node() {
  local folder=$1 port=$2
  shift 2
  own "$folder"
  rm -f "$folder/redis.pid"
  as_user "$folder" redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no --daemonize yes \
    --dir "$folder" --pidfile "$folder/redis.pid" --logfile "$folder/redis.log" --set-proc-title no "$@" >/dev/null || return 1
  if until_true 10 redis-cli -h 127.0.0.1 -p "$port" ping; then return 0; fi
  return 1
}

redis_needs() { command -v redis-server >/dev/null || fail "redis-server is not installed; ./dev setup installs it."; }

redis_start() {
  local folder=$1 given=${2:-} port _
  redis_needs
  for _ in 1 2 3 4; do
    port=${given:-$(free_ports 1)}
    if redis_node "$folder/data" "$port" && redis_running "$folder" >/dev/null; then
      printf '%s\n' "$port" >"$folder/port"
      printf 'redis://127.0.0.1:%s' "$port"
      return
    fi
    sleep 0.2
  done
  fail "Redis did not start: $(tail -n 3 "$folder/data/redis.log" 2>/dev/null)"
}

redis_running() { pid_of "$1/data/redis.pid" "$1/data"; }

redis_stop() {
  local pid
  if pid=$(redis_running "$1"); then end "$pid" 5; fi
}

redis_cluster_is_whole() {
  local port
  for port in "$@"; do
    redis-cli -h 127.0.0.1 -p "$port" cluster info | tr -d '\r' | grep -qx 'cluster_state:ok' || return 1
    redis-cli -h 127.0.0.1 -p "$port" cluster info | tr -d '\r' | grep -qx 'cluster_known_nodes:3' || return 1
  done
}

# The bus of a node normally listens 10000 above its port, which may not be free or not exist; so both are named.
redis-cluster_start() {
  local folder=$1 ports i
  local slots=('0 5460' '5461 10922' '10923 16383')
  redis_needs
  mapfile -t ports < <(free_ports 6)
  for i in 0 1 2; do
    redis_node "$folder/node$i" "${ports[$i]}" --cluster-enabled yes --cluster-config-file nodes.conf \
      --cluster-port "${ports[$((i + 3))]}" --cluster-node-timeout 2000 || fail "a node of the Redis cluster did not start."
    # shellcheck disable=SC2086 # two numbers
    redis-cli -h 127.0.0.1 -p "${ports[$i]}" cluster addslotsrange ${slots[$i]} >/dev/null
    redis-cli -h 127.0.0.1 -p "${ports[$i]}" cluster set-config-epoch $((i + 1)) >/dev/null
  done
  for i in 1 2; do
    redis-cli -h 127.0.0.1 -p "${ports[0]}" cluster meet 127.0.0.1 "${ports[$i]}" "${ports[$((i + 3))]}" >/dev/null
  done
  until_true 20 redis_cluster_is_whole "${ports[@]:0:3}" || fail "the Redis cluster did not come together."
  printf 'redis://127.0.0.1:%s,127.0.0.1:%s,127.0.0.1:%s' "${ports[@]:0:3}"
}

redis-cluster_running() { pid_of "$1/node0/redis.pid" "$1/node0"; }

redis-cluster_stop() {
  local i pid
  for i in 0 1 2; do
    if pid=$(pid_of "$1/node$i/redis.pid" "$1/node$i"); then end "$pid" 5; fi
  done
}
