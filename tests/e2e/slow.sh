#!/bin/bash
# Slow clients by the thousand: heads and bodies that come byte by byte, answers that hardly anybody takes. All are cut at their deadline and come
# again; others are served as before, and the memory that they cost is bounded. In a soak 10 000 for a minute, with the limits as they are by default.
# They come a thousand a second, as slowhttptest sends them, so that what is looked at is what holding them costs; 1 200 come all at once.
set -u
: "${BUILD:?the build folder}"
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
load= awake=()
trap 'kill "${awake[@]}" 2>/dev/null; [ -z "$load" ] || kill "$load" 2>/dev/null; stop; rm -rf "$work"' EXIT
of=slow
. tests/e2e/say.bash
. tests/e2e/program.bash

clients=1200 arrive_ms=0 seconds=6 drip_ms=500 head_ms=2000 body_ms=2500 write_ms=3000 room_kb=$((12 * 1024)) late_ms=1500 probe_s=4
if [ "${WEFT_SOAK:-0}" != 0 ]; then
    clients=10000 arrive_ms=10000 seconds=60 drip_ms=2000 head_ms=10000 body_ms=10000 write_ms=30000 room_kb=$((100 * 1024)) late_ms=2000 probe_s=20
fi
if [ "$(ulimit -n)" -lt $((clients * 3 / 2 + 200)) ] && ! ulimit -n $((clients * 3 / 2 + 200)) 2>/dev/null; then
    skip all "fewer than $((clients * 3 / 2 + 200)) descriptors"
    exit 0
fi

port=$(free_port)
head -c 33554432 /dev/zero > "$work/large"
limits="HEAD_MS=$head_ms BODY_MS=$body_ms WRITE_MS=$write_ms"
[ "${WEFT_SOAK:-0}" = 0 ] || limits=    # as they are: a body is cut by its rate, after rate_grace_ms
# The server has a core of its own, as its clients on other machines leave it one: whether the kernel puts who asks and who answers together makes
# ten times of difference, and it does so by what else there is to run. Who asks goes before the slow ones: it is the server's time that it measures.
cores=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
first=${cores%%[-,]*} last=${cores##*[-,]}
# A core that has gone to sleep takes longer to wake than the answer takes: who has nothing to do but run when nobody else does keeps both awake.
for core in "$first" "$last"; do
    timeout 280 taskset -c "$core" chrt -i 0 sh -c 'while :; do :; done' &
    awake+=($!)
done
first_in_line=
chrt -f 10 true 2> /dev/null && first_in_line='chrt -f 10'
# Who comes again is there before the server has noticed that it went.
start taskset -c "$first" env PORT="$port" CONNECTIONS=$((clients * 3 / 2 + 100)) $limits "$BUILD/tests/e2e-load-server" "$work/large" || exit 0
hold() { timeout 280 taskset -c "$last" "$BUILD/tests/e2e-load-slow" "$port" hold "$@"; }
ask() { timeout 280 taskset -c "$last" $first_in_line "$BUILD/tests/e2e-load-slow" "$port" probe "$1"; }
memory() { sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$pid/status"; }

ask "$probe_s" > "$work/before" || not_ok it_serves "$(tail -n 5 "$work/log" | tr '\n' '|')"
before=$(memory)
hold $clients $arrive_ms $seconds $drip_ms $head_ms $body_ms $write_ms > "$work/held" 2>&1 &
load=$!
for tries in $(seq 300); do
    grep -q '^there' "$work/held" && break
    sleep 0.1
done
has all_of_them_are_there '^there' "$work/held"

# For as long as they are held: what they cost, and what others notice.
ask "$seconds" > "$work/during" 2>&1 &
probe=$!
most=0
while kill -0 $probe 2> /dev/null; do
    now=$(memory)
    [ "$now" -le "$most" ] || most=$now
    sleep 0.5
done
wait $probe && ok others_are_served || not_ok others_are_served "$(cat "$work/during")"
wait $load
load=
grew=$((most - before))
if [ -n "$before" ] && [ $grew -gt 0 ] && [ $grew -lt $room_kb ]; then ok memory_is_bounded; else not_ok memory_is_bounded "$clients of them: $grew KiB more than the $before before; expected less than $room_kb"; fi

# A machine that is busy with others is late by itself.
p99=$(number p99_us "$work/during") p99_before=$(number p99_us "$work/before")
late_ms=$((late_ms + 20 * p99_before / 1000))
held=$(grep '^cut' "$work/held")
[ "$(number cut "$work/held")" -ge $((clients * 3 / 2)) ] && ok they_are_cut_and_come_again || not_ok they_are_cut_and_come_again "$held"
check nobody_is_cut_early 0 "$(number early "$work/held")"
check nobody_is_refused 0 "$(number refused "$work/held")"
check heads_and_bodies_are_told_why 0 "$(number unanswered "$work/held")"
check nobody_is_left 0 "$(number left "$work/held")"
late=$(number ' late_ms' "$work/held")
if [ "${late:-99999}" -le $late_ms ]; then ok heads_and_bodies_are_cut_at_their_deadline; else not_ok heads_and_bodies_are_cut_at_their_deadline "$held"; fi
# What they have taken, the receive buffers of 8 KiB of theirs and what they drink of them, gives them its time at rate_min.
late=$(number readers_late_ms "$work/held")
if [ "${late:-99999}" -le $((late_ms + 10000)) ]; then ok readers_are_cut_at_theirs; else not_ok readers_are_cut_at_theirs "$held"; fi

# On a machine with other loads it is they whom the slowest hundredth tells of: then the bound is what nobody may be kept waiting.
allowed=$((2 * p99_before))
[ "${WEFT_SOAK:-0}" != 0 ] || allowed=$((allowed + 20000))
if [ "${p99:-99999999}" -le $allowed ]; then ok others_are_as_quick_as_before; else not_ok others_are_as_quick_as_before "p99 $p99 us, $p99_before us before; expected $allowed at most"; fi
echo "slow: $clients clients: $grew KiB more ($((grew * 1024 / clients)) bytes each), p99 $p99_before us before, $p99 us beside them; $held"

curl -s --max-time 5 "http://127.0.0.1:$port/" | grep -q hello && ok it_serves_on || not_ok it_serves_on "$(tail -n 5 "$work/log" | tr '\n' '|')"
stop
check it_ends_by_itself 0 $?
