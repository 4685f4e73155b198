#!/bin/bash
# The showcase and examples/database.c with the DATABASE_URL of a PostgreSQL and of a MariaDB, and examples/prices.c with that of the PostgreSQL, each a server of this script's own; clients that leave a long query, and a server that is away.
set -u
: "${BUILD:?the build folder}"
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
chmod 711 "$work"
. tests/e2e/say.bash
. tests/e2e/program.bash
pg_ctl=$(readlink -f "$(command -v pg_ctl || ls -d /usr/lib/postgresql/*/bin/pg_ctl 2> /dev/null | sort -V | tail -n 1)")
PATH=$PATH:/usr/sbin
maria=
finish() {
    [ -z "$pid" ] || { kill -INT "$pid" && wait "$pid"; } 2> /dev/null
    [ ! -d "$work/postgres/data" ] || as postgres "$pg_ctl" -D "$work/postgres/data" -m immediate stop > /dev/null 2>&1
    [ -z "$maria" ] || { kill -KILL "$maria"; timeout 20 tail --pid="$maria" -f /dev/null; } 2> /dev/null
    rm -rf "$work"
}
trap finish EXIT

# Databases do not run as root.
as() {                                   # USER COMMAND...
    local user=$1
    shift
    if [ "$(id -u)" != 0 ]; then "$@"; else setpriv --init-groups --reuid="$user" --regid="$(id -g "$user")" "$@"; fi
}
folder() {                               # USER
    mkdir "$work/$1"
    [ "$(id -u)" != 0 ] || chown "$2" "$work/$1"
}

start_postgres() {
    local here=$work/postgres
    folder postgres postgres
    (
        cd "$here" || exit
        echo secret > password && chmod 644 password
        as postgres "${pg_ctl%/*}/initdb" -D data -U weft -E UTF8 --locale=C --no-sync --auth-local=trust --auth-host=scram-sha-256 --pwfile=password &&
            printf '%s\n' "listen_addresses = '127.0.0.1'" "port = $1" "unix_socket_directories = '$here'" 'fsync = off' 'shared_buffers = 16MB' | as postgres tee -a data/postgresql.conf > /dev/null &&
            as postgres "$pg_ctl" -D data -w -t 60 -l log start
    ) > "$here.log" 2>&1 < /dev/null
}

start_maria() {
    local here=$work/mariadb
    folder mariadb mysql
    (
        cd "$here" || exit
        export TMPDIR=$here
        as mysql mariadb-install-db --no-defaults --datadir="$here/data" --auth-root-authentication-method=normal --skip-test-db --skip-name-resolve
    ) > "$here.log" 2>&1 < /dev/null
    as mysql mariadbd --no-defaults --datadir="$here/data" --tmpdir="$here" --socket="$here/socket" --port="$1" --bind-address=127.0.0.1 --pid-file="$here/pid" --skip-log-bin \
        --innodb-buffer-pool-size=16M > "$here.log" 2>&1 < /dev/null &
    maria=$!
    for _ in $(seq 300); do
        mariadb --no-defaults -S "$here/socket" -u root -e "CREATE USER weft@'127.0.0.1' IDENTIFIED BY 'secret'; CREATE DATABASE shop; GRANT ALL ON shop.* TO weft@'127.0.0.1'" 2> /dev/null && return 0
        sleep 0.1
    done
    return 1
}

ask() { curl -s -m 20 -w ' %{http_code}' -H 'Content-Type: application/json' "$@"; }
status() { ask -o "$work/answer" "$@" | tr -d ' '; }

showcase() {                             # as the seeds ask it, on any database
    local port at
    port=$(free_port) at=http://127.0.0.1:$port
    start "$BUILD/examples/showcase/showcase" --port "$port" || return
    check showcase_users '[{"id":1,"name":"Ada Lovelace","email":"ada@example.com"},{"id":2,"name":"Alan Turing","email":"alan@example.com"},{"id":3,"name":"Grace Hopper","email":"grace@example.com"}] 200' "$(ask "$at/fetch-users")"
    check showcase_adds_a_user '{"id":4,"name":"Jöan","email":"joan@example.com"} 201' "$(ask -d '{"name":"Jöan","email":"joan@example.com"}' "$at/users/")"
    check showcase_email_is_taken '{"detail":"Another user has this email address"} 409' "$(ask -d '{"name":"Other","email":"joan@example.com"}' "$at/users/")"
    check showcase_name_is_missing 422 "$(status -d '{"name":"","email":"x@example.com"}' "$at/users/")"
    check showcase_user '{"id":4,"name":"Jöan","email":"joan@example.com"} 200' "$(ask "$at/users/4")"
    check showcase_no_user '{"detail":"User not found"} 404' "$(ask "$at/users/99")"
    check showcase_items '[{"id":1,"name":"Loom","price":450.5},{"id":2,"name":"Shuttle","price":12.25},{"id":3,"name":"Reed","price":31.0}] 200' "$(ask "$at/items/")"
    check showcase_says_no_password '' "$(grep secret "$work/log")"
    stop
    check showcase_ends 0 $status
    port=$(free_port)
    start "$BUILD/examples/showcase/showcase" --port "$port" || return
    check showcase_finds_what_it_left 4 "$(ask "http://127.0.0.1:$port/fetch-users" | grep -o '"id":' | wc -l)"
    stop
}

database() {
    local port at
    port=$(free_port) at=http://127.0.0.1:$port
    start "$BUILD/examples/database" "$port" || return
    local made id
    made=$(ask -d '{"name":"Ann","email":"ann@example.com"}' "$at/users/")
    id=$(sed -n 's/^{"id":\([0-9]*\),.*/\1/p' <<< "$made")            # a row that was refused has had a number, too
    check a_user_is_made "{\"id\":$id,\"name\":\"Ann\",\"email\":\"ann@example.com\"} 201" "$made"
    check a_user_is_taken 409 "$(status -d '{"name":"Ann","email":"ann@example.com"}' "$at/users/")"
    check a_user_is_found "{\"id\":$id,\"name\":\"Ann\",\"email\":\"ann@example.com\"} 200" "$(ask "$at/users/$id")"
    check users_are_picked "[{\"id\":$id,\"name\":\"Ann\",\"email\":\"ann@example.com\"},{\"id\":1,\"name\":\"Ada Lovelace\",\"email\":\"ada@example.com\"}] 200" \
        "$(ask "$at/picked-users/?id=$id&id=99&id=1")"
    check users_are_exported "$id,ann@example.com" "$(curl -s -m 20 "$at/users.csv" | tail -n 1)"
    check paid_in 204 "$(status -d '{"from":0,"to":1,"cents":300}' "$at/payments/")"
    check paid_in_again 204 "$(status -d '{"from":0,"to":1,"cents":200}' "$at/payments/")"
    check moved 204 "$(status -d '{"from":1,"to":2,"cents":300}' "$at/transfers/")"
    check not_enough 409 "$(status -d '{"from":1,"to":2,"cents":300}' "$at/transfers/")"
    check nothing_moved 204 "$(status -d '{"from":1,"to":2,"cents":200}' "$at/transfers/")"
    check no_such_user 409 "$(status -d '{"from":2,"to":99,"cents":100}' "$at/transfers/")"
    stop
}

# COPY and messages are PostgreSQL's alone.
prices() {
    local port at listener
    port=$(free_port) at=http://127.0.0.1:$port
    start "$BUILD/examples/prices" "$port" || return
    curl -s -N -m 60 "$at/changes" > "$work/heard" &
    listener=$!
    for _ in $(seq 200); do grep -q listening "$work/heard" && break; sleep 0.05; done
    check prices_are_imported '{"rows":3} 200' "$(printf 'day,city,cents\n2026-11-21,Rome,450\n2026-11-22,Rome,475\n2026-11-22,"Oslo, N",990\n' | ask --data-binary @- "$at/prices.csv")"
    check a_bad_line_is_told 422 "$(printf 'day,city,cents\n2026-11-23,Rome,1\n2026-11-24,Rome,x\n' | status --data-binary @- "$at/prices.csv")"
    has with_its_number 'line 3, column cents' "$work/answer"
    check a_price_that_is_there_is_told 409 "$(printf 'day,city,cents\n2026-11-23,Rome,1\n2026-11-22,Rome,2\n' | status --data-binary @- "$at/prices.csv")"
    check prices_are_added '{"rows":1} 200' "$(ask -d '[{"day":"2026-11-23","city":"Bonn\t1","cents":7}]' "$at/prices")"
    check prices_are_checked 422 "$(status -d '[{"day":"2026-11-23","city":"","cents":7}]' "$at/prices")"
    check prices_are_exported 'day,city,cents|2026-11-21,Rome,450|2026-11-22,Rome,475|' "$(curl -s -m 20 "$at/prices.csv?city=Rome" | tr '\n' '|')"
    check all_are_exported 5 "$(curl -s -m 20 "$at/prices.csv" | wc -l)"
    check none_is_exported 'day,city,cents' "$(curl -s -m 20 "$at/prices.csv?city='%3B%20DROP%20TABLE%20prices%3B--")"
    check as_lines '{"day":"2026-11-23","city":"Bonn\t1","cents":7}' "$(curl -s -m 20 "$at/prices.jsonl" | head -n 1)"
    { echo day,city,cents; seq 1 200000 | sed 's/.*/2025-01-01,city &,&/'; } > "$work/many.csv"
    check many_are_imported '{"rows":200000} 200' "$(ask --data-binary "@$work/many.csv" "$at/prices.csv")"
    check many_are_exported 200005 "$(curl -s -m 60 "$at/prices.csv" | wc -l)"
    curl -s -m 20 "$at/prices.csv" | head -n 1 > /dev/null           # who leaves in the middle
    check the_server_goes_on 200 "$(status "$at/prices.csv?city=Rome")"
    for _ in $(seq 200); do grep -q 'data: 200000' "$work/heard" && break; sleep 0.05; done
    check changes_are_heard '3 1 200000' "$(sed -n 's/^data: //p' "$work/heard" | xargs)"
    kill "$listener"
    wait "$listener" 2> /dev/null
    stop
    check prices_ends 0 $status
}

# When the first pg_sleep(60) that is seen has gone from the server's list, in ms since 1970.
gone_at() {
    "${pg_ctl%/*}/psql" -X -q -A -t -h "$work/postgres" -p "$1" -U weft -d postgres -c "DO \$\$ DECLARE seen bool := false; there bool; BEGIN FOR i IN 1..4000 LOOP
        PERFORM pg_stat_clear_snapshot(); there := EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60%' AND state <> 'idle');
        EXIT WHEN seen AND NOT there; seen := there; PERFORM pg_sleep(0.004); END LOOP; END \$\$" -c 'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint' | tail -n 1
}

# The best of some rounds counts: other programs may have the cores for a moment.
clients() {                              # the port of PostgreSQL
    local port at backend left ms best=9999 others
    port=$(free_port) at=http://127.0.0.1:$port
    start "$BUILD/tests/e2e-database" "$port" "$DATABASE_URL" || return
    backend=$(ask "$at/backend")
    for _ in 1 2 3 4 5 6; do
        gone_at "$1" > "$work/gone" 2>&1 &
        others=$!
        curl -s -m 1 -o /dev/null "$at/slow"
        left=$(date +%s%3N)
        wait $others
        ms=$(($(cat "$work/gone") - left))
        [ $ms -ge $best ] || best=$ms
    done
    if [ $best -lt 100 ]; then ok who_leaves_ends_his_query_within_100_ms; else not_ok who_leaves_ends_his_query_within_100_ms "$best ms"; fi
    check the_next_one_has_the_same_connection_and_its_own_answer "$backend" "$(ask "$at/backend")"
    as postgres "$pg_ctl" -D "$work/postgres/data" -m immediate -w stop > /dev/null
    status "$at/backend" > /dev/null                # the one that finds out
    check away_is_503 503 "$(status "$at/backend")"
    check away_says_when_to_come_again 1 "$(curl -s -m 20 -D - -o /dev/null "$at/backend" | tr -d '\r' | sed -n 's/^[Rr]etry-[Aa]fter: //p')"
    as postgres "$pg_ctl" -D "$work/postgres/data" -w -t 60 -l "$work/postgres/log" start > /dev/null
    for _ in $(seq 100); do [ "$(status "$at/backend")" = 200 ] && break; sleep 0.1; done
    check it_comes_back_by_itself 200 "$(status "$at/backend")"
    stop
}

if [ -x "$pg_ctl" ]; then
    of=postgres
    port=$(free_port)
    if start_postgres "$port"; then
        export DATABASE_URL="postgresql://weft:secret@127.0.0.1:$port/postgres?sslmode=disable"
        showcase
        database
        prices
        clients "$port"
    else not_ok server_starts "$(tail -n 20 "$work/postgres.log" | tr '\n' '|')"; fi
else skip postgres 'there is no PostgreSQL'; fi
if command -v mariadbd > /dev/null && command -v mariadb-install-db > /dev/null; then
    of=mariadb
    port=$(free_port)
    if start_maria "$port"; then
        export DATABASE_URL="mysql://weft:secret@127.0.0.1:$port/shop"
        showcase
        database
    else not_ok server_starts "$(tail -n 20 "$work/mariadb.log" | tr '\n' '|')"; fi
else skip mariadb 'there is no MariaDB'; fi
