#!/usr/bin/env bash
# Makes the README's pictures from a real run on a real terminal: `plan` and
# `up` of the quickstart, in a fresh copy, so that the database is new.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/require.sh go postgres script

here=$PWD
work=$(mktemp -d "${TMPDIR:-/tmp}/syndicate-pictures-XXXXXX")
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
cp -r examples migrations "$work"
rm -rf "$work/examples/.syndicate"
ln -s "$here/bin" "$work/bin"
"${GO:-go}" build -o "$work/picture" ./docs/picture
cd "$work"

# record NAME TITLE COMMAND: what the command shows on a terminal of 100
# columns, with a prompt above it. What stands on standard input is typed.
record() {
  local name=$1 title=$2 command=$3
  script -qefc "stty cols 100 rows 50; $command" "$name.raw" >/dev/null || true
  {
    printf '\033[1m$ %s\033[0m\r\n' "$command"
    # script(1) puts a line of its own above and below.
    sed -e '1{/^Script started/d}' -e '/^Script done/d' "$name.raw"
  } >"$name.ansi"
  "$work/picture" "$title" <"$name.ansi" >"$here/docs/$name.svg"
  echo "docs/$name.svg"
}

up='bin/syndicate -f examples/quickstart.hcl up'
record plan 'syndicate plan' 'bin/syndicate -f examples/quickstart.hcl plan' </dev/null

# Ctrl-C is typed once all is ready, and has been for a second.
type_ctrl_c() {
  for _ in $(seq 300); do
    [[ $(bin/syndicate -f examples/quickstart.hcl status 2>/dev/null) == *": ready"* ]] && break
    sleep 0.1
  done
  sleep 1
  printf '\003'
  sleep 2
}
type_ctrl_c | record up 'syndicate up, then Ctrl-C' "$up"
