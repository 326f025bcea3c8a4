# Debian and Ubuntu packages: only what is missing, from the mirror this machine already uses.

export DEBIAN_FRONTEND=noninteractive

codename() { (. /etc/os-release && echo "${VERSION_CODENAME:-}"); }

has_apt() { (. /etc/os-release && [[ " $ID ${ID_LIKE:-} " =~ \ (debian|ubuntu)\  ]]) && command -v apt-get >/dev/null; }

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# missing_of PACKAGE...: those that are not installed.
missing_of() {
  local package
  for package in "$@"; do installed "$package" || echo "$package"; done
}

refresh_lists() { quietly "refreshing the package lists" apt-get -o DPkg::Lock::Timeout=600 update; }

# The lists may be older than the mirror: refreshed once a run, and only when something is to be installed.
lists_are_fresh=
fresh_lists() {
  [ -n "$lists_are_fresh" ] && return
  refresh_lists
  lists_are_fresh=yes
}

# install_packages WHY PACKAGE|-t SUITE...
install_packages() {
  local why=$1
  shift
  fresh_lists
  say "installing $*: $why"
  quietly "installing $*" without_starting_services \
    apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends "$@"
}

# without_starting_services COMMAND...: a package that brings a daemon must not start it on this machine.
without_starting_services() {
  local policy=/usr/sbin/policy-rc.d result=0
  if [ -e "$policy" ]; then
    "$@"
    return
  fi
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  # shellcheck disable=SC2064
  trap "rm -f $policy" EXIT
  "$@" || result=$?
  rm -f "$policy"
  trap - EXIT
  return $result
}

# offers MINIMUM PACKAGE [SUITE]: would apt install PACKAGE, from SUITE if given, in a version of at least MINIMUM?
offers() {
  local version
  version=$(apt-get -s install --no-install-recommends ${3:+-t "$3"} "$2" 2>/dev/null |
    sed -n "s/^Inst $2 .*(\([^ ]*\).*/\1/p")
  # "1.23~" sorts before "1.23~bpo12", which is 1.23 as a backport.
  [ -n "$version" ] && dpkg --compare-versions "$version" ge "$1~"
}

# lists_suite SUITE: is SUITE among the package sources?
# shellcheck disable=SC2016
lists_suite() { apt-get indextargets --format '$(CREATED_BY) $(CODENAME) $(RELEASE)' | grep -qE "^Packages .*\b$1\b"; }

# The mirror of the distribution itself, among all the sources of this machine.
distribution_mirror() {
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(CREATED_BY)|$(ORIGIN)|$(CODENAME)|$(COMPONENT)|$(REPO_URI)' |
    awk -F '|' -v name="$(codename)" '$1 == "Packages" && $2 == "Debian" && $3 == name && $4 == "main" { print $5; exit }'
}

# Debian's backports come from the mirror that the machine's other packages come from.
add_backports() {
  local suite mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg signed=
  suite=$(codename)-backports
  fresh_lists
  lists_suite "$suite" && return
  mirror=$(distribution_mirror)
  [ -n "$mirror" ] || return 0
  [ -e "$keyring" ] && signed="[signed-by=$keyring] "
  say "adding the suite $suite of $mirror: it has the newer packages that $(codename) lacks"
  echo "deb $signed$mirror $suite main" >"/etc/apt/sources.list.d/$suite.list"
  refresh_lists
}

# install_at_least MINIMUM WHY PACKAGE...: from the release if it is new enough (the first package tells), else backports.
install_at_least() {
  local minimum=$1 why=$2 suite
  shift 2
  fresh_lists
  if offers "$minimum" "$1"; then
    install_packages "$why" "$@"
    return
  fi
  add_backports
  suite=$(codename)-backports
  offers "$minimum" "$1" "$suite" || fail "$1 of at least $minimum is needed ($why); this release has none: use Debian 12, Ubuntu 25.04 or newer"
  install_packages "$why" -t "$suite" "$@"
}
