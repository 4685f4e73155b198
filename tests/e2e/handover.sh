#!/bin/bash
# A reload to a program of which not all workers start, or not for long: the old workers serve on, all of them, and the log says why. Somebody asks all the
# time, and is answered by all but those that end in the middle of it.
set -u
: "${BUILD:?the build folder}"
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
asks=
trap '[ -z "$asks" ] || kill "$asks" 2>/dev/null; stop; rm -rf "$work"' EXIT
of=handover
. tests/e2e/say.bash
. tests/e2e/program.bash

port=$(free_port)
url=http://127.0.0.1:$port
plans=$work/plans
mkdir "$plans"
cp "$BUILD/tests/e2e-load-handover" "$work/program"
PORT=$port WORKERS=2 GRACE_MS=500 STUCK_MS=3000 start "$work/program" "$plans" || exit 0
starts() { find "$plans" -name 'start.*' | wc -l; }
lines() { grep -c "$1" "$work/log"; }
waits_for() {                            # waits_for COUNT TEXT: so many lines of the log have it
    local tries
    for tries in $(seq 400); do
        [ "$(lines "$2")" -ge "$1" ] && return 0
        sleep 0.05
    done
    return 1
}
plan() {                                 # plan FROM TO HOW: starts behind so many from now on; the first is that of the trial
    local n now
    now=$(starts)
    for n in $(seq "$1" "$2"); do echo "$3" > "$plans/plan.$((now + n))"; done
}
children() { pgrep -P "$pid" | sort -n | tr '\n' ' '; }
all_there() { local one; for one in $1; do [ -e "/proc/$one" ] || return 1; done; }
# NAME: until only two that were not there before are, and all was said.
replaced() {
    local tries now
    for tries in $(seq 400); do
        now=$(children)
        [ "$(wc -w <<< "$now")" = 2 ] && [ -z "$(comm -12 <(tr ' ' '\n' <<< "$old" | sort) <(tr ' ' '\n' <<< "$now" | sort) | tr -d '\n')" ] && break
        sleep 0.05
    done
    if [ "$tries" -lt 400 ]; then ok "$1"; else not_ok "$1" "old: $old now: $now; $(said)"; fi
}
serve_on() {                             # serve_on NAME: those that were there before
    if all_there "$old" && waits_for 1 'listening on'; then ok "$1"; else not_ok "$1" "old: $old now: $(children); $(said)"; fi
}

while :; do                              # the status, and how curl ended
    status=$(curl -s --max-time 10 -o "$work/answer" -w '%{http_code}' "$url/worker")
    echo "$status $?"
    sleep 0.02
done > "$work/asked" 2>/dev/null &
asks=$!

# Of two workers the second one cannot start, four times; then it can.
old=$(children)
plan 3 6 fail
kill -HUP "$pid"
if waits_for 1 'the program is not replaced yet: [01] of its 2 new workers serve; the 2 of the program before serve on until all do'; then ok some_start_is_told; else not_ok some_start_is_told "$(said)"; fi
waits_for 3 'ended with status 3' && ok why_is_told || not_ok why_is_told "$(said)"
serve_on the_old_ones_serve_on_while_some_do_not_start
check one_line_for_many_failures 1 "$(lines 'not replaced yet')"
replaced they_go_when_all_have_started

# All crash as soon as they begin, or a moment after they have begun to serve.
for how in crash late; do
    old=$(children)
    plan 2 9 $how
    told=$(lines 'not replaced yet')
    kill -HUP "$pid"
    waits_for $((told + 1)) 'not replaced yet' && ok "${how}_is_told" || not_ok "${how}_is_told" "$(said)"
    serve_on "the_old_ones_serve_on_beside_${how}"
    replaced "they_go_behind_$how"
done

# They hang: another reload puts a program in their place that does not.
old=$(children)
plan 2 3 hang
first=$(starts)
kill -HUP "$pid"
for tries in $(seq 200); do [ "$(starts)" -ge $((first + 3)) ] && break; sleep 0.05; done
sleep 2
serve_on the_old_ones_serve_on_beside_who_hangs
old="$(children)"
kill -HUP "$pid"
replaced who_hangs_is_replaced_by_another_reload

# While the new ones wait an old one gets stuck: it is ended, and the other serves on.
old=$(children)
plan 3 3 wait
rm -f "$plans/go"
kill -HUP "$pid"
for tries in $(seq 200); do [ "$(wc -w <<< "$(children)")" = 4 ] && break; sleep 0.05; done
read -r one two <<< "$old"
kill -STOP "$one"
if waits_for 1 "a worker of the program before (pid $one) has been stuck for 3 s and is ended"; then ok an_old_one_that_is_stuck_is_told; else not_ok an_old_one_that_is_stuck_is_told "$(said)"; fi
for tries in $(seq 200); do [ -e "/proc/$one" ] || break; sleep 0.05; done
[ ! -e "/proc/$one" ] && [ -e "/proc/$two" ] && ok it_is_ended_and_the_other_serves_on || not_ok it_is_ended_and_the_other_serves_on "$one $two: $(said)"
touch "$plans/go"
replaced the_other_goes_when_all_have_started

kill "$asks"
wait "$asks" 2> /dev/null
asks=
answers=$(sort "$work/asked" | uniq -c | tr -s ' \n' ' ')
# Nine workers were ended in the middle of what they did, each of which may have had one request: it is broken off (52, 56), and nobody is refused.
if grep -vqE '^(200 0|000 (52|56))$' "$work/asked"; then not_ok nobody_was_refused "$answers $(said)"; else ok nobody_was_refused; fi
broken=$(grep -cE '^000 ' "$work/asked") answered=$(grep -c '^200 0$' "$work/asked")
if [ "$broken" -le 9 ] && [ "$answered" -gt 50 ]; then ok all_others_were_answered; else not_ok all_others_were_answered "$answers"; fi
check all_was_handed_over 0 "$(lines 'begin anew')"
stop
check it_ends_well 0 "$status"
