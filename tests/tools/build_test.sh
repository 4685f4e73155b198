# tools/build in a small tree of its own, with a meson and a ninja that only write down when they worked.
cd "$(dirname "$0")/../.." || exit 1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir "$tree/bin" "$tree/tools"
cp tools/build tools/configure "$tree/tools/"
cat > "$tree/bin/meson" << END
#!/bin/sh
mkdir -p "$tree/build/x" && touch "$tree/build/x/build.ninja"
END
cat > "$tree/bin/ninja" << END
#!/bin/sh
case "\$*" in *-n*) [ ! -f "$tree/built" ] || echo 'ninja: no work to do.'; exit ;; esac
echo begins >> "$tree/log"
sleep 0.5
echo ends >> "$tree/log"
[ -f "$tree/broken" ] || touch "$tree/built"
[ ! -f "$tree/broken" ] || { echo 'x.c:1: error: broken'; exit 1; }
END
chmod +x "$tree/bin/meson" "$tree/bin/ninja"
build() { PATH="$tree/bin:$PATH" "$tree/tools/build" build/x; }
check() {    # NAME CONDITION...
    name=$1
    shift
    if "$@"; then echo "ok $name"; else echo "not ok $name: $(cat "$tree/out" "$tree/log" 2>&1 | tr '\n' '|')"; fi
}

touch "$tree/broken"
build > "$tree/out" 2>&1
status=$?
check a_build_that_fails_says_why_and_fails test "$status $(grep -c 'error: broken' "$tree/out")" = '1 1'
rm "$tree/broken" "$tree/log"

build > "$tree/out" 2>&1 &
sleep 0.2
build > "$tree/out2" 2>&1
status=$?
wait
check two_builds_at_once_take_turns test "$status $(tr '\n' ' ' < "$tree/log")" = '0 begins ends '
check the_second_says_that_it_waits grep -q 'waiting for its end' "$tree/out2"

build > "$tree/out" 2>&1
status=$?
check with_nothing_to_do_it_says_nothing test "$status $(wc -c < "$tree/out") $(wc -l < "$tree/log")" = '0 0 2'

(cd "$tree" && tools/build --help; echo "status $?"; tools/configure --help; echo "status $?") > "$tree/out" 2>&1
check a_mistyped_option_is_told test "$(grep -c '^usage:\|^status 2' "$tree/out")" = 4
check and_leaves_no_file_behind test -z "$(find "$tree" -name '--*')"

env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make install PREFIX= > "$tree/out" 2>&1    # as from a shell
status=$?
check an_empty_prefix_is_refused_in_words_before_anything_is_built test "$status $(grep -c 'PREFIX is empty; expected a folder' "$tree/out") $(wc -l < "$tree/out")" = '2 1 2'
