/**
 * dd of the container: the real one, by the name that a process of coreutils has on Red Hat's UBI, where all of them are
 * one program that scripts name.
 */
export const ddScript = `#!/bin/bash
exec -a '/usr/bin/coreutils --coreutils-prog-shebang=dd /usr/bin/dd' /bin/dd "$@"
`;

/**
 * df of the container: the size of its volume is VOLUME_KIB, what is used is what lies in /var/lib. Other paths, and
 * other output formats than POSIX's, are not known to it and fail.
 */
export function dfScript(root: string): string {
  return `#!/bin/sh
path=
for argument do
  case $argument in
    -P | -k | -Pk | -kP | --portability) ;;
    -*) echo "df: unrecognized option '$argument'" >&2; exit 1 ;;
    *) path=$argument ;;
  esac
done
case $path in
  '${root}/var/lib' | '${root}/var/lib/'*) ;;
  *) echo "df: $path: No such file or directory" >&2; exit 1 ;;
esac
set -- $(du -s -k '${root}/var/lib')
used=$1
free=$((VOLUME_KIB - used))
[ "$free" -gt 0 ] || free=0
echo 'Filesystem     1024-blocks    Used Available Capacity Mounted on'
echo "/dev/sdb           $VOLUME_KIB $used $free $((used * 100 / VOLUME_KIB))% /var/lib"
`;
}

/**
 * etcdctl of the container: the real one. Where the volume is to be full, the part file of a save is a link to
 * /dev/full, which answers every write with ENOSPC, so that etcdctl fails with its own words and takes the part away.
 * Where a save is to be watched, it reaches etcd through another port.
 */
export function etcdctlScript(etcdctl: string): string {
  return `#!/bin/sh
case " $* " in
*" snapshot save "*)
  for argument do
    shift
    if [ -n "$SAVE_PORT" ]; then
      case $argument in
        --endpoints=*) argument=--endpoints=https://localhost:$SAVE_PORT ;;
        https://localhost:*) argument=https://localhost:$SAVE_PORT ;;
      esac
    fi
    set -- "$@" "$argument"
  done
  if [ -n "$VOLUME_FULL" ]; then ln -sf /dev/full "$argument.part"; fi
  ;;
esac
exec '${etcdctl}' "$@"
`;
}
