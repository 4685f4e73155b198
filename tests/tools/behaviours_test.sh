#!/bin/sh
# docs/behaviours.md and the tests that are named after its numbers: neither without the other.
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed -n 's/^| \(b[0-9][0-9]\) |.*/\1/p' docs/behaviours.md | sort > "$work/listed"
tests() { grep -rhoE "$1\((b[0-9][0-9]_)+[a-z0-9_]+" tests --include='*.c' | grep -oE '\(?b[0-9][0-9]_' | tr -d '(_' | sort -u; }
tests '[A-Z_]*TEST' > "$work/tested"
# TASK_TEST, FILE_TEST and the like run in both worlds; __sim and SIM_TEST in the simulator alone.
{
    tests '(^|[^A-Z_])(SIM_TEST|TASK_TEST|FILE_TEST|THREAD_TEST|SERVER_TEST)'
    grep -rhoE '(b[0-9][0-9]_)[a-z0-9_]+__sim' tests --include='*.c' | cut -c1-3
    grep -rhoE 'WEFT_TEST\(b49_' tests --include='*.c' | cut -c11-13      # the simulator is its subject
} | sort -u > "$work/simulated"
# By their nature on real threads, signals, files or memory.
printf '%s\n' b11 b40 b41 b45 b48 > "$work/epoll"

same() {    # NAME WHAT FILE FILE
    if diff "$3" "$4" > "$work/diff"; then echo "ok $1"
    else echo "not ok $1: $2: $(grep '^[<>]' "$work/diff" | tr '\n' ' ')"; fi
}
seq -f 'b%02g' 1 50 > "$work/fifty"
same the_page_lists_fifty_behaviours 'missing or more' "$work/fifty" "$work/listed"
same each_behaviour_has_a_test_and_each_number_a_behaviour 'listed (<) and tested (>)' "$work/listed" "$work/tested"
sort -u "$work/simulated" "$work/epoll" > "$work/both"
same each_behaviour_is_simulated_or_must_not_be 'listed (<)' "$work/listed" "$work/both"
