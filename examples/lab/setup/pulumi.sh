# The Pulumi CLI: the cache's if it serves, else the one on PATH, else the official installer's or one built from its Go
# modules, both into the cache. The lab takes the cache's if there is one, so that both always mean the same CLI.

pulumi_minimum=3.170
pulumi_home=$cache/pulumi
pulumi_bin=$pulumi_home/bin
# Debian's own Go may be older than Pulumi's sources want.
go_minimum=1.23

provide_pulumi() {
  local found
  if [ -e "$pulumi_home/built-from" ]; then
    cached_build_is_current && return
  elif at_least "$pulumi_minimum" "$(version_of "$pulumi_bin/pulumi")"; then
    say "pulumi $(version_of "$pulumi_bin/pulumi"): the official installer's ($pulumi_bin)"
    return
  fi
  found=$(pulumi_on_path)
  if [ -n "$found" ] && at_least "$pulumi_minimum" "$(version_of "$found")"; then
    # What does not serve any more would stand before it in the lab.
    rm -rf "$pulumi_home"
    say "pulumi $(version_of "$found"): the one on PATH ($found)"
    return
  fi
  install_official || build_pulumi
}

# The user's own: the lab's environment may have put the cache's before it.
pulumi_on_path() { PATH=$(printf '%s' "$PATH" | tr ':' '\n' | grep -vxF "$pulumi_bin" | paste -sd: -) command -v pulumi || true; }

version_of() { PULUMI_SKIP_UPDATE_CHECK=1 "$1" version 2>/dev/null | tr -d v || true; }

# sources_sum: what a build is made from.
sources_sum() { cat "$here"/pulumi-*/{go.mod,go.sum} "$root/node_modules/@pulumi/pulumi/package.json" | sha256sum; }

cached_build_is_current() {
  local found
  [ "$(cat "$pulumi_home/built-from")" = "$(sources_sum)" ] || return 1
  found=$(version_of "$pulumi_bin/pulumi")
  at_least "$pulumi_minimum" "$found" || return 1
  say "pulumi $found: built from its Go modules ($pulumi_bin)"
}

# One short try: 20 s to answer, and a download that stalls is given up.
install_official() {
  command -v curl >/dev/null || return 1
  local folder version result=0
  version=$(node -p 'require("@pulumi/pulumi/package.json").version')
  say "trying the official installer for pulumi $version"
  folder=$(mktemp -d)
  printf 'connect-timeout = 10\nspeed-limit = 100000\nspeed-time = 10\n' >"$folder/.curlrc"
  {
    curl --silent --fail --location --max-time 20 --output "$folder/install.sh" https://get.pulumi.com &&
      CURL_HOME=$folder timeout 300 sh "$folder/install.sh" \
        --no-edit-path --silent --install-root "$folder/pulumi" --version "$version" &&
      at_least "$pulumi_minimum" "$(version_of "$folder/pulumi/bin/pulumi")" &&
      replace_pulumi "$folder/pulumi/bin"
  } >/dev/null 2>&1 </dev/null || result=1
  rm -rf "$folder"
  if [ $result = 0 ]; then
    say "pulumi $version: by the official installer ($pulumi_bin)"
  else
    say "the official installer cannot be reached from here"
  fi
  return $result
}

# replace_pulumi FOLDER: all of it or nothing, since a CLI and its language host belong together.
replace_pulumi() {
  mkdir -p "$pulumi_home"
  rm -rf "$pulumi_bin.new"
  cp -a "$1" "$pulumi_bin.new"
  rm -rf "$pulumi_bin" "$pulumi_home/built-from"
  mv "$pulumi_bin.new" "$pulumi_bin"
}

build_pulumi() {
  local folder
  at_least "$go_minimum" "$(go_version)" || provide_go
  folder=$(mktemp -d)
  say "building pulumi from its Go modules: minutes, once"
  build_module pulumi-cli pkg/v3 cmd/pulumi "$folder/pulumi"
  build_module pulumi-language-nodejs sdk/v3 nodejs/cmd/pulumi-language-nodejs "$folder/pulumi-language-nodejs"
  # Beside the CLI, where it looks first for the plugins that are part of it.
  install -m 755 "$root/node_modules/@pulumi/pulumi/pulumi-resource-pulumi-nodejs" "$folder"
  install -m 755 "$(module_folder pulumi-language-nodejs sdk/v3)/nodejs/dist/pulumi-analyzer-policy" "$folder"
  replace_pulumi "$folder"
  sources_sum >"$pulumi_home/built-from"
  rm -rf "$folder"
  cached_build_is_current || fail "the pulumi that was built in $pulumi_bin does not run"
}

go_version() { GOTOOLCHAIN=local go version 2>/dev/null | sed -n 's/.* go\([0-9.]*\).*/\1/p'; }

provide_go() {
  has_apt || fail "neither pulumi nor Go $go_minimum is there: install one of them (https://www.pulumi.com/docs/install)"
  install_at_least "2:$go_minimum" "Go builds the Pulumi CLI" golang-go
}

# go_in FOLDER ARGUMENTS...: Go in a module of ours, with what go.sum says and nothing newer.
go_in() { (cd "$here/$1" && CGO_ENABLED=0 GOFLAGS="-mod=readonly -buildvcs=false" GOWORK=off go "${@:2}"); }

# module_folder OURS MODULE, module_version OURS MODULE: where Pulumi's MODULE lies, and which one it is.
module_folder() { go_in "$1" list -m -f '{{.Dir}}' "github.com/pulumi/pulumi/$2"; }
module_version() { go_in "$1" list -m -f '{{.Version}}' "github.com/pulumi/pulumi/$2"; }

# build_module OURS MODULE PACKAGE OUTPUT
build_module() {
  local version
  version=$(module_version "$1" "$2")
  quietly "building $1 $version" go_in "$1" build -trimpath -o "$4" \
    -ldflags "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=$version" \
    "github.com/pulumi/pulumi/$2/$3"
  say "built $1 $version"
}
