#!/bin/bash
# The examples as a person runs them: what they print, how long they take, and their own tests.
set -u
: "${BUILD:?the build folder}"
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ok() { echo "ok $1"; }
not_ok() { echo "not ok $1: $2"; }
now_ms() { date +%s%3N; }

for name in compare items orders travel; do
    if out=$("$BUILD/examples/${name}_test" 2>&1); then ok "examples/${name}_test"
    else not_ok "examples/${name}_test" "$(printf '%s' "$out" | tail -n 20 | tr '\n' '|')"; fi
done

began=$(now_ms)
"$BUILD/examples/tasks" > "$work/tasks" 2>&1
took=$(($(now_ms) - began))
if [ "$(cat "$work/tasks")" = $'Task B completed\nTask A completed\n3000 ms of work' ] && [ $took -ge 2000 ] && [ $took -lt 2500 ]; then
    ok examples/tasks
else
    not_ok examples/tasks "$took ms: $(tr '\n' '|' < "$work/tasks")"
fi

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

if tools/check-docs > "$work/docs" 2>&1; then ok docs/snippets
else not_ok docs/snippets "$(tr '\n' '|' < "$work/docs")"; fi
