#!/usr/bin/env bash
# Runs examples/quickstart.hcl in the foreground until Ctrl-C: what it prints
# is what a user of syndicate sees.
#
# With DEMO_ONCE=1, and wherever nobody can press Ctrl-C (in CI, without a
# terminal), it asks the API a few things once the system is ready, stops it
# in order, and fails if any of that does.
set -euo pipefail
cd "$(dirname "$0")/.."

# The first free port from 8080 on; API_PORT chooses another.
free_port() {
  local port
  for port in $(seq 8080 8180); do
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
  echo "no free port from 8080 to 8180: choose one with API_PORT" >&2
  return 1
}

port=${API_PORT:-$(free_port)}
api=http://127.0.0.1:$port

# run COMMAND ARGUMENT…: shows the command as one would type it, and runs it.
run() {
  local word line='$'
  for word in "$@"; do
    [[ $word == *[!a-zA-Z0-9_./:=-]* ]] && word="'$word'"
    line+=" $word"
  done
  echo "$line"
  "$@"
}

if [ -z "${DEMO_ONCE:-}" ] && [ -z "${CI:-}" ] && [ -t 0 ] && [ -t 1 ]; then
  cat <<END

Try this in another terminal, from this directory:

  curl $api/nodes
  curl -d '{"name": "Crane"}' $api/nodes
  bin/syndicate -f examples/quickstart.hcl status
  kill -9 PID      of the API, as status shows it: see it come back

Ctrl-C stops everything, in reverse order.

END
  echo "\$ bin/syndicate -f examples/quickstart.hcl up --var api_port=$port"
  # In place of this script: Ctrl-C is for syndicate alone.
  exec bin/syndicate -f examples/quickstart.hcl up --var "api_port=$port"
fi

tools/require.sh curl
run bin/syndicate -f examples/quickstart.hcl plan --var "api_port=$port"
echo "\$ bin/syndicate -f examples/quickstart.hcl up --var api_port=$port &"
bin/syndicate -f examples/quickstart.hcl up --var "api_port=$port" &
engine=$!
trap 'kill -TERM $engine 2>/dev/null || true; wait $engine || true' EXIT

# The whole system, not only the API: the worker may take a moment longer.
ready=
for _ in $(seq 600); do
  if [[ $(bin/syndicate -f examples/quickstart.hcl status 2>/dev/null) == "quickstart: ready"* ]]; then
    ready=yes
    break
  fi
  kill -0 "$engine" 2>/dev/null || break
  sleep 0.2
done
if [ -z "$ready" ]; then
  echo "the system did not become ready" >&2
  exit 1
fi
run curl -fsS "$api/nodes"
run curl -fsS -d '{"name": "Crane"}' "$api/nodes"
run bin/syndicate -f examples/quickstart.hcl status

trap - EXIT
kill -TERM "$engine"
wait "$engine"
echo "The demo ran and has stopped."
