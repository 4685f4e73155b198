#!/bin/bash
# Workers under load from a client that nobody here wrote (wrk): reloads, kills, a program that does not start.
set -u
: "${BUILD:?the build folder}"
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
built=$(realpath "$BUILD")/examples
trap 'stop; rm -rf "$work"' EXIT

of=workers
. tests/e2e/say.bash
. tests/e2e/program.bash
port=$(free_port)
url=http://127.0.0.1:$port
greeting() { curl -s --max-time 5 "$url/" | sed 's/.*"text":"\([^"]*\)".*/\1/'; }
lines() { grep -c "$1" "$work/log"; }
# Behind a SIGHUP: wait until the old workers were told to go and all greetings are what they should be. Nothing is to be refused meanwhile.
becomes() {
    local tries now served=$(lines 'listening on') in_a_row=0
    for tries in $(seq 400); do
        now=$(greeting)
        [ -n "$now" ] || return 1
        if [ "$now" = "$1" ] && [ "$(lines 'listening on')" -gt "$served" ]; then in_a_row=$((in_a_row + 1)); else in_a_row=0; fi
        [ $in_a_row = 5 ] && return 0
        sleep 0.02
    done
    return 1
}
waits_for() {                            # waits_for COUNT TEXT: so many lines of the log have it
    local tries
    for tries in $(seq 200); do
        [ "$(lines "$2")" -ge "$1" ] && return 0
        sleep 0.05
    done
    return 1
}

cd "$work" || exit 1
cp "$built/deployed" program
printf 'PORT=%d\nGREETING=one\n' "$port" > .env
start ./program || exit 0
check it_serves_with_its_settings one "$(greeting)"

# ---- reload: settings, then the program itself ----

printf 'PORT=%d\nGREETING=two\n' "$port" > .env
kill -HUP "$pid"
if becomes two; then ok a_reload_reads_the_settings; else not_ok a_reload_reads_the_settings "$(said)"; fi
kill -0 "$pid" 2>/dev/null && ok the_process_is_the_same || not_ok the_process_is_the_same gone

printf 'PORT=%d\nGREETING=three\nWORKERS=none\n' "$port" > .env
kill -HUP "$pid"
waits_for 1 'not reloaded: .*does not start' && ok a_faulty_setting_is_told || not_ok a_faulty_setting_is_told "$(said)"
check the_old_program_serves_on two "$(greeting)"
printf 'PORT=%d\nGREETING=three\nHOST=192.0.2.1\n' "$port" > .env
kill -HUP "$pid"
waits_for 2 'not reloaded: .*does not start' && ok an_address_that_is_not_ours_is_told || not_ok an_address_that_is_not_ours_is_told "$(said)"
check its_reason_is_told 1 "$(lines 'cannot listen on 192.0.2.1 port')"
check the_old_program_serves_on_its_address two "$(greeting)"
printf 'PORT=%d\nGREETING=four\n' "$port" > .env

printf '#!/bin/sh\nexit 7\n' > other && chmod +x other && mv other program
kill -HUP "$pid"
waits_for 3 'not reloaded: .*does not start' && ok a_program_that_does_not_start_is_told || not_ok a_program_that_does_not_start_is_told "$(said)"
rm program
kill -HUP "$pid"
waits_for 4 'not reloaded: ' && ok a_program_that_is_not_there_is_told || not_ok a_program_that_is_not_there_is_told "$(said)"
check the_old_program_still_serves two "$(greeting)"

cp "$built/deployed" other && mv other program
kill -HUP "$pid"
if becomes four; then ok a_new_program_takes_over; else not_ok a_new_program_takes_over "$(said)"; fi

# ---- under load ----

times=3 seconds=9
[ -z "${WEFT_SOAK:-}" ] || times=20 seconds=50
errors() { sed -n 's/^ *\(Socket errors:.*\|Non-2xx.*\)/\1/p' "$work/$1" | tr '\n' ' '; }
if command -v wrk > /dev/null; then
    timeout 60 wrk -t1 -c32 -d${seconds}s "$url/" > reloads 2>&1 &
    load=$!
    for i in $(seq $times); do
        sleep 1
        printf 'PORT=%d\nGREETING=reload%d\n' "$port" "$i" > .env
        kill -HUP "$pid"
        becomes "reload$i" || not_ok "reload_$i" "$(said)"
    done
    wait $load
    has there_are_requests_in_reloads '^ *[1-9][0-9]* requests in' "$work/reloads"
    check no_request_is_refused_or_lost_in_reloads '' "$(errors reloads)"
    check it_was_reloaded "reload$times" "$(greeting)"

    timeout 60 wrk -t1 -c32 -d${seconds}s "$url/" > kills 2>&1 &
    load=$!
    for i in $(seq $times); do
        sleep 1
        [ $((i % 2)) = 0 ] && signal=KILL || signal=SEGV
        for _ in $(seq 100); do          # who answers may be one that was just killed
            worker=$(curl -s --max-time 5 "$url/" | sed -n 's/.*"worker":\([0-9]*\).*/\1/p')
            [ -n "$worker" ] && kill -$signal "$worker" 2> /dev/null && break
            sleep 0.05
        done
    done
    wait $load
    has there_are_requests_in_kills '^ *[1-9][0-9]* requests in' "$work/kills"
    case $(errors kills) in *Non-2xx*) not_ok kills_make_no_error_answers "$(errors kills)" ;; *) ok kills_make_no_error_answers ;; esac
    case $(errors kills) in ''|*'connect 0,'*) ok nobody_is_refused_while_workers_are_killed ;; *) not_ok nobody_is_refused_while_workers_are_killed "$(errors kills)" ;; esac
    waits_for 1 'was ended by SIGKILL' && ok a_kill_is_told || not_ok a_kill_is_told "$(said)"
    waits_for $((times - times / 2)) 'crashed: SIGSEGV'
    check a_crash_is_told "$((times - times / 2))" "$(lines 'crashed: SIGSEGV')"
else
    skip load 'no wrk'
fi

stop
check it_ends_by_itself 0 $?

# ---- a unix socket, through a reload ----

over_unix() { curl -s --max-time 5 --unix-socket "$work/sock" http://any/ | sed 's/.*"text":"\([^"]*\)".*/\1/'; }
printf 'HOST=unix:%s/sock\nGREETING=one\n' "$work" > .env
start ./program
waits_for 1 "listening on unix:$work/sock with 2 workers" && ok a_unix_socket || not_ok a_unix_socket "$(said)"
check it_serves_on_it one "$(over_unix)"
for i in two three; do
    printf 'HOST=unix:%s/sock\nGREETING=%s\n' "$work" "$i" > .env
    kill -HUP "$pid"
    for tries in $(seq 200); do
        now=$(over_unix)
        [ "$now" = "$i" ] || [ -z "$now" ] && break
        sleep 0.05
    done
    check "it_serves_on_it_after_a_reload_$i" "$i" "$now"
done
stop
check it_ends_by_itself_again 0 $?
[ ! -e sock ] && ok its_file_is_gone || not_ok its_file_is_gone there
check nobody_is_left '' "$(pgrep -f "^./program" | tr '\n' ' ')"
