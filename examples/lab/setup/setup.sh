#!/usr/bin/env bash
# Brings a Linux machine to where the lab, the demo and the tests run. Repeating it costs little and changes nothing.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
# Not every root shell has the system's own folders on its PATH.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/turntable

. "$here/say.sh"
. "$here/apt.sh"
. "$here/machine.sh"
. "$here/node.sh"
. "$here/pulumi.sh"

main() {
  [ "$(id -u)" = 0 ] ||
    fail "the lab needs network namespaces, taps and bridges: run this as root or through sudo"
  [ "$(uname -sm)" = "Linux x86_64" ] || fail "the lab's guest is an x86-64 Linux: $(uname -sm) will not do"

  mkdir -p "$cache"
  # Two set-ups at once would install into the same folders: the second waits.
  exec 9>"$cache/setup.lock"
  flock 9

  provide_machine
  provide_node
  provide_provider
  provide_pulumi
  say "ready"
}

main
