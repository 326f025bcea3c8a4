# How set-up speaks: one line for each thing it does, one for what it cannot do.

say() { printf 'setup: %s\n' "$*"; }

fail() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

# quietly WHAT COMMAND...: runs COMMAND and shows its output only if it fails.
quietly() {
  local what=$1 log
  shift
  log=$(mktemp)
  if ! "$@" >"$log" 2>&1 </dev/null; then
    tail -n 40 "$log" >&2
    rm -f "$log"
    fail "$what failed: the last lines of '$*' are above"
  fi
  rm -f "$log"
}

# at_least WANTED FOUND: is version FOUND (1.2.3) not older than WANTED?
at_least() { [ -n "$2" ] && printf '%s\n%s\n' "$1" "$2" | sort --version-sort --check=quiet; }
