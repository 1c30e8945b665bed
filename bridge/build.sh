#!/usr/bin/env bash
# Builds the bridge's static library with cargo, or takes it from the cache where one of the same sources was built before.
#
#   build.sh --fetch       fetches the crates of Cargo.lock, unless they are there; builds nothing
#   build.sh LIBRARY       puts libballot_bridge.a there
#
# Built crates are shared by all clones: cargo's target folder lies in the cache, keyed by Cargo.lock and compiler; the finished
# library beside it, keyed by these and the bridge's own sources, so that a second clone neither compiles nor fetches anything.
set -euo pipefail

here=$(dirname -- "$(realpath -- "${BASH_SOURCE[0]}")")
# shellcheck source=setup/rust.sh
source "$here/../setup/rust.sh"

fail() {
  echo "bridge: error: $1" >&2
  shift
  printf '  %s\n' "$@" >&2
  exit 1
}

find_rust || fail "no Rust toolchain of version $rust_needed or later" 'next: run `make build`, which installs one'
cache=$("$here/../setup/deps_folder.sh" cache)
compiler=$("$RUSTC" --version)
lock_key=$({ cat "$here/Cargo.lock"; echo "$compiler"; } | sha256sum)
lock_key=${lock_key:0:12}
source_key=$({ echo "$lock_key"; cd "$here"; cat Cargo.toml; find src -name '*.rs' -o -name '*.js' | LC_ALL=C sort | xargs sha256sum; } | sha256sum)
source_key=${source_key:0:16}
built=$cache/bridge/$source_key.a

fetch() {
  [[ -f $built ]] && return
  "$CARGO" fetch --locked --offline --quiet --manifest-path "$here/Cargo.toml" 2>/dev/null && return
  echo "setup: fetching the Rust crates of bridge/Cargo.lock (15 MB, seconds)"
  "$CARGO" fetch --locked --quiet --manifest-path "$here/Cargo.toml" ||
    fail 'cargo could not fetch the crates of bridge/Cargo.lock' \
         'next: the lines above say which and why. Proxy and certificates: https_proxy, CARGO_HTTP_CAINFO; a mirror: source' \
         '      replacement in cargo'\''s config.toml. A checksum that differs is never to be accepted. Then run the same command again.'
}

if [[ $1 == --fetch ]]; then
  fetch
  exit
fi

mkdir -p "$cache/bridge" "$cache/cargo"
exec 9>"$cache/bridge/.lock"
flock 9
if [[ ! -f $built ]]; then
  fetch
  export CARGO_TARGET_DIR=$cache/cargo/$lock_key
  "$CARGO" build --release --locked --offline --quiet --manifest-path "$here/Cargo.toml" ||
    fail "cargo could not build the bridge (target folder $CARGO_TARGET_DIR)" 'next: the lines above say why'
  cp "$CARGO_TARGET_DIR/release/libballot_bridge.a" "$built.part"
  mv "$built.part" "$built"
  # 60 MB each: keep the last few
  ls -t "$cache"/bridge/*.a | tail -n +7 | xargs -r rm -f
else
  touch "$built"
fi
mkdir -p "$(dirname -- "$1")"
cp --reflink=auto "$built" "$1.part"
mv "$1.part" "$1"
