#!/bin/sh
# Runs bench/compare --device cuda without a GPU. It must draw its cases and start the worker.
# It must report in one line that the device is refused. Exits 77 if there is a GPU.
#   without_gpu_test.sh COMPARE BIN
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
if "$2/bench_steps" --device cuda </dev/null >"$folder/out" 2>&1; then
  echo 'NOT TESTED: there is a GPU, and so nothing to refuse'
  exit 77
fi
failed=0
complain() {
  echo "$1" >&2
  failed=1
}
status=0
TMPDIR=$folder "$1" --device cuda --bin "$2" --data "$folder" --out "$folder/result.json" \
  >"$folder/out" 2>"$folder/error" || status=$?
[ "$status" = 1 ] || complain "exit status $status, expected 1"
[ ! -s "$folder/out" ] || complain "printed something: $(head -n 1 "$folder/out")"
[ "$(wc -l <"$folder/error")" = 1 ] || complain "expected one line on stderr: $(cat "$folder/error")"
grep -q 'compare: sec .* device cuda: ' "$folder/error" || complain "no reason given: $(cat "$folder/error")"
[ ! -e "$folder/result.json" ] || complain 'left a result'
cat "$folder/error"
exit $failed
