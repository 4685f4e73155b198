#!/bin/bash
# What outlives a reload (SIGHUP), beside WebSockets that are told of it: numbers, the program's own too, and those of a library beside it, rate limits,
# answers to idempotency keys; also where one follows the other while old workers are there still. Another program in its place begins anew.
set -u
: "${BUILD:?the build folder}"
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'stop; rm -rf "$work"' EXIT
of=kept
. tests/e2e/say.bash
. tests/e2e/program.bash

port=$(free_port)
url=http://127.0.0.1:$port
cp "$BUILD/tests/e2e-load-server" "$work/server"
cp "$BUILD/tests/e2e-load-goods-1.so" "$work/goods.so"
GOODS=$work/goods.so KEEPS=1 PORT=$port WORKERS=2 GRACE_MS=2000 start "$work/server" /dev/null || exit 0

worker() { curl -s --max-time 5 "$url/worker"; }
buy() { curl -s --max-time 5 -X POST -H "Idempotency-Key: $1" "$url/buy"; }
few() {                                  # few TIMES: how many were answered
    local i
    for i in $(seq "$1"); do curl -s --max-time 5 -o "$work/few" -w '%{http_code}\n' "$url/few"; done | grep -c 200
}
number() { curl -s --max-time 5 "$url/metrics" | awk -v name="$1" 'index($0, name) == 1 { sum += $NF } END { print sum + 0 }'; }
asked() { number 'weft_requests_total{method="GET",route="/few"'; }
reload() {                               # until all who answer are new ones
    local ready=$(grep -c 'listening on' "$work/log") tries
    kill -HUP "$pid"
    for tries in $(seq 200); do
        [ "$(grep -c 'listening on' "$work/log")" -gt "$ready" ] && return 0
        sleep 0.1
    done
    return 1
}

first="$(buy a) $(buy b) $(buy c)"
check limits_count 6 "$(few 6)"
check numbers_are_there '3 3 6' "$(number shop_bought_total) $(number goods_sold_total) $(asked)"
before=$(worker)

timeout 60 "$BUILD/tests/e2e-load-sockets" "$port" /echo 16 8 > "$work/ws" 2>&1 &
ws=$!
sleep 1
if reload; then ok reloads; else not_ok reloads "$(tail -n 20 "$work/log" | tr '\n' '|')"; fi
check keys_are_kept "$first" "$(buy a) $(buy b) $(buy c)"
check limits_are_kept 4 "$(few 10)"
check numbers_are_kept '3 3 16' "$(number shop_bought_total) $(number goods_sold_total) $(asked)"
for tries in $(seq 100); do              # those of the program before leave in their own time
    after=$(worker)
    [ "$after" = "$before" ] || break
    sleep 0.05
done
[ "$after" != "$before" ] && ok workers_are_new_ones || not_ok workers_are_new_ones "$before answers still"
buy d > /dev/null
if reload; then ok reloads_again; else not_ok reloads_again "$(tail -n 20 "$work/log" | tr '\n' '|')"; fi
check all_is_kept_once_more "4 4 0 $first" "$(number shop_bought_total) $(number goods_sold_total) $(few 3) $(buy a) $(buy b) $(buy c)"
wait $ws || not_ok sockets "$(cat "$work/ws")"
said() { sed -n "s/.*$1 \([0-9]*\).*/\1/p" "$work/ws"; }
check sockets_are_not_broken '0 0 0' "$(said refused) $(said wrong) $(said broken)"

# The same program beside another library: only what that counts begins anew.
cp "$BUILD/tests/e2e-load-goods-2.so" "$work/another" && mv "$work/another" "$work/goods.so"
if reload; then ok another_library_is_loaded; else not_ok another_library_is_loaded "$(tail -n 20 "$work/log" | tr '\n' '|')"; fi
becomes_children 2 || not_ok old_ones_go "$(said)"
buy e > /dev/null
check a_library_begins_anew_alone '5 1' "$(number shop_bought_total) $(number goods_sold_total)"

# The same bytes in another file: whatever lies in the memory of the first, only it knows.
cp "$work/server" "$work/another" && mv "$work/another" "$work/server"
if reload; then ok another_program_starts; else not_ok another_program_starts "$(tail -n 20 "$work/log" | tr '\n' '|')"; fi
check another_program_begins_anew '10 0' "$(few 12) $(number shop_bought_total)"
has it_says_so 'begin anew: the program is another file' "$work/log"
stop
check it_ends_well 0 "$status"

# ---- one reload behind the other, while connections that ask nothing keep all workers of the programs before ----

GOODS=$work/goods.so KEEPS=1 PORT=$port WORKERS=2 GRACE_MS=6000 start "$work/server" /dev/null || exit 0
hold() {                                 # connections with both workers
    local i fd
    for i in 1 2 3 4 5 6; do
        exec {fd}<> "/dev/tcp/127.0.0.1/$port" || return 1
        printf 'GET /worker HTTP/1.1\r\nHost: shop\r\n\r\n' >&"$fd"
        read -r -t 20 -u "$fd" _ || return 1
    done
}
first=$(buy a)
few 4 > /dev/null
for i in 1 2 3 4; do
    hold || not_ok "hold_$i" "$(said)"
    if reload; then ok "reload_$i"; else not_ok "reload_$i" "$(said)"; fi
    check "what_is_kept_$i" "$first 1" "$(buy a) $(number shop_bought_total)"
done
check limits_are_kept_over_all 6 "$(few 10)"
check nothing_begins_anew 0 "$(grep -c 'begin anew' "$work/log")"
hold
for i in 1 2 3 4 5 6; do kill -HUP "$pid"; sleep 0.4; done
becomes_children 2 || not_ok old_ones_go_in_the_end "$(said)"
check many_at_once_forget_nothing "$first 1 0" "$(buy a) $(number shop_bought_total) $(grep -c 'begin anew' "$work/log")"
stop
check it_ends_well_behind_many 0 "$status"
