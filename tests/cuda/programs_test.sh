#!/bin/sh
# Tests of the cuda build's programs that need no GPU. Run them before copying the programs to a machine with one:
#   programs_test.sh libraries BIN PROGRAM...   they need only the C library and the files beside them
#   programs_test.sh refusal BIN GPU_CHECK RECIPES   they reject the device with one line;
#                                                   exits 77 if a GPU is present
set -eu

what=$1 bin=$2
shift 2
failed=0

complain() {
  echo "$1" >&2
  failed=1
}

libraries() {
  for program in "$@"; do
    # Libraries of glibc, by name; the loader, by path.
    foreign=$(ldd "$bin/$program" | awk '{ print $1, $3 }' |
      grep -Ev '^(linux-vdso\.so\.1|lib(c|m|dl|rt|pthread)\.so\.[0-9]+|/lib.*/ld-linux.*) ' || true)
    # Google Benchmark is beside its program. It needs the C++ library, which every system has.
    [ "$program" != bench_kernels ] || foreign=$(echo "$foreign" |
      grep -Ev '^(libstdc\+\+\.so\.6|libgcc_s\.so\.1) ' | grep -Ev "^libbenchmark\.so\.[^ ]* $bin/libbenchmark" || true)
    [ -z "$foreign" ] || complain "$program needs: $foreign"
  done
}

# Prints the single line that a command writes to stderr. The command must exit with 1 and write nothing else.
one_line() {
  status=0
  "$@" >"$folder/out" 2>"$folder/error" || status=$?
  [ "$status" = 1 ] || complain "$1: exit status $status, expected 1"
  [ ! -s "$folder/out" ] || complain "$1: printed something: $(head -n 1 "$folder/out")"
  [ "$(wc -l <"$folder/error")" = 1 ] || complain "$1: expected one line on stderr: $(cat "$folder/error")"
  grep -Eq 'device cuda: (no NVIDIA driver|no GPU|the )' "$folder/error" || complain "$1: no reason given: $(cat "$folder/error")"
  cat "$folder/error"
}

refusal() {
  if "$bin/bench_kernels" --device cuda --benchmark_list_tests=true >"$folder/out" 2>&1; then
    echo 'NOT TESTED: there is a GPU, and so nothing to refuse'
    exit 77
  fi
  one_line "$bin/bench_kernels" --device cuda
  one_line "$bin/sectrain" --device cuda --config "$2/quickstart.toml" --data none --out "$folder/run"
  one_line "$bin/sectrain" --device cuda --kernels cudnn --config "$2/quickstart.toml" --data none --out "$folder/run"
  # gpu_check ends with its report, in which every part has no device.
  status=0
  "$1" --bin "$bin" --recipes "$2" --budget 60 --out "$folder/results" >"$folder/out" 2>"$folder/error" || status=$?
  [ "$status" = 1 ] || complain "gpu_check: exit status $status, expected 1"
  [ ! -s "$folder/error" ] || complain "gpu_check: $(cat "$folder/error")"
  head -n 1 "$folder/results/gpu_check.txt" | grep -Eq '^gpu_check: no device: bench_steps: device cuda: ' ||
    complain "gpu_check: $(head -n 1 "$folder/results/gpu_check.txt")"
  ! grep -E '^(passed|failed|skipped|not measured) ' "$folder/results/gpu_check.txt" || complain 'gpu_check ran a part'
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
case $what in
  libraries) libraries "$@" ;;
  refusal) refusal "$@" ;;
  *) complain "expected libraries or refusal, got '$what'" ;;
esac
exit $failed
