#!/usr/bin/env bash
# versitygw, an S3 server over TLS on loopback that was written by others and verifies signatures, with files behind it. In the
# foreground; s3-server.sh says what it prints and how it ends.
#
#   versitygw.sh [--prepare]
#
# Environment: S3_PORT, its port [a free one]
#
# Built by Go from e2e/tools/versitygw into a cache folder of the user, once for each version: one to two minutes. --prepare
# does that alone.
# shellcheck source=scripts/s3-server.sh
. "$(dirname "$0")/s3-server.sh"

module=$(cd "$(dirname "$0")/../e2e/tools/versitygw" && pwd)
package=github.com/versity/versitygw
cache=${XDG_CACHE_HOME:-$HOME/.cache}/hypershift-etcd-backup-action/versitygw

build() {
  local answer target=$1
  answer=$(find_missing go)
  [ -z "$answer" ] || lack "missing: go; install $(sed -n 's/^go /Go /p' "$module/go.mod") or newer"
  # Nothing of the user's own settings of Go gets into the program.
  export CGO_ENABLED=0 GOFLAGS=-mod=readonly GOWORK=off
  answer=$(cd "$module" && go mod download 2>&1) ||
    lack "Go cannot get its modules: $(tail -n 1 <<<"$answer")"
  mkdir -p "$cache"
  # Beside its place and renamed: another process may do the same at this moment.
  answer=$(cd "$module" && go build -trimpath -buildvcs=false -ldflags "-s -w -X main.Version=$version" \
    -o "$target.$$" "$package/cmd/versitygw" 2>&1) || {
    rm -f "$target.$$"
    fail "Go cannot build $package: $(tail -n 1 <<<"$answer")"
  }
  mv "$target.$$" "$target"
}

add_stranger() {
  ADMIN_ACCESS_KEY_ID=$owner_access_key ADMIN_SECRET_ACCESS_KEY=$owner_secret_key "$program" admin \
    --endpoint-url "https://127.0.0.1:$port" --allow-insecure create-user \
    --access "$stranger_access_key" --secret "$stranger_secret_key" --role user >>"$folder/log/daemons.log" 2>&1
}

case ${1:-} in
--prepare | '') ;;
*) fail "usage: versitygw.sh [--prepare]" ;;
esac

version=$(sed -n "s#^[[:space:]]*$package \(v[^ ]*\).*#\1#p" "$module/go.mod")
# All that decides what is built.
program=$cache/$version-$(cat "$module/go.mod" "$module/go.sum" | sha256sum | head -c 12)
[ -x "$program" ] || build "$program"
missing=$(find_missing openssl setpriv)
[ -z "$missing" ] || lack "missing: $missing"
[ "${1:-}" != --prepare ] || exit 0

port=$(find_port "${S3_PORT:-}") || exit 1
open_folder
mkdir "$folder"/{objects,versions,users}
write_certificate
export ROOT_ACCESS_KEY_ID=$owner_access_key ROOT_SECRET_ACCESS_KEY=$owner_secret_key
launch "$program" --quiet --port "127.0.0.1:$port" --cert "$folder/server.crt" --key "$folder/server.key" \
  --iam-dir "$folder/users" posix --versioning-dir "$folder/versions" "$folder/objects"
wait_for 30 gateway is_open "$port"
add_stranger
serve "${version#v}" "$port"
