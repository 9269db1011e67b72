#!/usr/bin/env bash
# Runs every fuzz target of the module in turn, each for the time given:
#
#   tools/fuzz.sh 10s
#
# Targets are found, not listed, so a new one runs in CI from its first day.
# A target that finds something fails the script; Go has then written the
# input below testdata/fuzz/, where every later `go test` tries it again.
set -euo pipefail

duration=${1:?usage: tools/fuzz.sh DURATION}
go=${GO:-go}

found=0
while read -r package; do
  while read -r target; do
    found=$((found + 1))
    echo "fuzz $package $target for $duration"
    "$go" test -run '^$' -fuzz "^$target\$" -fuzztime "$duration" "$package"
  done < <("$go" test -list '^Fuzz' "$package" | grep '^Fuzz' || true)
done < <("$go" list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./...)

if [ "$found" = 0 ]; then
  echo "no fuzz target found" >&2
  exit 1
fi
echo "$found fuzz targets ran"
