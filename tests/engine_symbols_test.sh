#!/usr/bin/env bash
# Whatever the engine calls in the rooms before its door must be in the program: it is opened lazily, so that a missing symbol
# would end a run in its middle.
set -euo pipefail
program=$1 library=$2
missing=$(comm -23 <(nm -D --undefined-only "$library" | awk '{print $2}' | grep '6ballot' | sed 's/@.*//' | sort -u) \
                   <(nm -D --defined-only "$program" | awk '{print $3}' | sed 's/@.*//' | sort -u))
if [[ -n $missing ]]; then echo "the program lacks:"; c++filt <<<"$missing"; exit 1; fi
