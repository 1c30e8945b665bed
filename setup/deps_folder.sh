#!/usr/bin/env bash
# Prints the folder of the fetched parts: $BALLOT_DEPS where that is set, else one in the user's cache that is named
# by the hash of parts.toml, so that clones which want the same parts share them and others do not.
#
#   deps_folder.sh           the fetched parts
#   deps_folder.sh cache     the folder of what builds share beside them: compiler cache, Rust crates as built
set -euo pipefail
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ballot
if [[ -n ${BALLOT_DEPS:-} ]]; then
  realpath -m -- "$BALLOT_DEPS"
elif [[ ${1:-} == cache ]]; then
  echo "$cache"
else
  hash=$(sha256sum -- "$(dirname -- "$(realpath -- "${BASH_SOURCE[0]}")")/parts.toml")
  echo "$cache/deps-${hash:0:12}"
fi
