#!/usr/bin/env bash
# A Ceph of one process each (monitor, manager, one memory store) with a RADOS gateway before it: an S3 server over TLS on
# loopback that was written by others and verifies signatures. Everything lives in one folder and ends with `stop`.
#
#   rados-gateway.sh start [--install]    prints endpoint and keys as NAME=value once the gateway answers
#   rados-gateway.sh stop
#
# Environment (defaults in brackets):
#   RADOS_DIR            folder of configuration, data, logs and process ids [${TMPDIR:-/tmp}/rados-gateway]
#   RADOS_CERTIFICATE    PEM file of the server certificate, for 127.0.0.1 and localhost; needed by start
#   RADOS_PRIVATE_KEY    PEM file of its key; needed by start
#   RADOS_PORT           port of the gateway [17480]
#   RADOS_MONITOR_PORT   port of the monitor, which takes the next one too [17490]
#   RADOS_BYTES          room for objects, in memory [4 GiB]
#
# With --install, as root, Debian's packages are installed where they are missing: some 30 s.
set -euo pipefail

command=${1:-}
folder=${RADOS_DIR:-${TMPDIR:-/tmp}/rados-gateway}
port=${RADOS_PORT:-17480}
monitor_port=${RADOS_MONITOR_PORT:-17490}
packages=(radosgw ceph-mon ceph-osd ceph-mgr ceph-common)
programs=(radosgw radosgw-admin ceph-mon ceph-osd ceph-mgr ceph ceph-authtool monmaptool)

fail() {
  echo "rados-gateway: $*" >&2
  exit 1
}

find_missing() {
  local program
  for program in "${programs[@]}"; do
    command -v "$program" >/dev/null || echo "$program"
  done
}

install_packages() {
  [ -n "$(find_missing)" ] || return 0
  [ "$(id -u)" = 0 ] || fail "--install needs root; missing: $(find_missing | tr '\n' ' ')"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
}

# Each daemon runs in a session of its own, so that a Ctrl-C in the terminal does not end them in a random order.
launch() {
  setsid "$@" >>"$folder/log/daemons.log" 2>&1 </dev/null &
  echo "$!" >>"$folder/pids"
  disown
}

# wait_for SECONDS WHAT COMMAND...
wait_for() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>>"$folder/log/daemons.log"; do
    ((SECONDS < deadline)) || fail "no $what in time; see $folder/log"
    all_live || fail "a daemon ended before there was a $what; see $folder/log"
    sleep 0.2
  done
}

all_live() {
  local pid
  for pid in $(cat "$folder/pids"); do
    kill -0 "$pid" 2>/dev/null || return 1
  done
}

admin() {
  ceph -c "$folder/ceph.conf" --connect-timeout 10 "$@" 2>>"$folder/log/daemons.log"
}

write_configuration() {
  cat >"$folder/ceph.conf" <<CONFIGURATION
[global]
fsid = $1
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
mon_host = [v2:127.0.0.1:$monitor_port,v1:127.0.0.1:$((monitor_port + 1))]
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
keyring = $folder/keyring
run_dir = $folder/run
admin_socket = $folder/run/\$name.sock
log_file = $folder/log/\$name.log
mon_data = $folder/mon
mgr_data = $folder/mgr
osd_data = $folder/osd
osd_objectstore = memstore
memstore_device_bytes = ${RADOS_BYTES:-4294967296}
# One copy on one disk is all there is, and a nearly full test machine is no reason to stop.
osd_crush_chooseleaf_type = 0
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
mon_max_pg_per_osd = 1000
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
mon_data_avail_warn = 2
mon_data_avail_crit = 1

[client.gateway]
rgw_frontends = beast ssl_endpoint=127.0.0.1:$port ssl_certificate=$folder/server.crt ssl_private_key=$folder/server.key
rgw_dns_name = localhost
CONFIGURATION
}

# add_key NAME CAPABILITIES...
add_key() {
  local name=$1
  shift
  ceph-authtool "$folder/keyring" --gen-key -n "$name" "$@" >/dev/null
}

write_keys() {
  ceph-authtool --create-keyring "$folder/keyring" >/dev/null
  add_key mon. --cap mon 'allow *'
  add_key client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
  add_key mgr.a --cap mon 'allow profile mgr' --cap osd 'allow *'
  add_key osd.0 --cap mon 'allow profile osd' --cap osd 'allow *' --cap mgr 'allow profile osd'
  add_key client.gateway --cap mon 'allow rw' --cap osd 'allow rwx' --cap mgr 'allow rw'
}

start_monitor() {
  monmaptool --create --clobber --fsid "$1" \
    --addv a "[v2:127.0.0.1:$monitor_port,v1:127.0.0.1:$((monitor_port + 1))]" "$folder/monmap" >/dev/null
  ceph-mon -c "$folder/ceph.conf" --mkfs -i a --monmap "$folder/monmap" --keyring "$folder/keyring" \
    2>>"$folder/log/daemons.log"
  launch ceph-mon -c "$folder/ceph.conf" -i a -f
  wait_for 60 monitor admin mon stat
}

start_disk() {
  local uuid
  uuid=$(cat /proc/sys/kernel/random/uuid)
  admin osd new "$uuid" >/dev/null
  admin auth import -i "$folder/keyring" >/dev/null
  ceph-osd -c "$folder/ceph.conf" -i 0 --mkfs --osd-uuid "$uuid" >>"$folder/log/daemons.log" 2>&1
  launch ceph-osd -c "$folder/ceph.conf" -i 0 -f
  wait_for 60 disk disk_is_up
}

disk_is_up() {
  admin osd stat | grep -q ' 1 up'
}

# add_user NAME ACCESS_KEY SECRET_KEY
add_user() {
  radosgw-admin -c "$folder/ceph.conf" user create --uid="$1" --display-name="$1" --access-key="$2" --secret-key="$3" \
    >/dev/null 2>>"$folder/log/daemons.log"
}

# is_open PORT
is_open() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

start_all() {
  local missing fsid taken
  missing=$(find_missing | tr '\n' ' ')
  [ -z "$missing" ] || fail "missing: $missing- install Debian's ${packages[*]}, or start with --install as root"
  [ -r "${RADOS_CERTIFICATE:-}" ] || fail "RADOS_CERTIFICATE names no readable file"
  [ -r "${RADOS_PRIVATE_KEY:-}" ] || fail "RADOS_PRIVATE_KEY names no readable file"
  for taken in "$port" "$monitor_port" "$((monitor_port + 1))"; do
    ! is_open "$taken" || fail "port $taken is taken"
  done
  [ ! -e "$folder/pids" ] || fail "$folder/pids exists: stop the one that runs first"
  mkdir -p "$folder"/{run,log,mon,mgr,osd}
  chmod 0700 "$folder"
  folder=$(cd "$folder" && pwd)
  : >"$folder/pids"
  trap '[ "$?" = 0 ] || stop_all' EXIT
  install -m 0600 "$RADOS_CERTIFICATE" "$folder/server.crt"
  install -m 0600 "$RADOS_PRIVATE_KEY" "$folder/server.key"
  fsid=$(cat /proc/sys/kernel/random/uuid)
  write_configuration "$fsid"
  write_keys
  start_monitor "$fsid"
  launch ceph-mgr -c "$folder/ceph.conf" -i a -f
  start_disk
  add_user owner OWNERACCESSKEY000001 ownersecretkey00000000000000000000000001
  # A user who owns nothing: what a missing permission looks like.
  add_user stranger STRANGERACCESSKEY001 strangersecretkey00000000000000000000001
  launch radosgw -c "$folder/ceph.conf" -n client.gateway -f
  wait_for 60 gateway is_open "$port"
  cat <<ANSWER
RADOS_ENDPOINT=https://127.0.0.1:$port
RADOS_OWNER_ACCESS_KEY=OWNERACCESSKEY000001
RADOS_OWNER_SECRET_KEY=ownersecretkey00000000000000000000000001
RADOS_STRANGER_ACCESS_KEY=STRANGERACCESSKEY001
RADOS_STRANGER_SECRET_KEY=strangersecretkey00000000000000000000001
ANSWER
}

# Only processes that start wrote down, the last first; a process id that now belongs to another program is left alone.
stop_all() {
  local pid signal
  trap - EXIT
  [ -e "$folder/pids" ] || return 0
  for signal in TERM KILL; do
    for pid in $(tac "$folder/pids"); do
      ! is_ours "$pid" || kill "-$signal" "$pid" 2>/dev/null || true
    done
    wait_until_gone || true
  done
  rm -rf "$folder"/{run,mon,mgr,osd,keyring,monmap,ceph.conf,server.crt,server.key,pids}
}

is_ours() {
  tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | grep -qF -- "$folder/ceph.conf"
}

wait_until_gone() {
  local deadline=$((SECONDS + 2)) pid
  while ((SECONDS < deadline)); do
    for pid in $(cat "$folder/pids"); do
      ! is_ours "$pid" || {
        sleep 0.1
        continue 2
      }
    done
    return 0
  done
  return 1
}

case $command in
start)
  [ "${2:-}" != --install ] || install_packages
  start_all
  ;;
stop)
  [ ! -d "$folder" ] || folder=$(cd "$folder" && pwd)
  stop_all
  ;;
*) fail "usage: rados-gateway.sh start [--install] | stop" ;;
esac
