#!/usr/bin/env bash
# No command pays for a library that it does not use: `ballot --help` starts in under 50 ms (the best of ten, since machines
# that test are busy), and the program does not link libtorch.
set -euo pipefail
program=$1
if ldd "$program" | grep -q torch; then echo "the program links libtorch"; exit 1; fi
best=1000000
for _ in 1 2 3 4 5 6 7 8 9 10; do
  begin=$(date +%s%N); "$program" --help >/dev/null; end=$(date +%s%N)
  took=$(((end - begin) / 1000)); ((took < best)) && best=$took
done
echo "ballot --help: $best us"
((best < 50000))
