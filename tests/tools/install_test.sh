#!/usr/bin/env bash
# Installs the build in folder $1 elsewhere, and classifies a record with a model that was installed.
set -euo pipefail
build=$1
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cmake --install "$build" --prefix "$place/sec" >/dev/null
# Under another name, the model can only be found in the installation, and not in the source tree.
mv "$place/sec/share/sec/pretrained/mitdb.safetensors" "$place/sec/share/sec/pretrained/moved.safetensors"
"$place/sec/bin/secdata" synth "$place/data" --records 100 --minutes 1 --quiet
"$place/sec/bin/secinfer" --model pretrained:moved --quiet --json "$place/data/100" >"$place/beats"
[[ $(wc -l <"$place/beats") -gt 30 ]]
"$place/sec/bin/secinspect" pretrained:moved "$place/data/100" --threads 1 --out "$place/beat.html" 2>/dev/null
[[ -s $place/beat.html ]]
[[ -e $place/sec/include/sec.h ]]
compgen -G "$place/sec/lib/libsec.so*" >/dev/null
if "$place/sec/bin/secinfer" --model pretrained:none "$place/data/100" 2>"$place/error"; then exit 1; fi
grep -q 'pretrained:none: no such model; there .*pretrained:moved' "$place/error"
