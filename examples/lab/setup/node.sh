# Node 24 and the npm packages, inside the repository; the provider as the JavaScript that Pulumi loads.

node_minimum=24

# The folder that npm replaces must not be where npm's own node comes from.
outside_path() { printf '%s' "$PATH" | tr ':' '\n' | grep -vxF "$root/node_modules/.bin" | paste -sd: -; }

run_npm() { (cd "$root" && PATH=$(outside_path) npm "$@"); }

provide_node() {
  PATH=$(outside_path) command -v npm >/dev/null || provide_npm
  provide_node_modules
  PATH=$root/node_modules/.bin:$PATH
  at_least "$node_minimum" "$(node --version 2>/dev/null | tr -d v)" ||
    fail "node_modules/.bin/node is not Node $node_minimum or newer: remove node_modules and start again"
}

provide_npm() {
  has_apt || fail "npm is missing: install Node and npm, any version of the last years; Node $node_minimum follows from npm"
  install_packages "npm brings Node $node_minimum and the libraries" nodejs npm
}

# What node_modules was made from is noted inside it, so that it is made again only when the lock changes.
provide_node_modules() {
  local stamp=$root/node_modules/.setup-stamp sum
  sum=$(sha256sum <"$root/package-lock.json")
  if [ -x "$root/node_modules/.bin/node" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ]; then return 0; fi
  say "installing the npm packages of package-lock.json, Node $node_minimum among them"
  # No package's script runs at installation, but the one that puts Node's binary in place.
  quietly "npm ci" run_npm ci --ignore-scripts --no-audit --no-fund
  quietly "putting Node $node_minimum in place" run_npm rebuild node --ignore-scripts=false
  echo "$sum" >"$stamp"
}

# Node strips no types inside node_modules, and Pulumi's provider process loads the package from there.
provide_provider() {
  local stamp=$root/dist/.built
  if [ -e "$stamp" ] && [ -z "$(cd "$root" && find provider sdk package-lock.json tsconfig.json -newer "$stamp" -print -quit)" ]; then
    return 0
  fi
  say "building the provider: Pulumi loads it as JavaScript"
  mkdir -p "$root/dist"
  # Stamped before: what changes while the compiler runs is built again next time.
  touch "$stamp.new"
  quietly "building the provider" run_build
  mv "$stamp.new" "$stamp"
}

run_build() { (cd "$root" && npm run --silent build); }
