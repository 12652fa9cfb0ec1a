#!/usr/bin/env bash
# A Ceph of one process each (monitor, manager, one memory store) with a RADOS gateway before it: an S3 server over TLS on
# loopback that was written by others and verifies signatures. In the foreground; s3-server.sh says what it prints and how
# it ends.
#
#   rados-gateway.sh [--prepare]
#
# Environment (defaults in brackets):
#   S3_PORT              port of the gateway [a free one]
#   RADOS_MONITOR_PORT   port of the monitor, which takes the next one too [a free one]
#   RADOS_BYTES          room for objects, in memory [4 GiB]
#
# --prepare starts nothing: as root it installs Debian's packages where they are missing, in some 30 s.
# shellcheck source=scripts/s3-server.sh
. "$(dirname "$0")/s3-server.sh"

packages=(radosgw ceph-mon ceph-osd ceph-mgr ceph-common)
programs=(radosgw radosgw-admin ceph-mon ceph-osd ceph-mgr ceph ceph-authtool monmaptool openssl setpriv)

check_programs() {
  local missing
  missing=$(find_missing "${programs[@]}")
  [ -z "$missing" ] || lack "missing: $missing; install Debian's ${packages[*]}, or run with --prepare as root"
}

install_packages() {
  local install=(apt-get install -y -qq --no-install-recommends "${packages[@]}" openssl util-linux)
  if [ -z "$(find_missing "${programs[@]}")" ] || [ "$(id -u)" != 0 ] || [ -n "$(find_missing apt-get)" ]; then
    return
  fi
  export DEBIAN_FRONTEND=noninteractive
  # The lists of packages may be there already.
  "${install[@]}" >/dev/null 2>&1 || { apt-get update -qq && "${install[@]}" >/dev/null; } ||
    lack "apt-get cannot install ${packages[*]}"
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

case ${1:-} in
--prepare)
  install_packages
  check_programs
  exit
  ;;
'') check_programs ;;
*) fail "usage: rados-gateway.sh [--prepare]" ;;
esac

port=$(find_port "${S3_PORT:-}") || exit 1
monitor_port=$(find_port "${RADOS_MONITOR_PORT:-}") || exit 1
! is_open "$((monitor_port + 1))" || fail "port $((monitor_port + 1)) is in use"
open_folder
mkdir "$folder"/{run,mon,mgr,osd}
write_certificate
fsid=$(cat /proc/sys/kernel/random/uuid)
write_configuration "$fsid"
write_keys
start_monitor "$fsid"
launch ceph-mgr -c "$folder/ceph.conf" -i a -f
start_disk
add_user owner "$owner_access_key" "$owner_secret_key"
# A user who owns nothing: what a missing permission looks like.
add_user stranger "$stranger_access_key" "$stranger_secret_key"
launch radosgw -c "$folder/ceph.conf" -n client.gateway -f
wait_for 60 gateway is_open "$port"
# "ceph version 16.2.15 (…) pacific (stable)"
serve "$(radosgw --version | cut -d ' ' -f 3)" "$port"
