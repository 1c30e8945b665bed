#!/usr/bin/env bash
# Every #include "room/..." in src/ must be allowed by src/rooms.txt (closed upward), and nobody includes torch/torch.h.
set -euo pipefail
root=$1
awk -v root="$root" '
  /^[a-z_]+ *\|/ { split($0, part, "|"); room = part[1]; gsub(/ /, "", room); order[++n] = room; uses[room] = part[2] }
  END {
    for (i = 1; i <= n; i++) {            # the table is in order: what a room uses stands above it
      room = order[i]; allowed[room, room] = 1
      m = split(uses[room], other, " ")
      for (j = 1; j <= m; j++) {
        if (!(other[j] in uses)) { print "rooms.txt: " room " uses the unknown room " other[j]; bad = 1 }
        for (k = 1; k <= n; k++) if (allowed[other[j], order[k]]) allowed[room, order[k]] = 1
      }
    }
    command = "grep -rnE \"^#include\" --include=*.cpp --include=*.h " root "/src"
    while ((command | getline line) > 0) {
      file = line; sub(/:.*/, "", file); room = substr(file, length(root) + 6); sub(/\/.*/, "", room)
      if (line ~ /torch\/torch\.h/) { print "torch/torch.h is included: " line; bad = 1 }
      if (match(line, /#include "[a-z_]+\//)) {
        target = substr(line, RSTART + 10, RLENGTH - 11)
        if (!(target in uses)) { print "no such room: " line; bad = 1 }
        else if (!allowed[room, target]) { print room " may not use " target ": " line; bad = 1 }
        checked++
      }
    }
    print checked + 0 " includes checked"
    exit bad || checked == 0
  }' "$root/src/rooms.txt"
