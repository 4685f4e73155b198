#!/bin/bash
# The watchdog names what holds a loop, while it does, in programs of both compilers at each level of optimization.
set -u
: "${BUILD:?the build folder}"
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
victim=''
trap 'rm -rf "$work"; [ -z "$victim" ] || kill "$victim" 2>/dev/null' EXIT

of=
. tests/e2e/say.bash

if ! pkg-config --exists libdw || ! nm "$BUILD/libweft.a" 2>/dev/null | grep -q dwfl_begin; then
    echo "skip watchdog: built without libdw"
    exit 0
fi
libs=$(sed -n "s/^ LINK_ARGS = //p" "$BUILD/build.ninja" | tr " " "\n" | grep -E "^(-l|/.*\.so)" | sort -u | tr "\n" " ")

# Waits until a line of the file matches.
appears() {    # PATTERN FILE
    for _ in $(seq 100); do
        grep -q "$1" "$2" && return 0
        sleep 0.1
    done
    return 1
}

# The victim goes on only when its report is there: it came while the loop was blocked.
held() {    # NAME PROGRAM HOW
    rm -f "$work/go"
    [ "$3" != reads ] || mkfifo "$work/go"
    "$2" "$3" "$work/go" > "$work/out" 2> "$work/err" &
    victim=$!
    where=$3
    [ "$3" != computes ] || where=fibonacci
    appears "^weft: loop blocked [0-9]* ms: task handler_of in $where (victim.c:[0-9]*)$" "$work/err"
    named=$?
    if [ "$3" = reads ]; then printf x > "$work/go"; else touch "$work/go"; fi
    wait "$victim"
    status=$?
    victim=''
    if [ $named != 0 ]; then not_ok "$1" "not named: $(tr '\n' '|' < "$work/err")"
    elif [ $status != 0 ]; then not_ok "$1" "it noticed: $(tr '\n' '|' < "$work/err")"
    elif ! grep -q "^weft:   task handler_of, started at .*victim.c:[0-9]*$" "$work/err"; then not_ok "$1" "no task: $(tr '\n' '|' < "$work/err")"
    elif ! grep -q '^weft:   at blocks (victim.c:[0-9]*)$' "$work/err" || ! grep -q '^weft:   at handler_of (victim.c:[0-9]*)$' "$work/err"; then
        not_ok "$1" "no stack: $(tr '\n' '|' < "$work/err")"
    elif ! grep -q '^weft: loop blocked [0-9]* ms in all: ' "$work/err"; then not_ok "$1" "no total: $(tr '\n' '|' < "$work/err")"
    else ok "$1"; fi
}

for cc in gcc clang; do
    for flags in -O0 -O1 -O2 '-O2 -fno-pie -no-pie' '-O2 -fomit-frame-pointer -fno-plt'; do
        program="$work/victim"
        if ! $cc -std=gnu17 -g $flags -Iinclude tests/e2e/watchdog/victim.c -o "$program" "$BUILD/libweft.a" $libs 2> "$work/err"; then
            not_ok "watchdog/$cc $flags" "$(tr '\n' '|' < "$work/err")"
            continue
        fi
        for how in sleeps reads calls computes; do held "watchdog/$cc $flags: $how" "$program" $how; done
    done
done

# Without debug information there are names still, and without those the module and the address in it.
gcc -std=gnu17 -O2 -Iinclude tests/e2e/watchdog/victim.c -o "$work/bare" "$BUILD/libweft.a" $libs -Wl,--strip-debug
"$work/bare" sleeps "$work/none" > "$work/out" 2> "$work/err" &
victim=$!
if appears 'ms: task handler_of in sleeps (bare+0x[0-9a-f]*)$' "$work/err"; then ok watchdog/without_lines
else not_ok watchdog/without_lines "$(tr '\n' '|' < "$work/err")"; fi
touch "$work/none"
wait "$victim"
strip "$work/bare"
rm -f "$work/none"
"$work/bare" sleeps "$work/none" > "$work/out" 2> "$work/err" &
victim=$!
if appears 'ms: task handler_of in (bare+0x[0-9a-f]*)$' "$work/err"; then ok watchdog/without_names
else not_ok watchdog/without_names "$(tr '\n' '|' < "$work/err")"; fi
touch "$work/none"
wait "$victim"

# The route of a server.
rm -f "$work/go"
"$work/victim" sleeps "$work/go" serve > "$work/out" 2> "$work/err" &
victim=$!
appears 'listening on' "$work/out"
url=$(sed -n 's|.*listening on \(http://[^ ]*\)$|\1|p' "$work/out")
curl -s -m 20 "$url/blocks/1" > "$work/body" &
asker=$!
if appears '^weft: loop blocked [0-9]* ms: GET /blocks/{any} in sleeps (victim.c:[0-9]*)$' "$work/err"; then ok watchdog/route
else not_ok watchdog/route "$(tr '\n' '|' < "$work/err")"; fi
touch "$work/go"
wait "$asker"
if [ "$(cat "$work/body")" = 0 ]; then ok watchdog/route_answers
else not_ok watchdog/route_answers "$(cat "$work/body")"; fi
kill -TERM "$victim"
wait "$victim"
victim=''

# Looking costs less than 1 %: 3 s of waiting, and what the program takes besides.
used=$("$work/victim" idles "$work/none" | sed 's/ ms//')
if [ "$used" -lt 30 ]; then ok watchdog/cost
else not_ok watchdog/cost "$used ms of processor time in 3 s"; fi
