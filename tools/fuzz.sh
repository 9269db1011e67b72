#!/usr/bin/env bash
# Runs every fuzz target of the module in turn, each for the time given:
#
#   tools/fuzz.sh 6s
#
# Targets are found, not listed, so a new one runs in CI from its first day,
# and each package's are built once, together. A target that finds something
# fails the script; Go has then written the input below the package's
# testdata/fuzz/, where every later `go test` tries it again.
set -euo pipefail

duration=${1:?usage: tools/fuzz.sh DURATION}
go=${GO:-go}

# The directory where `go test -fuzz` keeps what it has found worth a try.
corpus=$("$go" env GOCACHE)/fuzz
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT

# Where its time is over in the middle of an input, Go may call that a failure
# of the target (https://go.dev/issue/75804, mended in Go 1.27). It says nothing else then, names
# no input and has written none.
overtime() {
  [ "$(grep -A1 '^--- FAIL: ' "$1" | tail -n 1)" = '    context deadline exceeded' ] &&
    ! grep -qE 'Failing input|panic|hung or terminated|DATA RACE|\.go:[0-9]' "$1"
}

found=0
while IFS=$'\t' read -r package dir files; do
  # shellcheck disable=SC2086 # names of Go files, apart by blanks
  targets=$(cd "$dir" && sed -n 's/^func \(Fuzz[A-Z][A-Za-z0-9_]*\)(.*/\1/p' $files)
  [ -n "$targets" ] || continue
  # What a compiler of WebAssembly covers says nothing of our inputs.
  "$go" test -c -fuzz=Fuzz -gcflags=github.com/tetratelabs/wazero/...=-d=libfuzzer=0 -o "$built/fuzz.test" "$package"
  for target in $targets; do
    found=$((found + 1))
    echo "fuzz $package $target for $duration"
    # An input that covers something new is made smaller for a second, not
    # for the minute that is Go's default and more than the whole time here.
    if ! (cd "$dir" && "$built/fuzz.test" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$duration" \
      -test.fuzzminimizetime 1s -test.fuzzcachedir "$corpus/$package") 2>&1 | tee "$built/said"; then
      overtime "$built/said" || exit 1
    fi
  done
done < <("$go" list -f '{{with or .TestGoFiles .XTestGoFiles}}{{$.ImportPath}}{{"\t"}}{{$.Dir}}{{"\t"}}{{join $.TestGoFiles " "}} {{join $.XTestGoFiles " "}}{{end}}' ./...)

if [ "$found" = 0 ]; then
  echo "no fuzz target found" >&2
  exit 1
fi
echo "$found fuzz targets ran"
