#!/bin/bash
# The build that counts how deep stacks get: its tests, and what a program prints at its end.
set -u
: "${BUILD:?the build folder}"
cd "$(dirname "$0")/../.."
build=${BUILD%/*}/census

of=
. tests/e2e/say.bash

[ -f "$build/build.ninja" ] || meson setup "$build" -Dstack_census=true -Druntime_only=true > /dev/null
if ! out=$(ninja -C "$build" 2>&1); then
    not_ok census/build "$(tail -n 20 <<< "$out" | tr '\n' '|')"
    exit
fi
if out=$("$build/tests/weft-tests" tests/task/census 2>&1) && grep -q '^2 passed, 0 failed' <<< "$out"; then ok census/tests
else not_ok census/tests "$(tail -n 20 <<< "$out" | tr '\n' '|')"; fi
