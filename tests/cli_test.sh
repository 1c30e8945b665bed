#!/usr/bin/env bash
# Commands as a user types them, and what they print: tests/cli/*.test. In a file
#   # ...          a comment
#   $ ballot ...   a command, run by bash in a scratch folder ($STUDIES: the studies folder of the source)
#   > text         a line of stdout contains it
#   ! text         a line of stderr contains it
#   = exit N       the exit code (0 where the line is missing)
# The scratch folder is the same for all commands of a file, so that a file tells a story.
set -euo pipefail
program=$1 source=$2
export PATH="$(dirname "$program"):$PATH" STUDIES="$source/studies" GOLDEN="$source/tests/golden" NO_COLOR=1
failures=0 commands=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

check() {  # file command expected-exit wanted-lines
  local file=$1 command=$2 want_code=$3 code=0; shift 3
  [[ -n $command ]] || return 0
  commands=$((commands + 1))
  (cd "$scratch/work" && bash -c "$command") >"$scratch/out" 2>"$scratch/err" </dev/null || code=$?
  local bad=''
  [[ $code -eq $want_code ]] || bad="exit $code, wanted $want_code"
  local line
  for line in "$@"; do
    case $line in
      '> '*) grep -qF -- "${line:2}" "$scratch/out" || bad="${bad:+$bad; }stdout lacks: ${line:2}" ;;
      '! '*) grep -qF -- "${line:2}" "$scratch/err" || bad="${bad:+$bad; }stderr lacks: ${line:2}" ;;
    esac
  done
  if [[ -n $bad ]]; then
    failures=$((failures + 1))
    printf '%s: $ %s\n  %s\n--- stdout\n%s\n--- stderr\n%s\n' "$(basename "$file")" "$command" "$bad" "$(head -c 2000 "$scratch/out")" "$(tail -c 2000 "$scratch/err")"
  fi
}

for file in "$source"/tests/cli/*.test; do
  rm -rf "$scratch/work"; mkdir "$scratch/work"
  command='' want=0 lines=()
  while IFS= read -r line || [[ -n $line ]]; do
    case $line in
      '$ '*) check "$file" "$command" "$want" "${lines[@]}"; command=${line:2} want=0 lines=() ;;
      '= exit '*) want=${line:7} ;;
      '> '*|'! '*) lines+=("$line") ;;
    esac
  done <"$file"
  check "$file" "$command" "$want" "${lines[@]}"
done
echo "$commands commands, $failures failed"
[[ $failures -eq 0 && $commands -gt 0 ]]
