#!/bin/sh
# What a machine without a GPU can say of the programs of the cuda build, before they are carried to one that has it:
#   programs_test.sh libraries BIN PROGRAM...   they need nothing but the C library, and what lies beside them
#   programs_test.sh refusal BIN GPU_CHECK RECIPES   they refuse the device with one line; exits 77 with a GPU
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
    # Those of glibc, by their name in the list or, the loader, by its path.
    foreign=$(ldd "$bin/$program" | awk '{ print $1, $3 }' |
      grep -Ev '^(linux-vdso\.so\.1|lib(c|m|dl|rt|pthread)\.so\.[0-9]+|/lib.*/ld-linux.*) ' || true)
    # Google Benchmark, beside its program, and the C++ library for it: every system has one.
    [ "$program" != bench_kernels ] || foreign=$(echo "$foreign" |
      grep -Ev '^(libstdc\+\+\.so\.6|libgcc_s\.so\.1) ' | grep -Ev "^libbenchmark\.so\.[^ ]* $bin/libbenchmark" || true)
    [ -z "$foreign" ] || complain "$program needs: $foreign"
  done
}

# The one line on stderr of a command that must exit with 1 and say nothing else.
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
  one_line "$1" --bin "$bin" --recipes "$2" --out "$folder/results"
  [ ! -e "$folder/results" ] || complain 'gpu_check left something behind'
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
case $what in
  libraries) libraries "$@" ;;
  refusal) refusal "$@" ;;
  *) complain "expected libraries or refusal, got '$what'" ;;
esac
exit $failed
