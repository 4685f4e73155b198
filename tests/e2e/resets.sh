#!/bin/bash
# Requests of HTTP/2 that are reset at once, by their client or by the server that has to: who goes on is cut off before the 2000th, comes
# again, and costs the server little. In a soak a million of the client's own, and 100 000 that it provokes: what is sent behind GOAWAY is not counted.
set -u
: "${BUILD:?the build folder}"
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'stop; rm -rf "$work"' EXIT
of=resets
. tests/e2e/say.bash
. tests/e2e/program.bash

[ -x "$BUILD/examples/http2" ] || { echo 'skip resets: built without libnghttp2'; exit 0; }
own=50000 provoked=10000 cpu_ms_max=300
[ "${WEFT_SOAK:-0}" = 0 ] || own=1000000 provoked=100000 cpu_ms_max=1000
port=$(free_port)
PORT=$port start "$BUILD/tests/e2e-load-server" /dev/null || exit 0
cpu_ms() { awk -v hz="$(getconf CLK_TCK)" '{ sub(/^.*\) /, ""); print int(($12 + $13) * 1000 / hz) }' "/proc/$pid/stat"; }
memory() { sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$pid/status"; }

for kind in own provoked; do
    began=$(cpu_ms)
    timeout 250 "$BUILD/tests/e2e-load-resets" "$port" "${!kind}" $kind > "$work/$kind" 2>&1 || not_ok "$kind" "$(cat "$work/$kind")"
    took=$(($(cpu_ms) - began))
    [ "$kind" != own ] || between=$(memory)
    most=$(number most "$work/$kind") connections=$(number connections "$work/$kind") done=$(number resets "$work/$kind")
    if [ "${done:-0}" -ge "${!kind}" ]; then ok "${kind}_are_as_many_as_wanted"; else not_ok "${kind}_are_as_many_as_wanted" "$(cat "$work/$kind")"; fi
    if [ "${most:-9999}" -lt 2000 ]; then ok "${kind}_are_cut_off_before_the_2000th"; else not_ok "${kind}_are_cut_off_before_the_2000th" "$(cat "$work/$kind")"; fi
    check "${kind}_are_told_to_calm_down" "$connections" "$(number calm "$work/$kind")"
    check "${kind}_may_come_again" 0 "$(number refused "$work/$kind")"
    if [ $took -le $cpu_ms_max ]; then ok "${kind}_cost_little"; else not_ok "${kind}_cost_little" "${!kind} resets took $took ms of CPU; expected $cpu_ms_max at most"; fi
    echo "resets: $kind: $(cat "$work/$kind"): $took ms of CPU"
done
after=$(memory)
if [ -n "$between" ] && [ $((after - between)) -le 1024 ]; then ok they_leave_nothing_behind; else not_ok they_leave_nothing_behind "$((after - between)) KiB more than after half of them"; fi
curl -s --max-time 5 --http2-prior-knowledge "http://127.0.0.1:$port/" | grep -q hello && ok it_serves_on || not_ok it_serves_on "$(tail -n 5 "$work/log" | tr '\n' '|')"
stop
check it_ends_by_itself 0 $?
