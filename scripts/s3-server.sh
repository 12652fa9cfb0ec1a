# What the start scripts of S3 servers share: a folder, a certificate, ports and processes that end with the script.
# Sourced, not run. Such a script runs in the foreground and prints NAME=value lines once its server answers:
#
#   S3_VERSION                               of the server
#   S3_ENDPOINT                              https://127.0.0.1:PORT
#   S3_CA_FILE                               PEM of the certificate to trust
#   S3_OWNER_ACCESS_KEY, …_SECRET_KEY        of a user who may create buckets
#   S3_STRANGER_ACCESS_KEY, …_SECRET_KEY     of a user who may do nothing in them
#
# It ends, and removes its folder, when its standard input ends or a signal comes: whoever holds the other end of the pipe
# need not live to say so. Exit code 3: this machine has not what the server needs, one line says what.
set -euo pipefail

script=$(basename "$0" .sh)
folder=
processes=()

fail() {
  echo "$script: $*" >&2
  exit 1
}

lack() {
  echo "$script: $*" >&2
  exit 3
}

# find_missing PROGRAM...: those that are not installed, on one line.
find_missing() {
  local program missing=()
  for program in "$@"; do
    command -v "$program" >/dev/null || missing+=("$program")
  done
  echo "${missing[*]:-}"
}

open_folder() {
  folder=$(mktemp -d "${TMPDIR:-/tmp}/$script-XXXXXX")
  mkdir "$folder/log"
  : >"$folder/log/daemons.log"
  trap close EXIT
  trap 'echo "$script: a command failed: $(last_words)" >&2' ERR
  trap 'exit 0' USR1
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  watch_input <&0 >/dev/null 2>&1 &
  processes+=("$!")
}

# Beside the script, which could not look for the end of its input while it starts programs.
watch_input() {
  local parent
  trap - EXIT ERR USR1 INT TERM HUP
  while read -r _; do :; done
  # When the script is gone already, its id may be another's.
  read -r _ _ _ parent _ <"/proc/$BASHPID/stat"
  [ "$parent" != "$$" ] || kill -USR1 "$$"
}

# All of these are children that nobody has waited for, so their ids cannot have gone to other processes.
close() {
  local status=$?
  # With a folder the server was found, so this 3 is a program's own.
  [ "$status" != 3 ] || status=1
  trap - ERR
  trap '' USR1 INT TERM HUP
  # The shell would tell of each one that it was killed.
  exec 2>/dev/null
  kill -KILL "${processes[@]}" || true
  wait || true
  rm -rf "$folder"
  exit "$status"
}

# In the background, killed by the kernel when this script is killed.
launch() {
  setpriv --pdeathsig KILL -- "$@" >>"$folder/log/daemons.log" 2>&1 </dev/null &
  processes+=("$!")
}

all_live() {
  local process
  for process in "${processes[@]}"; do
    kill -0 "$process" 2>/dev/null || return 1
  done
}

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>>"$folder/log/daemons.log"; do
    all_live || fail "a program ended before there was a $what: $(last_words)"
    ((SECONDS < deadline)) || fail "no $what in time: $(last_words)"
    sleep 0.2
  done
}

last_words() {
  tail -n 5 "$folder/log/daemons.log" | tr '\n' ' ' | tail -c 500
}

is_open() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# find_port [WANTED]: the wanted port, or one below those that the kernel gives to clients.
find_port() {
  local port
  if [ -n "${1:-}" ]; then
    ! is_open "$1" || fail "port $1 is in use"
    echo "$1"
    return
  fi
  for _ in {1..100}; do
    port=$((20000 + RANDOM % 10000))
    if ! is_open "$port"; then
      echo "$port"
      return
    fi
  done
  fail "no port between 20000 and 29999 is free"
}

# A certificate that is its own authority, for 127.0.0.1 and localhost.
write_certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$folder/server.key" -out "$folder/server.crt" \
    2>>"$folder/log/daemons.log"
}

# announce VERSION PORT, then waits for the end.
serve() {
  cat <<ANSWER
S3_VERSION=$1
S3_ENDPOINT=https://127.0.0.1:$2
S3_CA_FILE=$folder/server.crt
S3_OWNER_ACCESS_KEY=$owner_access_key
S3_OWNER_SECRET_KEY=$owner_secret_key
S3_STRANGER_ACCESS_KEY=$stranger_access_key
S3_STRANGER_SECRET_KEY=$stranger_secret_key
ANSWER
  wait -n "${processes[@]}" || true
  fail "a program ended: $(last_words)"
}

owner_access_key=OWNERACCESSKEY000001
owner_secret_key=ownersecretkey00000000000000000000000001
stranger_access_key=STRANGERACCESSKEY001
stranger_secret_key=strangersecretkey00000000000000000000001
