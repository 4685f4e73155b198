#!/bin/bash
# What the tasks of a running program do, seen from outside: the socket, SIGQUIT, gdb on the process and on its core.
set -u
: "${BUILD:?the build folder}"
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
program=
trap '[ -z "$program" ] || kill -KILL "$program" 2> /dev/null; rm -rf "$work"' EXIT

of=
. tests/e2e/say.bash
# NAME FILE PATTERN...: each pattern is found, in this order
shows() {
    name=$1 file=$2
    shift 2
    rest=$(cat "$file")
    for pattern in "$@"; do
        if ! line=$(grep -n -m 1 -E "$pattern" <<< "$rest"); then
            not_ok "$name" "'$pattern' is not in: $(tr '\n' '|' < "$file")"
            return
        fi
        rest=$(tail -n +"${line%%:*}" <<< "$rest")
    done
    ok "$name"
}

export PKG_CONFIG_PATH="$BUILD/meson-uninstalled"
if ! ${CC:-cc} -O2 -g -std=gnu17 -o "$work/program" tests/e2e/inspect/program.c \
    $(pkg-config --cflags --libs weft-uninstalled) 2> "$work/err"; then
    not_ok inspect/build "$(tr '\n' '|' < "$work/err")"
    exit
fi

"$BUILD/examples/inspect" > "$work/out" 2> "$work/err"
shows inspect/example "$work/err" '^weft: 3 tasks$' '^#1 program \(the program\), .* old, runs$' '^  scope at .*inspect\.c:[0-9]+, .* ms left$' \
    '^    #2 deal .* for mutex in->second held by #3 deal \(.*\)$' \
    '^weft: deadlock: #2 deal .* held by #3 deal .*, which waits for mutex in->second held by #2 deal \(a deadline ends it in [0-9]+ ms\)$'
shows inspect/example_output "$work/out" '^paid: the deadline of 100 ms set at [^ ]*inspect.c:[0-9]* passed, shipped: the deadline of 100 ms set at [^ ]*inspect.c:[0-9]* passed$'

start() {
    (cd "$work" && ulimit -c unlimited && WEFT_INSPECT=1 exec ./program > out 2> err) &
    program=$!
    for _ in $(seq 100); do
        ! grep -q ready "$work/out" 2> /dev/null || break
        sleep 0.1
    done
}

ask() {
    perl -MSocket -e '
        socket my $s, PF_UNIX, SOCK_STREAM, 0 or die "socket: $!";
        connect $s, pack_sockaddr_un("\0weft-inspect/$ARGV[0]") or die "connect: $!";
        syswrite $s, "$ARGV[1]\n";
        print while <$s>;' "$program" "$1"
}

start
ask tasks > "$work/tasks" 2>&1
shows inspect/socket_tasks "$work/tasks" '^weft: 4 tasks$' '^#1 program \(the program\), .* for the tasks of a scope: ' \
    '^#2 deal \(.*program\.c:[0-9]+\), .* waits .* for mutex in->second held by #3 deal \(.*\)$' '^#3 deal ' '^#4 nap .* for a timer$' \
    '^weft: deadlock: #2 deal \(.*\) waits for mutex in->second held by #3 deal \(.*\), which waits for mutex in->second held by #2 deal$'
ask stacks > "$work/stacks" 2>&1
shows inspect/socket_stacks "$work/stacks" '#2 deal' '^ *at (weft__mutex_lock|weft_sleep_ms|take_second) \(' 'at take_second \(program\.c:' \
    'at deal \(program\.c:' '#4 nap' 'at weft_sleep_ms' 'at nap \(program\.c:'
ask 'tasks json' > "$work/json" 2>&1
if perl -MJSON::PP -ne 'decode_json($_); $n++; END { exit($n == 6 ? 0 : 1) }' "$work/json" 2> "$work/json.err"; then ok inspect/socket_json
else not_ok inspect/socket_json "$(cat "$work/json" "$work/json.err" | tr '\n' '|')"; fi

kill -QUIT "$program"
for _ in $(seq 50); do
    ! grep -q '^weft: deadlock' "$work/err" || break
    sleep 0.1
done
shows inspect/sigquit "$work/err" '^weft: 4 tasks$' '#2 deal' 'at take_second \(program\.c:' '#4 nap' '^weft: deadlock: #2 deal'
if kill -0 "$program" 2> /dev/null; then ok inspect/goes_on_after_sigquit
else not_ok inspect/goes_on_after_sigquit 'the program has ended'; fi

# what gdb shows of a process and of a core is the same but for the ages
in_gdb() {
    gdb -batch -nx -x tools/weft-gdb.py -ex 'weft tree' -ex 'echo == 2\n' -ex 'weft bt 2' -ex 'echo == 4\n' -ex 'weft bt 4' -ex 'echo == 9\n' -ex 'weft bt 9' \
        -ex 'echo == frame\n' -ex 'weft frame 3' -ex 'frame function take_second' -ex 'print *in' -ex 'weft frame' "$work/program" "$@" 2>&1
}
gdb_shows() {
    shows "$1" "$2" '^weft: 4 tasks on thread 1$' '^#1 program \(the program\), .* for the tasks of a scope: #4 nap ' \
        '^  scope at .*program\.c:' '^    #2 deal \(.*\), .* waits .* for mutex in->second held by #3 deal ' '^    #4 nap ' \
        '^== 2' '^#0 .*weft__switch' 'weft__mutex_lock' ' take_second \(in=.*program\.c:' ' deal \(in=.*program\.c:' ' weft__fiber_main ' \
        '^== 4' ' weft_sleep_ms ' ' nap \(' '^== 9' 'no task #9' '^== frame' 'take_second' 'first = .*<stock>, second = .*<orders>, number = 8'
}

if ! command -v gdb > /dev/null; then
    echo 'skip inspect/gdb: no gdb; tools/setup test installs it'
    exit
fi
in_gdb "$program" > "$work/live"
gdb_shows inspect/gdb_on_a_process "$work/live"
# A list that leads in a circle, as in memory that something has written over.
gdb -batch -nx -x tools/weft-gdb.py -ex 'python first = next(fibers(loops()[0][0]))' \
    -ex 'python tasks = list(chain(first["held"].cast(type_of("weft__joined").pointer())["scope"]["tasks"]))' \
    -ex 'python relink = lambda to: gdb.execute("set var ((weft_task *)%d)->next = (weft_task *)%d" % (pointer(tasks[-1]), to))' \
    -ex 'python relink(pointer(tasks[0]))' -ex 'weft tasks' -ex 'python relink(0)' "$work/program" "$program" > "$work/broken" 2>&1
shows inspect/gdb_on_broken_memory "$work/broken" '^weft: 4 tasks' '^weft: a list of more than 20000: is the memory broken[?]$' '^#1 program .* and 199[0-9]* more' '^#4 nap '
if kill -0 "$program" 2> /dev/null; then ok inspect/goes_on_after_gdb
else not_ok inspect/goes_on_after_gdb 'the program has ended'; fi

kill -ABRT "$program"
wait "$program" 2> /dev/null
program=
core=$(ls "$work"/core* 2> /dev/null | head -n 1)
if [ -n "$core" ]; then
    in_gdb "$core" > "$work/dead"
    gdb_shows inspect/gdb_on_a_core "$work/dead"
else
    echo "skip inspect/gdb_on_a_core: the kernel wrote none here ($(cat /proc/sys/kernel/core_pattern), limit $(ulimit -Hc))"
fi
