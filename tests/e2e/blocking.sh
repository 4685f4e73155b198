#!/bin/bash
# weft-blocking tells each call that blocks, made by a task, once and with its place; and nothing else.
set -u
: "${BUILD:?the build folder}"
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
server=''
trap 'rm -rf "$work"; [ -z "$server" ] || kill "$server" 2>/dev/null' EXIT

of=
. tests/e2e/say.bash

if ! pkg-config --exists libdw || ! nm "$BUILD/libweft.a" 2>/dev/null | grep -q dwfl_begin; then
    echo "skip blocking: built without libdw"
    exit 0
fi
libs="$(pkg-config --libs libpcre2-8 libdw libcrypto libsodium) -lpthread"
export WEFT_BLOCKING_LIB="$BUILD/tools/blocking/libweft-blocking.so"
export WEFT_WATCHDOG_MS=0

for cc in gcc clang; do
    for flags in -O0 -O2 '-O2 -D_FORTIFY_SOURCE=2' '-O2 -D_FILE_OFFSET_BITS=64'; do
        name="blocking/$cc $flags"
        if ! $cc -std=gnu17 -g $flags -Iinclude tests/e2e/blocking/calls.c -o "$work/calls" "$BUILD/libweft.a" $libs 2> "$work/err"; then
            not_ok "$name" "$(tr '\n' '|' < "$work/err")"
            continue
        fi
        tools/blocking/weft-blocking "$work/calls" "$work/file" > "$work/out" 2> "$work/err" || not_ok "$name: ends well" "$?"
        sed -n 's/^weft: \(.*\) blocks the loop: task program in [a-z_]* (calls.c:\([0-9]*\))$/\1 \2/p' "$work/err" | sort > "$work/told"
        sort "$work/out" > "$work/made"
        if [ ! -s "$work/made" ]; then not_ok "$name" 'no call was made'
        elif [ "$(wc -l < "$work/told")" != "$(wc -l < "$work/err")" ]; then not_ok "$name: only calls" "$(grep -v 'blocks the loop: task program in [a-z_]* (calls.c:' "$work/err" | head -5 | tr '\n' '|')"
        elif ! diff "$work/made" "$work/told" > "$work/diff"; then not_ok "$name" "$(tr '\n' '|' < "$work/diff")"
        else ok "$name"; fi
    done
done

# Without the library nothing is told, and with stdout taken in what is printed is.
"$work/calls" "$work/file" > "$work/out" 2> "$work/err"
if [ ! -s "$work/err" ]; then ok blocking/silent_without_it
else not_ok blocking/silent_without_it "$(head -3 "$work/err" | tr '\n' '|')"; fi
WEFT_BLOCKING_STDIO=1 tools/blocking/weft-blocking "$work/calls" "$work/file" 2>&1 > "$work/out" | grep -q '^weft: printf of a regular file blocks the loop: task program in what_never_blocks (calls.c:[0-9]*)$' &&
    ok blocking/stdio || not_ok blocking/stdio 'printf was not told'

# A server and a client of weft's own make no call that blocks.
tools/blocking/weft-blocking "$BUILD/examples/items" > "$work/out" 2> "$work/err" &
server=$!
for _ in $(seq 50); do grep -q listening "$work/out" && break; sleep 0.1; done
url=$(sed -n 's|.*listening on \(http://[^ ]*\)$|\1|p' "$work/out")
answer=$(curl -s -m 5 "$url/items/3?q=x")
kill -TERM "$server"
wait "$server"
server=''
if [ "$answer" = '{"item_id":3,"q":"x"}' ] && [ ! -s "$work/err" ]; then ok blocking/server
else not_ok blocking/server "$answer $(head -5 "$work/err" | tr '\n' '|')"; fi

if tools/blocking/weft-blocking > "$work/out" 2>&1; then not_ok blocking/usage "no program, and status 0"
else grep -q usage: "$work/out" && ok blocking/usage || not_ok blocking/usage "$(cat "$work/out")"; fi
