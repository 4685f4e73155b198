#!/bin/bash
# What others inherit of a server with workers: nothing. A program that a reloaded one starts before it serves holds no port and no memory of the fleet and does not
# know of the reload; all descriptors are closed in what workers run; and a port is free when its server has ended, whoever lives on.
set -u
: "${BUILD:?the build folder}"
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
child=
trap 'for child in $(cat "$work/plans/children" 2>/dev/null); do kill -KILL "$child" 2>/dev/null; done; stop; rm -rf "$work"' EXIT
of=inherited
. tests/e2e/say.bash
. tests/e2e/program.bash

for fd in /proc/$$/fd/*; do              # whoever runs this has some of his own open
    [ "${fd##*/}" -le 2 ] || [ "${fd##*/}" = 255 ] || eval "exec ${fd##*/}>&-"
done
port=$(free_port)
mkdir "$work/plans"
cp "$BUILD/tests/e2e-load-handover" "$work/program"
export ASAN_OPTIONS=detect_leaks=0       # that looks for leaks by ptrace, which a sandbox forbids
PORT=$port WORKERS=2 GRACE_MS=500 start "$work/program" "$work/plans" || exit 0
reload() {
    local lines=$(grep -c 'listening on' "$work/log") tries
    kill -HUP "$pid"
    for tries in $(seq 300); do
        [ "$(grep -c 'listening on' "$work/log")" -gt "$lines" ] && break
        sleep 0.1
    done
    [ "$tries" -lt 300 ] && becomes_children "$1" || not_ok reload "$(said)"
}
# Descriptors of a process that a program which it runs would have: above 2, without the kernel's mark (02000000) that an exec closes them.
stays_open() {
    local fd flags
    for fd in "/proc/$1"/fd/*; do
        [ "${fd##*/}" -gt 2 ] || continue
        flags=$(sed -n 's/^flags:[[:space:]]*//p' "/proc/$1/fdinfo/${fd##*/}" 2> /dev/null) || continue
        [ $((0$flags & 02000000)) != 0 ] || echo "$1: $(readlink "$fd")"
    done
}
none_stays_open() {                      # NAME
    local one all=
    for one in "$pid" $(pgrep -P "$pid"); do [ "$one" = "$child" ] || all="$all$(stays_open "$one")"; done
    check "$1" '' "$all"
}
others() { find "/proc/$1/fd" -lname 'socket:*' -o -lname '/memfd:*' -o -lname 'anon_inode:*' | wc -l; }

none_stays_open at_the_start
touch "$work/plans/child"
reload 3                                 # two workers and that child; the trial has started one, too, which its end has not ended
child=$(tail -n 1 "$work/plans/children")
rm "$work/plans/child"
[ "$(cat "/proc/$child/comm")" = sleep ] && ok a_program_is_started_before_it_serves || not_ok a_program_is_started_before_it_serves "$child"
check it_holds_no_port_no_memory_no_bell 0 "$(others "$child")"
check it_does_not_know_of_the_reload 0 "$(tr '\0' '\n' < "/proc/$child/environ" | grep -c '^WEFT__')"
none_stays_open behind_a_reload
touch "$work/plans/sandbox"
reload 3
none_stays_open in_a_sandbox
check who_is_in_a_sandbox_serves 200 "$(curl -s --max-time 5 -o "$work/answer" -w '%{http_code}' "http://127.0.0.1:$port/worker")"
stop
check it_ends_well 0 "$status"
kill -0 "$child" 2> /dev/null && ok the_program_it_started_lives_on || not_ok the_program_it_started_lives_on gone
(exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null && not_ok the_port_is_free 'somebody listens there' || ok the_port_is_free
