# tools/sim-hunt: finds bugs planted on purpose that fewer than one seed of 200 shows, and its seeds show them again; what it
# says of faults and mistyped options.
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
seeds=1000
[ "${WEFT_SOAK:-0}" = 0 ] || seeds=30000
bugs='lost-wake-up leaked-slot'

hunt() {    # [ARGUMENT]...
    tools/sim-hunt "$@" > "$work/out" 2>&1
    status=$?
}
check() {    # NAME STATUS CONDITION...
    name=$1 want=$2
    shift 2
    if [ "$status" = "$want" ] && "$@"; then echo "ok $name"
    else echo "not ok $name: status $status: $(head -n 20 "$work/out" | tr '\n' '|')"
    fi
}
said() { grep -q -- "$1" "$work/out"; }

# ---- options ----

hunt --sede 4
check an_option_that_is_mistyped_is_named 2 said "no option '--sede'; --help lists them"
hunt many
check a_number_that_is_none_is_named 2 said "how many seeds: expected a number from 1 on, got 'many'"
hunt 5 --from
check a_missing_number_is_told 2 said '--from: expected a number from 1 on, got nothing'
hunt 5 --scenario pol
check an_unknown_scenario_is_told_with_those_there_are 2 said "there is no 'pol'; there are: .*pool"
hunt --planted big-bug
check an_unknown_bug_is_told_with_those_there_are 2 said "no bug 'big-bug'; there are: $bugs"
hunt 5 --build "$work"
check a_folder_that_is_no_build_is_told 2 said "'$work' is no Meson build folder"

# ---- without a bug, with the planted ones ----

hunt $seeds
check without_a_bug_all_seeds_pass 0 said "^seeds 1 to $seeds passed"
if nm build/release/libweft.a | grep -q planted; then echo 'not ok an_ordinary_library_has_no_planted_bug: see nm build/release/libweft.a'
else echo 'ok an_ordinary_library_has_no_planted_bug'; fi

hunt --planted lost-wake-up --list               # builds it, which is no part of the minute
check the_scenarios_are_listed 0 said '^disk '
for bug in $bugs; do
    hunt --planted $bug 1000 --go-on
    check "few_seeds_show_$bug" 1 test "$(sed -n 's/^\([0-9]*\) of 1000 seeds failed.*/\1/p' "$work/out")" -lt 5
    timeout 60 tools/sim-hunt --planted $bug > "$work/out" 2>&1
    status=$?
    check "a_minute_is_enough_to_find_$bug" 1 said '^FAIL scenario'
    cp "$work/out" "$work/first"
    again=$(sed -n 's/^again: *//p' "$work/first")
    for i in 1 2 3; do
        $again > "$work/out" 2>&1
        status=$?
        grep -v '^found in' "$work/first" > "$work/wanted"
        grep -v '^found in' "$work/out" > "$work/got"
        check "its_seed_shows_${bug}_again_$i" 1 cmp -s "$work/wanted" "$work/got"
    done
    ${again% --planted *} > "$work/out" 2>&1
    status=$?
    check "the_seed_passes_without_$bug" 0 said '^seed [0-9]* passed'
done
meson install -C build/planted --no-rebuild --destdir "$work/root" > "$work/out" 2>&1
status=$(($? != 0))
check a_build_with_planted_bugs_cannot_be_installed 1 test -z "$(find "$work/root" -name 'libweft*' 2> /dev/null)"

# ---- a worker that crashes or hangs, played by a script ----

mkdir -p "$work/bin" "$work/build/tests/hunt"
touch "$work/build/build.ninja"
printf '#!/bin/sh\n' > "$work/bin/ninja"
cat > "$work/build/tests/hunt/sim-hunt-worker" << 'END_OF_WORKER'
#!/bin/sh
[ $# != 0 ] || { echo 'alfa  a scenario'; exit; }
seed=$2
while [ $seed -lt $(($2 + $3)) ]; do
    echo $seed
    if [ $seed = 30 ]; then kill -SEGV $$; fi
    if [ $seed = 300 ]; then sleep 30; fi
    if [ $seed = 600 ] && [ $3 != 1 ]; then echo 'a check' >&2; exit 1; fi
    seed=$((seed + 1))
done
END_OF_WORKER
chmod +x "$work/bin/ninja" "$work/build/tests/hunt/sim-hunt-worker"
play() { PATH="$work/bin:$PATH" WEFT_TEST_SLOWER=0.05 hunt --build "$work/build" --jobs 2 "$@"; }
play 50
check a_crash_is_told_with_its_seed 1 said '^FAIL scenario alfa, seed 30: was killed by signal 11$'
play --from 290 20
check a_seed_that_does_not_end_is_told 1 said '^FAIL scenario alfa, seed 300: did not end within 1 s$'
play --from 590 20
check a_failure_that_does_not_come_again_is_told_as_such 1 said 'It passed when it was run alone'
play --from 1 700 --go-on
check all_failures_are_counted_on_request 1 said '^3 of 700 seeds failed (seeds 1 to 700; alfa;'
play 20
check what_passes_is_told_with_its_seeds 0 said '^seeds 1 to 20 passed (alfa;'
