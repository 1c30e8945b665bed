#!/usr/bin/env bash
# What can go wrong around the whole program: it is killed (SIGKILL) at random moments, a second process wants the same folder,
# the disk is full. Each time the same command goes on afterwards and ends with the bytes of a run to which nothing
# happened, and what went wrong is told in one plain message.
#   interruption_test.sh PROGRAM SOURCE [SEED]     the seed decides the moments of the kills (default: the day) and is printed
set -uo pipefail
program=$1 source=$2 seed=${3:-$(date +%Y%m%d)}
RANDOM=$((seed % 32768))
export PATH="$(dirname "$program"):$PATH" NO_COLOR=1
failures=0
fail() {  # what log
  failures=$((failures + 1))
  printf 'FAILED: %s\n' "$1"
  [[ -z ${2:-} ]] || tail -n 15 "$2"
}
milliseconds() { echo $(($(date +%s%N) / 1000000)); }
study() { cd "$1" && exec ballot run ../study.yaml --out out --threads 2; }  # in a subshell

# Every file of a study with the hash of its content, without times, facts of the host and of the moment: journals and event
# files, dates in names, seconds in JSON, the free memory (limit), how much this process computed itself.
digest() {
  (cd "$1" && find . -type f ! -name .lock ! -name 'journal.*' ! -path '*/runs/*' ! -path './report/index.html' \
    ! -path './report/tables/stages.*' ! -path './report/tables/table4.*' | LC_ALL=C sort | while IFS= read -r file; do
    local more=()
    # The hash of a folder covers the times that it holds; the keys do not.
    [[ $file == ./stages/* || $file == ./report/proof.json ]] && more=(-e 's/"sha256": ?"[0-9a-f]*"//g')
    [[ $file == ./study.json ]] && more=(-e '/"file":/d')
    case $file in
      *.json | *.jsonl)
        sed -E -e 's/"(seconds|started|finished|since|date|limit|computed_tokens|(start|end)_time|total_evaluation_time_seconds)": ?[^,}]+//g' \
          -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.-]+Z?/TIME/g' "${more[@]}" "$file" ;;
      *) cat "$file" ;;
    esac | sha256sum | sed "s| .*|  $(sed -E 's/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9.-]+/TIME/' <<<"$file")|"
  done)
}
same() {  # folder what: as the undisturbed run left it, and nothing half-written beside
  digest "$1" >"$scratch/digest"
  diff "$scratch/wanted" "$scratch/digest" >"$scratch/difference" || fail "$2: not the bytes of an undisturbed run" "$scratch/difference"
  local left
  left=$(find "$1" -name '*.tmp-*' | head -3)
  [[ -z $left ]] || fail "$2: left behind: $left"
}

# Disks of growing size, until one holds the study. Where they are file systems, --mounted; otherwise the size of a file is
# limited, which fails in fewer places.
fill_disks() {
  local size=40 code full=0
  for (( ; ; size = size * 2)); do
    if [[ $1 == --mounted ]]; then
      mount -o "remount,size=${size}k" "$scratch/small" && (study "$scratch/small") >"$scratch/disk.log" 2>&1
    else
      (ulimit -f "$size" && study "$scratch/small") 2>&1 | cat >"$scratch/disk.log"
    fi
    code=$?
    ((code == 0)) && break
    full=$((full + 1))
    ((code == 1)) && (($(grep -c '^error: ' "$scratch/disk.log") == 1)) &&
      grep -qE '^error: .*(No space left on device|File too large|disk is full|disk I/O error)' "$scratch/disk.log" ||
      fail "a disk of $size KiB: exit $code" "$scratch/disk.log"
    ((size < 1000000)) || { fail "no disk is large enough" "$scratch/disk.log"; break; }
  done
  echo "$1: the disk was full $full times; $size KiB hold the study"
  ((full > 3)) || fail "the disk was full only $full times"
  same "$scratch/small/out" "a full disk"
}
if [[ ${4:-} == --mounted ]]; then  # the part of the test that runs in a namespace of its own
  scratch=$5
  mount -t tmpfs -o size=40k none "$scratch/small" && fill_disks --mounted
  exit $failures
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch"/{calm,killed,shared,small}
cat >"$scratch/study.yaml" <<YAML
study: interrupted
seed: 3
source: {path: $source/studies/demo/ranked.jsonl, layout: nectar}
pool: {prompts: 10, positions: [0, 2, 4], held_out: 0.3}
judges: {first: {kind: simulated, voter: careful}}
formats: [binary, ranking]
models: {tiny: {base: $source/tests/golden/models/tiny_llama}}
sft: {data: $source/studies/demo/sft.jsonl, batch_size: 8, max_steps: 4, learning_rate: 1e-3, save_every: 1}
dpo: {batch_size: 4, save_every: 1}
reward: {margin: [none, column], batch_size: 4, save_every: 1}
evaluate:
  rewardbench: $source/studies/demo/rewardbench.jsonl
  tasks: {names: [$source/studies/demo/choice.yaml], data: $source/studies/demo/tasks, limit: 8}
YAML

begin=$(milliseconds)
(study "$scratch/calm") >"$scratch/log" 2>&1 || { fail "the study itself" "$scratch/log"; exit 1; }
whole=$(($(milliseconds) - begin))
digest "$scratch/calm/out" >"$scratch/wanted"
(($(wc -l <"$scratch/wanted") > 150)) || fail "the study has only $(wc -l <"$scratch/wanted") files"
echo "seed $seed; undisturbed $whole ms"

# Starts the command and kills it after up to `longest` milliseconds, as often as said or until it ends by itself; then lets it
# run to its end. One that ended by itself, or was killed between its manifest and its exit, is finished and rightly says so.
killed_at_random() {  # longest kills command...
  local longest=$1 kills=$2 moments='' delay i process; shift 2
  : >"$scratch/killed.log"
  for ((i = 0; i < kills; ++i)); do
    ("$@") >>"$scratch/killed.log" 2>&1 &
    process=$!
    delay=$((10 + (RANDOM * 32768 + RANDOM) % longest))
    sleep "$(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))"
    kill -9 "$process" 2>/dev/null
    wait "$process" 2>/dev/null
    (($? == 137)) || { moments+=' (ended)'; break; }
    moments+=" $delay"
  done
  echo "killed after (ms):$moments"
  ("$@") >"$scratch/last.log" 2>&1 || grep -q '^error: .* is finished$' "$scratch/last.log"
  local code=$?
  cat "$scratch/last.log" >>"$scratch/killed.log"
  return $code
}

ballots() { exec ballot annotate "$scratch/calm/out/pool.parquet" --format ranking --judge simulated:careful --repeats 600 --out "$1"; }
begin=$(milliseconds)
(ballots "$scratch/calm/ballots") >"$scratch/log" 2>&1 || fail "annotate" "$scratch/log"
killed_at_random $((($(milliseconds) - begin) / 2)) 8 ballots "$scratch/killed/ballots" || fail "annotate after kills" "$scratch/killed.log"
cmp "$scratch"/{calm,killed}/ballots/annotations.parquet || fail "annotate after kills: other labels"

killed_at_random $((whole / 4)) 10 study "$scratch/killed" || fail "run after kills" "$scratch/killed.log"
same "$scratch/killed/out" "run after kills"
ballot verify "$scratch/killed/out" >"$scratch/log" 2>&1 || fail "verify after kills" "$scratch/log"

(study "$scratch/shared") >"$scratch/first.log" 2>&1 &
first=$!
until [[ -e $scratch/shared/out/stages/pool.json ]] || ! kill -0 $first 2>/dev/null; do sleep 0.02; done
(study "$scratch/shared") >"$scratch/log" 2>&1
code=$?
((code == 1)) && grep -q "^error: out is in use by another process ($first)" "$scratch/log" && grep -q '^next: ' "$scratch/log" ||
  fail "a second process: exit $code" "$scratch/log"
wait $first || fail "the first of two processes" "$scratch/first.log"
same "$scratch/shared/out" "two processes on one folder"

if unshare -rm mount -t tmpfs -o size=40k none "$scratch/small" 2>/dev/null; then
  unshare -rm bash "$0" "$program" "$source" "$seed" --mounted "$scratch" || failures=$((failures + 1))
else
  fill_disks --limited
fi

echo "$failures failed"
((failures == 0))
