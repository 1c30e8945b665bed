#!/usr/bin/env bash
# clang-tidy over every source file of src/, as build/compile_commands.json compiles it.
#
#   tidy.sh BUILD [FILE]...     default: every .cpp of src/ that git knows, the tests aside
set -euo pipefail
cd -- "$(dirname -- "$(realpath -- "${BASH_SOURCE[0]}")")/.."
build=$1
shift
(($#)) || mapfile -t files < <(git ls-files 'src/*.cpp' | grep -v '_test\.cpp$')
(($# == 0)) || files=("$@")

# The precompiled header is g++'s: clang reads the text behind it instead.
database=$(mktemp -d)
trap 'rm -rf "$database"' EXIT
sed -E 's/-include [^ ]+cmake_pch\.hxx//; s/-Winvalid-pch//; s/-fpch-preprocess//' "$build/compile_commands.json" >"$database/compile_commands.json"

# nlohmann's comparisons of C++20 do not compile with clang in all of its versions; the older ones do.
arguments=(-p "$database" --quiet --extra-arg=-DJSON_HAS_THREE_WAY_COMPARISON=0)

echo "lint: clang-tidy over ${#files[@]} files"
printf '%s\0' "${files[@]}" |
  xargs -0 -n 1 -P "$(nproc)" clang-tidy-19 "${arguments[@]}" 2> >(grep -vE 'warnings? generated|^Suppressed|^Use -' >&2) || {
  echo "lint: clang-tidy found something (above)" >&2
  exit 1
}
