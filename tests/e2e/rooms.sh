#!/bin/bash
# People in a room on workers of two programs, while one is put in the place of the other (SIGHUP): they hear each other and are known until the old ones
# have gone, whether it is the same program, another file, or one with other routes; also when a worker is killed meanwhile. Nothing is left of it.
set -u
: "${BUILD:?the build folder}"
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'stop; rm -rf "$work"' EXIT
of=rooms
. tests/e2e/say.bash
. tests/e2e/program.bash
/usr/bin/python3 -c 'import websockets' 2> /dev/null || { skip python 'there is no python3-websockets'; exit 0; }

port=$(free_port)
mkdir "$work/plans"
cp "$BUILD/tests/e2e-load-handover" "$work/program"
PORT=$port WORKERS=2 GRACE_MS=1000 start "$work/program" "$work/plans" || exit 0
starts() { find "$work/plans" -name 'start.*' | wc -l; }
# NAME WHO_IS_KILLED: the next start tries the program, the one behind it is its first worker, the one behind that waits.
reloaded() {
    rm -f "$work/plans/go"
    echo wait > "$work/plans/plan.$(($(starts) + 3))"
    timeout 250 /usr/bin/python3 tests/e2e/rooms/people.py "$port" "$pid" "$work/plans" "$1" "$2" 2> "$work/err" || not_ok "$1" "ended with $?: $(tail -c 700 "$work/err" | tr '\n' '|') $(said)"
    becomes_children 2 || not_ok "${1}_old_ones_end" "$(said)"
}
descriptors() { find "/proc/$pid/fd" -lname "*$1*" | wc -l; }
another_file() { cp "$work/program" "$work/another" && mv "$work/another" "$work/program"; }

before="$(descriptors memfd) $(descriptors eventfd) $(descriptors socket)"
reloaded same none
reloaded same_and_an_old_one_killed old
another_file
reloaded another none
another_file
reloaded another_and_an_old_one_killed old
another_file
reloaded another_and_a_new_one_killed new
touch "$work/plans/routes"
reloaded other_routes none
check memory_and_bells_are_as_many_as_before "$before" "$(descriptors memfd) $(descriptors eventfd) $(descriptors socket)"
check nobody_was_ever_apart 0 "$(grep -c 'do not hear each other' "$work/log")"
check what_is_anew_is_said '3 1' "$(grep -c 'begin anew: the program is another file' "$work/log") $(grep -c 'begin anew: its routes' "$work/log")"
stop
check it_ends_well 0 "$status"
