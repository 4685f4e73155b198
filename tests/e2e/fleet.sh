#!/bin/bash
# Workers under requests (wrk) and WebSockets at once, while they are reloaded and killed: nobody is refused; a reload costs no request, and its WebSockets
# are told (1001); a kill costs what is on its way on that worker. Twenty of each in a soak.
set -u
: "${BUILD:?the build folder}"
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'stop; rm -rf "$work"' EXIT
of=fleet
. tests/e2e/say.bash
. tests/e2e/program.bash
command -v wrk > /dev/null || { skip load 'no wrk'; exit 0; }

times=4 connections=32 sockets=32
[ "${WEFT_SOAK:-0}" = 0 ] || times=20
seconds=$((2 * times + 5))
port=$(free_port)
url=http://127.0.0.1:$port
PORT=$port WORKERS=2 GRACE_MS=2000 start "$BUILD/tests/e2e-load-server" /dev/null || exit 0
worker() { curl -s --max-time 5 "$url/worker"; }
# A worker that was not there before answers.
waits_for_another() {                    # waits_for_another PID
    local tries now
    for tries in $(seq 200); do
        now=$(worker)
        [ -n "$now" ] || return 1
        [ "$now" = "$1" ] || return 0
        sleep 0.05
    done
    return 1
}
errors() { sed -n 's/^ *\(Socket errors:.*\|Non-2xx.*\)/\1/p' "$1" | tr '\n' ' '; }
begin() {                                # begin NAME
    timeout 120 wrk -t1 -c$connections -d${seconds}s "$url/" > "$work/$1.wrk" 2>&1 &
    wrk=$!
    timeout 120 "$BUILD/tests/e2e-load-sockets" "$port" /echo $sockets $seconds > "$work/$1.ws" 2>&1 &
    ws=$!
    sleep 1
}
finish() {
    wait $wrk
    wait $ws || not_ok "${1}_sockets" "$(cat "$work/$1.ws")"
    has "${1}_leave_requests" '^ *[1-9][0-9]* requests in' "$work/$1.wrk"
    echo "fleet: $times ${1}: wrk: $(grep -o '[0-9]* requests in' "$work/$1.wrk") $(errors "$work/$1.wrk"); WebSockets: $(cat "$work/$1.ws")"
    [ "$(number echoes "$work/$1.ws")" -gt $((sockets * times)) ] && ok "${1}_leave_echoes" || not_ok "${1}_leave_echoes" "$(cat "$work/$1.ws")"
    check "${1}_refuse_no_socket" '0 0' "$(number refused "$work/$1.ws") $(number wrong "$work/$1.ws")"
}

begin reloads
for i in $(seq $times); do
    before=$(worker)
    kill -HUP "$pid"
    waits_for_another "$before" || not_ok "reload_$i" "$(said)"
    sleep 1
done
finish reloads
check reloads_cost_no_request '' "$(errors "$work/reloads.wrk")"
check reloads_break_no_socket 0 "$(number broken "$work/reloads.ws")"
[ "$(number leaving "$work/reloads.ws")" -ge $((times * sockets / 2)) ] && ok sockets_are_told_of_reloads || not_ok sockets_are_told_of_reloads "$(cat "$work/reloads.ws")"

begin kills
held=0                                   # sockets of those that are killed; what else they have of them is listeners and a few of their own
for i in $(seq $times); do
    before=$(worker)
    held=$((held + $(find "/proc/$before/fd" -lname 'socket:*' 2> /dev/null | wc -l)))
    [ $((i % 2)) = 0 ] && kill -KILL "$before" || kill -SEGV "$before"
    waits_for_another "$before" || not_ok "kill_$i" "$(said)"
    sleep 1
done
finish kills
case $(errors "$work/kills.wrk") in *Non-2xx*) not_ok kills_make_no_error_answers "$(errors "$work/kills.wrk")" ;; *) ok kills_make_no_error_answers ;; esac
lost() { sed -n 's/^ *Socket errors: connect \([0-9]*\), read \([0-9]*\), write \([0-9]*\), timeout \([0-9]*\).*/\1 \2 \3 \4/p' "$work/kills.wrk"; }
read -r connect read write timeout _ <<< "$(lost) 0 0 0 0"
check kills_refuse_nobody '0 0' "$connect $timeout"
broken=$(number broken "$work/kills.ws")
[ "$broken" -gt 0 ] && ok kills_break_sockets || not_ok kills_break_sockets "$(cat "$work/kills.ws")"
if [ $((read + write + broken)) -le $held ] && [ $held -lt $((times * (connections + sockets))) ]; then ok kills_cost_what_was_on_its_way_to_them_alone
else not_ok kills_cost_what_was_on_its_way_to_them_alone "read $read, write $write, broken $broken; those who were killed had $held sockets: $(cat "$work/kills.ws")"; fi

workers=$(pgrep -P "$pid" | tr '\n' ' ')
stop
check it_ends_by_itself 0 $?
check nobody_is_left '2 ' "$(wc -w <<< "$workers") $(for one in $workers; do [ ! -e "/proc/$one" ] || echo "$one"; done)"
