# tools/setup with a PATH that holds little: fakes of apt-get and sudo write down what they are asked for.
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
for tool in sh sed cut head id cat mktemp rm uname env; do ln -s "$(command -v $tool)" "$work/bin/$tool"; done

fake() {    # NAME [LINE]...
    name=$1
    shift
    rm -f "$work/bin/$name"
    { echo '#!/bin/sh'; printf '%s\n' "$@"; } > "$work/bin/$name"
    chmod +x "$work/bin/$name"
}
setup() {
    : > "$work/asked"
    PATH="$work/bin" CC=cc tools/setup "$@" > "$work/out" 2>&1 < /dev/null
    status=$?
}
said() { grep -q -- "$1" "$work/out"; }
asked() { grep -q -- "$1" "$work/asked"; }
check() {    # NAME STATUS CONDITION...
    name=$1 want=$2
    shift 2
    if [ "$status" != "$want" ]; then echo "not ok $name: status $status: $(cat "$work/out")"
    elif ! "$@"; then echo "not ok $name: $(cat "$work/out" "$work/asked")"
    else echo "ok $name"
    fi
}
silent() { [ ! -s "$work/out" ] && [ ! -s "$work/asked" ]; }

setup build
check without_apt_it_names_what_is_missing 1 said 'missing to build: cc meson ninja pkg-config stdlib.h libpcre2-8'
check without_apt_it_says_how_to_get_it 1 said 'gcc meson ninja-build pkg-config libc6-dev libpcre2-dev'

fake apt-get "echo apt-get \$* >> $work/asked"
fake id 'echo 0'
setup build
check as_root_it_installs_what_is_missing 0 asked 'apt-get install -y -q --no-install-recommends gcc meson ninja-build pkg-config libc6-dev libpcre2-dev'
check it_updates_the_index_first 0 test "$(head -n 1 "$work/asked")" = 'apt-get update -q'
check it_says_what_it_installs 0 said 'these packages are missing: gcc meson ninja-build'

fake id 'echo 1000'
setup build
check without_sudo_it_says_what_root_has_to_run 1 said 'Run as root: apt-get install gcc'
fake sudo "echo sudo >> $work/asked" 'exec "$@"'
setup build
check not_root_it_goes_through_sudo 0 asked sudo

fake apt-get 'echo no network today >&2' 'exit 100'
setup build
check a_failure_of_apt_is_shown 1 said 'no network today'
fake apt-get "echo apt-get \$* >> $work/asked" '[ "$1" != update ]'
setup build
check an_update_that_fails_does_not_keep_packages_away 0 asked 'apt-get install'

# A terminal, also where none is to be had (a folder of debootstrap has no /dev/pts): the shell asks isatty().
echo 'int isatty(int fd) { return fd >= 0; }' > "$work/terminal.c"
if ! cc -shared -fPIC -o "$work/terminal.so" "$work/terminal.c"; then
    echo 'not ok setup/on_a_terminal: what makes the shell see a terminal does not build'
fi
on_a_terminal() {    # ANSWER
    : > "$work/asked"
    echo "$1" | LD_PRELOAD="$work/terminal.so" PATH="$work/bin" CC=cc tools/setup build > "$work/out" 2>&1
    status=$?
}
nothing_asked() { said "$1" && [ ! -s "$work/asked" ]; }
on_a_terminal n
check who_says_no_is_told_what_to_do_by_hand 1 nothing_asked 'By hand: sudo apt-get install gcc meson'
on_a_terminal y
check who_says_yes_gets_the_packages 0 asked 'apt-get install -y'

rm "$work/bin/apt-get"
setup test
check without_what_the_tests_need_it_says_what_can_be_run 1 said 'tools/test floors unit'

for tool in cc meson ninja pkg-config; do fake $tool 'exit 0'; done
setup build
check when_all_is_there_it_says_and_does_nothing 0 silent

fake meson 'echo 0.61.2'
setup build
check a_meson_that_is_too_old_is_named 1 said 'meson 0.61.2 is too old, 1.0 or later is needed'
fake meson 'echo 1.0.1'

fake node 'exit 0'
fake apt-get "echo apt-get \$* >> $work/asked"
setup test
check an_existing_node_is_left_alone 0 sh -c "! grep -q nodejs '$work/asked'"
rm "$work/bin/node"
setup test
check a_missing_node_is_installed 0 asked ' nodejs'
fake apt-cache 'echo "  Depends: clang-17"'
setup test
check runtime_and_coverage_are_of_the_version_of_clang 0 asked 'libclang-rt-17-dev llvm-17'

setup everything
check another_goal_is_a_usage_error 2 said 'usage:'
