#!/bin/bash
# The examples as a person runs them: what they print, how long they take, and their own tests.
set -u
: "${BUILD:?the build folder}"
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'kill -INT "$claims" 2>/dev/null; rm -rf "$work"' EXIT

# Ten seconds to its first line; meanwhile the others run.
"$BUILD/examples/claims" > "$work/claims" 2> "$work/claims.err" &
claims=$!

of=
. tests/e2e/say.bash
now_ms() { date +%s%3N; }
# Waits until a program has printed so many lines, 5 s at most.
lines_in() { for _ in $(seq 100); do [ "$(wc -l < "$1")" -lt "$2" ] || return 0; sleep 0.05; done; return 1; }

# One that prints these lines in so many milliseconds, about. Others may have the cores for a moment: one that is late has another try, four at most.
says() {    # NAME MS LINES
    local began out took
    for _ in 1 2 3 4 5; do
        began=$(now_ms)
        out=$("$BUILD/examples/$1" 2>&1)
        took=$(($(now_ms) - began))
        [ "$out" = "$3" ] && [ $took -ge $(($2 + 500)) ] || break
    done
    printf '%s\n' "$out" > "$work/$1"
    if [ "$out" = "$3" ] && [ $took -ge "$2" ] && [ $took -lt $(($2 + 500)) ]; then ok "examples/$1"
    else not_ok "examples/$1" "$took ms: $(printf '%s' "$out" | tr '\n' '|')"; fi
}

for name in around cart catalog compare forms http2 items orders pages problems programs site streams trailers travel upload; do
    if out=$("$BUILD/examples/${name}_test" 2>&1); then ok "examples/${name}_test"
    else not_ok "examples/${name}_test" "$(printf '%s' "$out" | tail -n 20 | tr '\n' '|')"; fi
done

says tasks 2000 $'Task B completed\nTask A completed\n3000 ms of work'

if "$BUILD/examples/executor" > "$work/executor" 2>&1 &&
    [ "$(cat "$work/executor")" = $'tick 1\ntick 2\ntick 3\n3 pages printed: 120 lines\n2000000 terms: 0.693147' ]; then ok examples/executor
else not_ok examples/executor "$(tr '\n' '|' < "$work/executor")"; fi
says channel 900 "Ada did job 1
all jobs are handed out
Ben did job 2
Cleo did job 3
Ada did job 4
Ben did job 5
Cleo did job 6"
says lock 120 "the bank is open
200 in the account"
says race 500 "the page is from gamma
stored on gamma
stored on alfa
gamma is ready
beta is not: beta has no port"
says local 300 "[Ada] reserved
[Ada] charged
[Ada] done
[Ben] reserved
[Ben] charged
[Ben] done
[nobody] all orders are handled"

says hello 1000 "Hello
World!"
says caught 1000 "Caught exception: An error occurred
Done, either way"
says futures 0 "4 calls for 2 threads
5! = 120
10! = 3628800
-1 has no factorial
20! = 2432902008176640000"

printf 'one\ntwo' > "$work/example.txt"
read_file=$(realpath "$BUILD")/examples/read_file
if (cd "$work" && "$read_file" > came 2>&1) && [ "$(cat "$work/came")" = $'one\ntwo' ]; then ok examples/read_file
else not_ok examples/read_file "$(tr '\n' '|' < "$work/came")"; fi

# Its three services take half a second each.
"$BUILD/examples/showcase/upstream" api 500 > "$work/api" 2>&1 &
api=$!
lines_in "$work/api" 1
for _ in 1 2 3 4 5; do
    began=$(now_ms)
    "$BUILD/examples/aggregator" "$(sed -n 's/.*listening on //p' "$work/api")" > "$work/came" 2>&1
    took=$(($(now_ms) - began))
    [ $took -ge 1000 ] || break
done
kill -TERM "$api"
wait "$api"
if [ "$(tail -n 4 "$work/came")" = $'Processing data...\nWeather: Oslo, -3.5 degrees\nStock: WEFT at 12.25\nUser Info: Ada (1)' ] &&
    [ "$(head -n 3 "$work/came" | sort | tr '\n' '|')" = 'Stock data fetched|User info fetched|Weather data fetched|' ] &&
    [ $took -ge 500 ] && [ $took -lt 1000 ]; then ok examples/aggregator
else not_ok examples/aggregator "$took ms: $(cat "$work/came" "$work/api" | tr '\n' '|')"; fi

"$BUILD/examples/processes" > "$work/processes" 2>&1
if [ "$(cat "$work/processes")" = $'17984 primes, the largest is 199999\n422 from 9 to 3 is no range
count_primes ended by SIGABRT in its process\ncount_primes took more than 100 ms of processor time (cpu_ms), and was ended' ]; then ok examples/processes
else not_ok examples/processes "$(tr '\n' '|' < "$work/processes")"; fi

files=$(realpath "$BUILD")/examples/files
if (cd "$work" && "$files" > files 2>&1 && ! ls weft-example-* 2> /dev/null) &&
    [ "$(cat "$work/files")" = $'100 orders: 7575.00\ncannot open /nowhere/orders.csv for reading: No such file or directory' ]; then ok examples/files
else not_ok examples/files "$(tr '\n' '|' < "$work/files")"; fi

download=$(realpath "$BUILD")/examples/download
if (cd "$work" && "$download" > download 2>&1 && ! ls weft-example-* 2> /dev/null) &&
    [ "$(cat "$work/download")" = $'10000 orders: 75007500.00\n67108864 bytes in weft-example-export.txt\nline 1\nline 2\nline 3' ]; then ok examples/download
else not_ok examples/download "$(tr '\n' '|' < "$work/download")"; fi

"$BUILD/examples/errors" > "$work/out" 2> "$work/err"
status=$?
lines=$(grep -n 'no dish has\|"at the table"\|"trying again"' examples/errors.c | cut -d: -f1 | tr '\n' ' ')
read -r first second third <<< "$lines"
want=$(printf 'weft: program failed: no dish has number 13\nat PLACE:%s\nat PLACE:%s: at the table\nat PLACE:%s: trying again' "$first" "$second" "$third")
if [ $status = 1 ] && [ "$(cat "$work/out")" = $'soup: number 1\nfish: 404 no dish has number 13\ncake: too late' ] &&
    [ "$(sed 's|^at [^:]*errors\.c:|at PLACE:|' "$work/err")" = "$want" ]; then
    ok examples/errors
else
    not_ok examples/errors "exit $status, $(cat "$work/out" "$work/err" | tr '\n' '|')"
fi

"$BUILD/examples/lines" 0 > "$work/lines" 2> "$work/lines.err" &
server=$!
lines_in "$work/lines" 1
port=$(sed -n 's/^listening on 127\.0\.0\.1://p' "$work/lines")
exec 3<> "/dev/tcp/127.0.0.1/$port" && printf 'add 2 3\r\necho hello\nwhat\nquit\n' >&3 && cat <&3 > "$work/came"
exec 3>&-
kill -TERM "$server"
wait "$server"
status=$?
if [ "$(cat "$work/came")" = $'5\nhello\nwhat is \'what\'?\nbye, after 3 answers' ]; then ok examples/lines
else not_ok examples/lines "$(cat "$work/came" "$work/lines" "$work/lines.err" | tr '\n' '|')"; fi
if [ "$(tail -n 1 "$work/lines")" = 'ended after 3 answers' ] && [ $status = 0 ]; then ok examples/lines_ends_on_sigterm
else not_ok examples/lines_ends_on_sigterm "exit $status, $(cat "$work/lines" "$work/lines.err" | tr '\n' '|')"; fi

"$BUILD/examples/sorted" > "$work/came" 2>&1
want=$(seq 9 -1 0; printf 'it said one\nit said two\nit said three\n'; echo "cannot run 'fooo': no such program in PATH"; echo 'sleep did not end within 100 ms')
if [ "$(cat "$work/came")" = "$want" ]; then ok examples/sorted
else not_ok examples/sorted "$(tr '\n' '|' < "$work/came")"; fi

"$BUILD/examples/reload" > "$work/came" 2>&1 &
reload=$!
lines_in "$work/came" 1
kill -HUP "$reload"
lines_in "$work/came" 3
kill -TERM "$reload"
wait "$reload"
status=$?
if [ $status = 0 ] && [ "$(sed 's/process [0-9]*/process N/' "$work/came")" = $'process N works with settings 1\nsettings 2\nworks with settings 2\nended' ]; then
    ok examples/reload
else
    not_ok examples/reload "exit $status, $(tr '\n' '|' < "$work/came")"
fi

# What the tutorial shows of a program is what it prints.
shown() { awk -v start="\$ ./$1" '$0 == start { on = 1; next } /^```/ { on = 0 } on' docs/tutorial/2-tasks.md; }
cat "$work/out" "$work/err" | sed 's|^at [^:]*errors\.c:|at errors.c:|' > "$work/said"
if [ "$(shown errors)" = "$(cat "$work/said")" ]; then ok docs/what_errors_prints
else not_ok docs/what_errors_prints "$(diff "$work/said" <(shown errors) | tr '\n' '|')"; fi
if [ "$(shown tasks)" = "$(cat "$work/tasks")" ]; then ok docs/what_tasks_prints
else not_ok docs/what_tasks_prints "$(diff "$work/tasks" <(shown tasks) | tr '\n' '|')"; fi

if tools/check-docs > "$work/docs" 2>&1; then ok docs/snippets
else not_ok docs/snippets "$(tr '\n' '|' < "$work/docs")"; fi

for _ in $(seq 150); do
    [ "$(wc -l < "$work/claims")" -lt 3 ] || break
    sleep 0.1
done
service=$(pgrep -P "$claims")
kill -INT "$claims"
wait "$claims"
if grep -Eq '^\| price comparison: 5 stores x 2 s   \|  10\.[0-9]{2} s \|   2\.[0-9]{2} s \|$' "$work/claims"; then ok examples/claims
else not_ok examples/claims "$(cat "$work/claims" "$work/claims.err" | tr '\n' '|')"; fi
if [ -n "$service" ] && ! [ -d "/proc/$service" ]; then ok examples/claims_leaves_no_service
else not_ok examples/claims_leaves_no_service "its service was process '$service'"; fi
