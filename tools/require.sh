#!/usr/bin/env bash
# Checks that this machine has what the Makefile is about to use:
#
#   tools/require.sh go postgres node cc
#
# For whatever is missing it says so, with the exact command that installs it.
# It runs that command itself where nobody has to be asked (as root, or in
# CI), or after a yes at the terminal; else it ends with status 1.
#
# It never leaves a PostgreSQL server running: Debian's package creates and
# starts one of its own, unless it is told not to before it is installed.
set -euo pipefail
PATH=$PATH:/usr/local/go/bin # where go.dev's archive is unpacked

go_minimum=1.26
go_release=1.26.8

have() { command -v "$1" >/dev/null 2>&1; }

have_go() {
  have "${GO:-go}" || return 1
  local version
  version=$("${GO:-go}" env GOVERSION 2>/dev/null) || return 1
  version=${version#go}
  [ "$(printf '%s\n' "$go_minimum" "$version" | sort -V | head -n 1)" = "$go_minimum" ]
}

# The places where the engine looks, too.
have_postgres() {
  have postgres && return 0
  if have pg_config && [ -x "$(pg_config --bindir)/postgres" ]; then return 0; fi
  [ -n "${SYNDICATE_PG_BIN:-}" ] && [ -x "$SYNDICATE_PG_BIN/postgres" ] && return 0
  local bin
  for bin in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin \
    /opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin \
    /Applications/Postgres.app/Contents/Versions/*/bin; do
    [ -x "$bin/postgres" ] && return 0
  done
  return 1
}

have_node() { have node; }

# Where npm puts what the tests ask of it, and where Debian has it.
node_modules=${XDG_CACHE_HOME:-$HOME/.cache}/syndicate/node

have_pg_clients() {
  local python
  for python in /usr/bin/python3 python3; do
    if have "$python" && "$python" -c 'import psycopg, psycopg2' 2>/dev/null; then
      have node && NODE_PATH=$node_modules/node_modules:/usr/share/nodejs node -e 'require("pg")' 2>/dev/null
      return
    fi
  done
  return 1
}

have_cc() { have cc; }

have_curl() { have curl; }

# Debian has it where only root's PATH leads.
have_pgbouncer() { have pgbouncer || [ -x /usr/sbin/pgbouncer ]; }

have_script() { have script; }

# The command that installs a thing here, or nothing where we know none.
# shellcheck disable=SC2016 # the commands are printed and run later
command_for() {
  local sudo='' machine
  [ "$(id -u)" = 0 ] || sudo='sudo '
  if [ "$1" = go ]; then
    machine=$(uname -m)
    case $machine in x86_64) machine=amd64 ;; aarch64) machine=arm64 ;; esac
    printf '%s' "curl -fsSL https://go.dev/dl/go$go_release.$(uname -s | tr '[:upper:]' '[:lower:]')-$machine.tar.gz | ${sudo}tar -C /usr/local -xz"
    return
  fi
  local apt="${sudo}apt-get update && ${sudo}env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends"
  if have apt-get; then
    case $1 in
      postgres)
        # First the package with the setting, then the server that reads it.
        printf '%s' "$apt postgresql-common && " \
          "${sudo}sed -i 's/^#\\?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf && " \
          "${sudo}env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql" ;;
      node) printf '%s' "$apt nodejs postgresql-client" ;;
      # Debian's node-postgres goes with Debian's Node only.
      pg_clients)
        printf '%s' "$apt python3-psycopg python3-psycopg2 && " \
          "{ ${sudo}env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends node-pg || npm install --no-audit --no-fund --prefix $node_modules pg@8; }" ;;
      cc) printf '%s' "$apt gcc libc6-dev" ;;
      curl) printf '%s' "$apt curl" ;;
      # The service that the package starts is not needed.
      pgbouncer)
        printf '%s' "$apt pgbouncer && " \
          "{ ${sudo}systemctl disable --now pgbouncer 2>/dev/null || ${sudo}service pgbouncer stop || true; }" ;;
      script) printf '%s' "$apt bsdutils" ;;
    esac
  elif have dnf; then
    case $1 in
      postgres) printf '%s' "${sudo}dnf install -y postgresql-server" ;;
      node) printf '%s' "${sudo}dnf install -y nodejs postgresql" ;;
      cc) printf '%s' "${sudo}dnf install -y gcc glibc-static" ;;
      pgbouncer) printf '%s' "${sudo}dnf install -y pgbouncer" ;;
      pg_clients) printf '%s' "${sudo}dnf install -y python3-psycopg3 python3-psycopg2 npm && npm install --no-audit --no-fund --prefix $node_modules pg@8" ;;
    esac
  elif have brew; then
    case $1 in
      postgres) printf '%s' 'brew install postgresql@17' ;;
      node) printf '%s' 'brew install node' ;;
      cc) printf '%s' 'xcode-select --install' ;;
      pgbouncer) printf '%s' 'brew install pgbouncer' ;;
      pg_clients) printf '%s' "pip3 install psycopg psycopg2-binary && npm install --no-audit --no-fund --prefix $node_modules pg@8" ;;
    esac
  fi
}

name_of() {
  case $1 in
    go) echo "Go $go_minimum or later" ;;
    postgres) echo "PostgreSQL's server programs (postgres, initdb)" ;;
    node) echo "Node.js, for examples/construction.hcl" ;;
    cc) echo "a C compiler, for the benchmark's probe service and the race detector" ;;
    curl) echo "curl" ;;
    pgbouncer) echo "PgBouncer, for gateways with a pooler" ;;
    pg_clients) echo "psycopg, psycopg2 and node-postgres, for the gateway's tests" ;;
    script) echo "script, which records a terminal" ;;
  esac
}

agreed() {
  [ "$(id -u)" = 0 ] && return 0
  [ -n "${CI:-}" ] && return 0
  [ -t 0 ] && [ -t 2 ] || return 1
  local answer
  read -r -p "Run it now? [y/N] " answer
  [[ $answer == [yY]* ]]
}

for thing in "$@"; do
  if "have_$thing"; then continue; fi
  echo "missing: $(name_of "$thing")" >&2
  install=$(command_for "$thing")
  if [ -z "$install" ]; then
    echo "install it with this system's package manager, then run make again" >&2
    exit 1
  fi
  echo "install it with: $install" >&2
  if ! agreed; then exit 1; fi
  bash -euo pipefail -c "$install" </dev/null >&2
  if ! "have_$thing"; then
    echo "still missing after the installation: $(name_of "$thing")" >&2
    exit 1
  fi
done
