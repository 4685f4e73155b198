#!/bin/bash
# A program whose main starts other programs before it serves, reloaded: they have none of its listeners, and signals as any program; signals that come meanwhile
# are heard all the same. It is run by a name that leads elsewhere by and by, and with fewer workers.
set -u
: "${BUILD:?the build folder}"
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'stop; rm -rf "$work"' EXIT
of=parent
. tests/e2e/say.bash
. tests/e2e/program.bash

port=$(free_port)
url=http://127.0.0.1:$port
mkdir "$work/said" "$work/1" "$work/2"
cp "$BUILD/tests/e2e-load-parent" "$work/1/program"
cp "$BUILD/tests/e2e-load-parent" "$work/2/program"
ln -s 1 "$work/now"
lines() { grep -c "$1" "$work/log"; }
becomes() {                              # becomes COMMAND...: within 20 s
    local tries
    for tries in $(seq 400); do
        "$@" && return 0
        sleep 0.05
    done
    return 1
}
listens() { [ "$(lines 'listening on')" -ge "$1" ]; }
reload() {                               # reload NAME
    local before
    before=$(lines 'listening on')
    kill -HUP "$pid"
    if becomes listens $((before + 1)); then ok "$1"; else not_ok "$1" "$(said)"; fi
}
alive() { local one; for one in "$work"/said/[0-9]*; do kill -0 "${one##*/}" 2> /dev/null && echo "${one##*/}"; done; }
nobody_is_alive() { [ -z "$(alive)" ]; }

PORT=$port WORKERS=2 start "$work/now/program" "$work/said" || exit 0

# ---- what it starts ----

reload it_reloads
reload it_reloads_again
# Two of the first start and of each program in its place; those of trials may have ended before they said anything.
all_have_said() {
    local one n=0
    for one in $(pgrep -P "$pid"); do [ ! -e "$work/said/$one" ] || n=$((n + 1)); done
    [ "$n" = 6 ]
}
becomes all_have_said || not_ok all_have_said "$(ls "$work/said") $(said)"
check what_it_starts_has_nothing_of_it 'forked 0 0 0 0|spawned 0 0 0 0|' "$(sort -u "$work"/said/*[0-9] | tr '\n' '|')"

# ---- the name it was called by ----

ln -s 2 "$work/next" && mv -T "$work/next" "$work/now"
reload it_reloads_by_its_name
check the_name_leads_to_another_file "$work/2/program" "$(readlink "/proc/$pid/exe")"
has the_log_says_which "trying whether $work/now/program \($work/2/program\) starts" "$work/log"
rm -r "$work/1"
reload the_file_from_before_is_not_needed
mv "$work/2/program" "$work/2/away"
kill -HUP "$pid"
becomes grep -q "not reloaded: $work/now/program cannot be run: no such thing" "$work/log" && ok a_file_that_is_not_there_is_named || not_ok a_file_that_is_not_there_is_named "$(said)"
mv "$work/2/away" "$work/2/program"

# ---- signals ----

# The program in the place of the one before waits before it serves; WHAT is done meanwhile.
while_it_waits() {
    echo "$pid" > "$work/said/wait"
    rm -f "$work/said/waits"
    kill -HUP "$pid"
    becomes test -e "$work/said/waits" || not_ok while_it_waits "$(said)"
    "$@"
    rm "$work/said/wait"
}
code() { curl -s --max-time 20 -o "$work/answer" -w '%{http_code}' "$url$1"; }
nobody_answers() { [ "$(code /worker)" = 000 ]; }
asked_again() {
    check it_serves_meanwhile 200 "$(code /worker)"
    kill -HUP "$pid"
    kill -QUIT "$pid"
}
stopped() {
    code /slow > "$work/slow" &
    slow=$!
    sleep 0.3
    kill -TERM "$pid"
    sleep 0.3
    check it_serves_on_until_it_is_heard 200 "$(code /worker)"
}

before=$(lines 'listening on') tried=$(lines 'reloading: trying')
while_it_waits asked_again
becomes listens $((before + 1)) || not_ok it_begins_after_all "$(said)"
check a_reload_that_was_asked_for_meanwhile_is_tried 2 "$(($(lines 'reloading: trying') - tried))"

# ---- fewer ----

touch "$work/said/one"
reload it_reloads_with_one_worker
one_answers() { [ "$(for i in $(seq 10); do curl -s --max-time 20 "$url/worker"; echo; done | sort -u | wc -l)" = 1 ]; }
becomes one_answers && ok it_has_one_worker || not_ok it_has_one_worker "$(said)"
rm "$work/said/one"
reload it_reloads_with_two_again

# ---- the end ----

slow=
while_it_waits stopped
timeout 30 tail --pid="$pid" -f /dev/null || not_ok a_stop_that_was_asked_for_meanwhile "it does not end: $(said)"
stop
check a_stop_that_was_asked_for_meanwhile_is_one 0 "$status"
wait "$slow"
check what_was_asked_before_it_is_answered 200 "$(cat "$work/slow")"
becomes nobody_is_alive && ok what_it_started_has_ended || not_ok what_it_started_has_ended "$(alive | tr '\n' ' ')"
check nobody_listens_any_more 000 "$(code /worker)"

# ---- a main that ends before weft_serve ----

PORT=$port WORKERS=2 start "$work/now/program" "$work/said" || exit 0
code /slow > "$work/slow" &
slow=$!
sleep 0.3
echo "$pid" > "$work/said/ends"
while_it_waits sleep 0.1
becomes grep -q 'this program ends before it serves' "$work/log" && ok a_main_that_ends_says_who_is_waited_for || not_ok a_main_that_ends_says_who_is_waited_for "$(said)"
becomes nobody_answers && ok nobody_is_left_waiting_for_it || not_ok nobody_is_left_waiting_for_it "$(said)"
timeout 30 tail --pid="$pid" -f /dev/null || not_ok it_ends_behind_its_workers "it does not end: $(said)"
rm "$work/said/ends"
stop
check it_ends_with_its_own_status 4 "$status"
wait "$slow"
check what_was_asked_before_its_end_is_answered 200 "$(cat "$work/slow")"
becomes nobody_is_alive && ok what_it_started_has_ended_as_well || not_ok what_it_started_has_ended_as_well "$(alive | tr '\n' ' ')"

# ---- a main that never comes to weft_serve ----

PORT=$port WORKERS=2 start "$work/now/program" "$work/said" || exit 0
echo "$pid" > "$work/said/wait"
rm -f "$work/said/waits"
kill -HUP "$pid"
becomes test -e "$work/said/waits" || not_ok it_hangs "$(said)"
code /slow > "$work/slow" &
slow=$!
sleep 0.3
kill -TERM "$pid"
timeout 60 tail --pid="$pid" -f /dev/null || not_ok a_stop_ends_a_main_that_hangs "it does not end: $(said)"
stop
check a_stop_ends_a_main_that_hangs 143 "$status"
wait "$slow"
check its_workers_have_answered_what_they_had 200 "$(cat "$work/slow")"
has it_says_why 'stopping, without weft_serve: main has not come to it since the reload' "$work/log"
becomes nobody_is_alive && ok what_it_started_has_ended_too || not_ok what_it_started_has_ended_too "$(alive | tr '\n' ' ')"
check nobody_listens_for_it 000 "$(code /worker)"
