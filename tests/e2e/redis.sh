#!/bin/bash
# examples/redis.c beside a Redis of its own, and without one.
set -u
: "${BUILD:?the build folder}"
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
server= program= listener=
trap 'kill $program $listener $server 2>/dev/null; rm -rf "$work"' EXIT
of=redis
. tests/e2e/say.bash

if ! command -v redis-server > /dev/null; then
    skip redis "there is no redis-server"
    exit 0
fi
start_redis() {
    redis-server --port 0 --unixsocket "$work/redis.sock" --save '' --dir "$work" --logfile "$work/log" > /dev/null 2>&1 &
    server=$!
    for _ in $(seq 200); do [ -S "$work/redis.sock" ] && return 0; sleep 0.05; done
}
start_redis
port=$(free_port)
REDIS_URL="unix://$work/redis.sock" "$BUILD/examples/redis" "$port" > "$work/program" 2>&1 &
program=$!
at=http://127.0.0.1:$port
for _ in $(seq 200); do curl -s -o /dev/null "$at/" && break; sleep 0.05; done

ask() { curl -s -m 20 -w ' %{http_code}' "$@"; }
json() { curl -s -m 20 -o "$work/answer" -w '%{http_code}' -H 'Content-Type: application/json' "$@"; }

check first '{"id":4,"name":"product 4","price":6.0} 200' "$(ask "$at/products/4")"
redis-cli -s "$work/redis.sock" SET product:4 '{"id":4,"name":"kept","price":1}' KEEPTTL > /dev/null
check cached '{"id":4,"name":"kept","price":1.0} 200' "$(ask "$at/products/4")"
ttl=$(redis-cli -s "$work/redis.sock" TTL product:4)
if [ "$ttl" -gt 0 ] && [ "$ttl" -le 60 ]; then ok cached_for_a_minute; else not_ok cached_for_a_minute "$ttl s"; fi

check draft_saved 204 "$(json -X PUT -d '{"id":7,"name":"x y","price":2.5}' "$at/drafts/7")"
check draft '{"id":7,"name":"x y","price":2.5} 200' "$(ask "$at/drafts/7")"
check no_draft 404 "$(json "$at/drafts/8")"
check visit '{"page":1,"total":1} 200' "$(ask -X POST "$at/visits/3")"
check visits '{"page":1,"total":2} 200' "$(ask -X POST "$at/visits/4")"

redis-cli -s "$work/redis.sock" SET points:ada 10 > /dev/null
check moved 204 "$(json -d '{"from":"ada","to":"ben","points":7}' "$at/moves/")"
check not_enough 409 "$(json -d '{"from":"ada","to":"ben","points":7}' "$at/moves/")"
check points 3:7 "$(redis-cli -s "$work/redis.sock" GET points:ada):$(redis-cli -s "$work/redis.sock" GET points:ben)"

for left in 2 1 0; do check "ticket_$left" "{\"page\":0,\"total\":$left} 200" "$(ask -X POST "$at/tickets/ada")"; done
check no_ticket 429 "$(json -X POST "$at/tickets/ada")"

curl -s -N -m 30 "$at/rooms/a" > "$work/heard" &
listener=$!
for _ in $(seq 200); do [ "$(redis-cli -s "$work/redis.sock" PUBSUB NUMSUB room:a | tail -n 1)" = 1 ] && break; sleep 0.05; done
check said 204 "$(json -d '{"text":"hello"}' "$at/rooms/a")"
for _ in $(seq 100); do grep -q hello "$work/heard" && break; sleep 0.05; done
check heard 'event: note|data: hello' "$(head -n 2 "$work/heard" | tr '\n' '|' | sed 's/|$//')"

kill -KILL $server
wait $server 2> /dev/null
check down 503 "$(json "$at/drafts/7")"
check retry_after 1 "$(curl -s -m 20 -D - -o /dev/null "$at/drafts/7" | tr -d '\r' | sed -n 's/^[Rr]etry-[Aa]fter: //p')"
rm -f "$work/redis.sock"
start_redis
for _ in $(seq 100); do status=$(json "$at/drafts/7"); [ "$status" = 404 ] && break; sleep 0.1; done
check back 404 "$status"
for _ in $(seq 100); do grep -q missed "$work/heard" && break; sleep 0.1; done
has missed_is_told 'event: missed' "$work/heard"
kill -TERM $program
wait $program
check ends 0 $?
program=
