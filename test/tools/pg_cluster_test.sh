#!/usr/bin/env bash
# tools/pg-cluster: durable, reachable, and nothing is left behind, however it ends.
# shellcheck disable=SC2317 # verdict calls the functions.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

readonly WAIT_S=30
dir=$(mktemp -d "${TMPDIR:-/tmp}/grevy_pgtest.XXXXXX")
chmod 755 "$dir"
failed=0
trap 'tools/pg-cluster stop "$dir/one"; tools/pg-cluster stop "$dir/two"; rm -rf "$dir"' EXIT

verdict()
{
    local what=$1

    shift
    if "$@"; then
        echo "ok pg-cluster: $what"
    else
        echo "not ok pg-cluster: $what"
        failed=1
    fi
}

gone()
{
    [ ! -e "$1" ]
}

# Wait until DIR is gone; fails after WAIT_S.
goes()
{
    local until=$((SECONDS + WAIT_S))

    until gone "$1"; do
        [ "$SECONDS" -lt "$until" ] || return 1
        sleep 0.1
    done
}

# No process works in DIR's data directory, as every process of a server does.
no_server()
{
    [ -z "$(find /proc/[0-9]*/cwd -lname "$1/data*" 2>/dev/null)" ]
}

server()
{
    ! no_server "$1"
}

ask()
{
    [ "$(psql "$1" -Atc "$2")" = "$3" ]
}

url=$(tools/pg-cluster start "$dir/one")
verdict "it starts and answers" ask "$url" "select 1" 1
verdict "its server is seen" server "$dir/one"
verdict "a commit is synced" ask "$url" "show fsync" on
verdict "pages are written whole" ask "$url" "show full_page_writes" on
verdict "a commit waits for the disk" ask "$url" "show synchronous_commit" on
verdict "200 connections are allowed" ask "$url" "show max_connections" 200
verdict "its collation is not the bytes' order" ask "$url" "select 'a' < 'B'" t
verdict "a wrong password is refused" bash -c "! psql '${url/grevy:/grevy:x}' -Atc 'select 1' 2>/dev/null"
two=$(tools/pg-cluster start "$dir/two" $$)
watcher=$(cat "$dir/two/watcher")
verdict "someone watches who asked" test -d "/proc/$watcher"
verdict "two run side by side" ask "$two" "select 1" 1
tools/pg-cluster stop "$dir/two"
tools/pg-cluster stop "$dir/one"
verdict "stop ends who watched" goes "/proc/$watcher"
verdict "stop removes it" gone "$dir/one"
verdict "stop ends the server" no_server "$dir/one"
verdict "stopping twice is fine" tools/pg-cluster stop "$dir/one"

mkdir "$dir/mine"
touch "$dir/mine/file"
verdict "a full directory is refused" bash -c "! tools/pg-cluster start '$dir/mine' 2>/dev/null"
verdict "what it did not make it does not remove" bash -c "! tools/pg-cluster stop '$dir/mine' 2>/dev/null"
verdict "a stranger's files stay" test -e "$dir/mine/file"

(bash -c "tools/pg-cluster start '$dir/one' \$\$ >/dev/null; kill -9 \$\$"; true) 2>/dev/null
verdict "it dies with the process that asked for it" goes "$dir/one"
verdict "and so does its server" no_server "$dir/one"

tools/pg-cluster start "$dir/two" >/dev/null 2>&1 &
until [ -e "$dir/two/data" ]; do sleep 0.01; done
kill -TERM $!
wait $!
verdict "stopped while starting it leaves nothing" goes "$dir/two"
exit $failed
