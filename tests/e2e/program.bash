# What scripts of this folder have in common that run a server: its log is in $work/log, its process is $pid.
pid= status=
# PROGRAM [ARGUMENT]...: until it says where it listens. False: it does not, which was said.
start() {
    local tries
    : > "$work/log"                      # what the one before said is not said by this one
    "$@" > "$work/log" 2>&1 &
    pid=$!
    for tries in $(seq 300); do
        grep -q 'listening on' "$work/log" && return 0
        kill -0 "$pid" 2> /dev/null || break
        sleep 0.1
    done
    not_ok "start_${1##*/}" "$(said)"
    return 1
}

# NAME: of the examples, which listen on port 8000.
start_example() {
    local tries
    for tries in $(seq 50); do taken 8000 || break; sleep 0.1; done
    if taken 8000; then
        skip "$1" 'something else listens on port 8000'
        return 1
    fi
    start "$BUILD/examples/$1"
}

# As SIGTERM does: it must end by itself; with which status is in $status, too.
stop() {
    [ -n "$pid" ] || return 0
    kill -TERM "$pid" 2> /dev/null
    timeout 20 tail --pid="$pid" -f /dev/null || kill -KILL "$pid" 2> /dev/null
    wait "$pid"
    status=$?
    pid=
    return $status
}

# COUNT: until the program has so many workers, those that leave among them.
becomes_children() {
    local tries
    for tries in $(seq 400); do
        [ "$(pgrep -c -P "$pid")" = "$1" ] && return 0
        sleep 0.05
    done
    return 1
}

said() { tail -n 20 "$work/log" | tr '\n' '|' | tail -c 1500; }
