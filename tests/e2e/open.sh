#!/bin/bash
# Workers as they stand on the open internet, before programs that nobody here wrote: TLS with two names and sessions that any worker takes up again (openssl s_client,
# curl), certificates that change under load (wrk), proxies in front (curl, nginx), a listener of systemd's, workers that have served their time.
set -u
: "${BUILD:?the build folder}"
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
front=
trap '[ -z "$front" ] || kill "$front" 2> /dev/null; stop; rm -rf "$work"' EXIT
of=open
. tests/e2e/say.bash
. tests/e2e/program.bash
program=$BUILD/tests/e2e-load-open
port=$(free_port)
export PORT=$port WORKERS=2
have() { command -v "$1" > /dev/null; }
ends_well() { stop; check "$1" 0 "$status"; }

# ---- TLS ----

mkdir "$work/certs"
make_certs() {
    local name
    for name in one two; do
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3 -subj "/CN=$name.test" -addext "subjectAltName=DNS:$name.test" \
            -keyout "$work/certs/$name.key" -out "$work/certs/$name.pem" 2> /dev/null || return 1
    done
}
shown() { openssl s_client -connect "127.0.0.1:$port" -servername "$1" < /dev/null 2> /dev/null | openssl x509 -noout "$2"; }
made() { openssl x509 -in "$work/certs/$1.pem" -noout -serial; }

tls() {
    local i again=0 session=$work/session
    REDIRECT=$((port + 1)) CERTS=$work/certs start "$program" || return
    check each_name_has_its_certificate 'subject=CN = one.test subject=CN = two.test' "$(shown one.test -subject) $(shown two.test -subject)"
    check a_name_that_none_has_gets_the_first 'subject=CN = one.test' "$(shown three.test -subject)"
    curl -s --max-time 5 --http2 --cacert "$work/certs/two.pem" --resolve "two.test:$port:127.0.0.1" "https://two.test:$port/" > "$work/answer"
    has it_is_http_2_over_tls '"scheme":"https","version":"HTTP/2"' "$work/answer"
    check plain_requests_are_sent_there "308 https://127.0.0.1:$port/x" "$(curl -s --max-time 5 -o /dev/null -w '%{http_code} %{redirect_url}' "http://127.0.0.1:$((port + 1))/x")"

    ask() { (printf 'GET / HTTP/1.1\r\nHost: one.test\r\nConnection: close\r\n\r\n' && sleep 0.1) | timeout 5 openssl s_client -connect "127.0.0.1:$port" -servername one.test -tls1_3 -ign_eof "$@" 2> /dev/null; }
    ask -sess_out "$session" > "$work/answer"
    for i in $(seq 12); do
        ask -sess_in "$session" > "$work/answer.$i"
        grep -q '^Reused, TLSv1.3' "$work/answer.$i" && again=$((again + 1))
    done
    check any_worker_takes_a_session_up_again 12 "$again"
    check those_were_of_both_workers 2 "$(grep -ho '"worker":[0-9]*' "$work"/answer.* | sort -u | wc -l)"
}

# Old workers keep the certificates they have; who comes behind the reload sees the new ones.
under_load() {
    local round before tries
    wrk -t1 -c16 -d6s "https://127.0.0.1:$port/" > "$work/wrk" 2>&1 &
    local load=$!
    for round in 1 2 3; do
        make_certs
        before=$(grep -c 'listening on' "$work/log")
        kill -HUP "$pid"
        for tries in $(seq 200); do
            [ "$(grep -c 'listening on' "$work/log")" -gt "$before" ] && [ "$(shown one.test -serial)" = "$(made one)" ] && break
            sleep 0.05
        done
        check "certificates_change_under_load_$round" "$(made one) $(made two)" "$(shown one.test -serial) $(shown two.test -serial)"
    done
    wait "$load"
    if grep -q 'requests in' "$work/wrk" && ! grep -Eq 'Socket errors|Non-2xx' "$work/wrk"; then ok nobody_notices; else not_ok nobody_notices "$(tr '\n' '|' < "$work/wrk") $(said)"; fi
}

if make_certs; then
    tls
    if have wrk; then under_load; else skip certificates_change_under_load 'no wrk'; fi
    ends_well it_ends_with_tls
else
    skip tls 'openssl makes no certificates'
fi

# ---- proxies ----

seen() { curl -s --max-time 5 "$@" | sed -n 's/.*"client":"\([^"]*\)","scheme":"\([^"]*\)","version":"\([^"]*\)".*/\1 \2 \3/p'; }

if PROXIES=protocol start "$program"; then
    check curl_says_the_proxy_protocol '127.0.0.1 http HTTP/1.1' "$(seen --haproxy-protocol "http://127.0.0.1:$port/")"
    check before_http_2_too '127.0.0.1 http HTTP/2' "$(seen --haproxy-protocol --http2-prior-knowledge "http://127.0.0.1:$port/")"
    check who_does_not_say_it_is_not_answered '' "$(seen "http://127.0.0.1:$port/")"
    ends_well it_ends_behind_who_says_proxy
fi

proxy() {                                # its clients come from other addresses of this machine
    cat > "$work/nginx.conf" <<TEXT
daemon off; pid $work/nginx.pid; error_log $work/nginx.log; worker_processes 1;
events { worker_connections 64; }
http {
    access_log off; client_body_temp_path $work; proxy_temp_path $work; fastcgi_temp_path $work; uwsgi_temp_path $work; scgi_temp_path $work;
    upstream weft { server 127.0.0.1:$port; keepalive 4; }
    server {
        listen 127.0.0.1:$((port + 1));
        location / {
            proxy_pass http://weft; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto https; proxy_set_header X-Forwarded-Host \$host;
        }
    }
}
TEXT
    nginx -c "$work/nginx.conf" > "$work/nginx.out" 2>&1 &
    front=$!
    local tries
    for tries in $(seq 100); do (exec 3<> "/dev/tcp/127.0.0.1/$((port + 1))") 2> /dev/null && return; sleep 0.1; done
    return 1
}
if ! have nginx; then
    skip nginx_in_front 'no nginx'
elif PROXIES=headers start "$program"; then
    if proxy; then
        check nginx_tells_who_it_is '127.0.0.9 https HTTP/1.1' "$(seen --interface 127.0.0.9 "http://127.0.0.1:$((port + 1))/")"
        check what_a_client_says_itself_does_not_count '127.0.0.9 https HTTP/1.1' "$(seen --interface 127.0.0.9 -H 'X-Forwarded-For: 192.0.2.6' "http://127.0.0.1:$((port + 1))/")"
        check nor_without_the_proxy '127.0.0.9 http HTTP/1.1' "$(seen --interface 127.0.0.9 -H 'X-Forwarded-For: 192.0.2.6' -H 'X-Forwarded-Proto: https' "http://127.0.0.1:$port/")"
    else
        not_ok nginx_in_front "$(tail -n 5 "$work/nginx.log" "$work/nginx.out" | tr '\n' '|')"
    fi
    kill "$front" && wait "$front"
    front=
    ends_well it_ends_behind_nginx
fi

# ---- a listener of systemd's ----

if have systemd-socket-activate; then
    systemd-socket-activate -l "127.0.0.1:$port" -E WORKERS=2 "$program" > "$work/log" 2>&1 &
    pid=$!
    check a_listener_of_systemds_is_served '127.0.0.1 http HTTP/1.1' "$(seen --retry 50 --retry-connrefused --retry-delay 0 --retry-max-time 10 "http://127.0.0.1:$port/")"
    ends_well it_ends_by_itself_then
else
    skip a_listener_of_systemds 'no systemd-socket-activate'
fi

# ---- workers that have served their time ----

# One client whose connection goes from worker to worker: how many answers each that has ended gave.
if REQUESTS=200 start "$program"; then
    curl -s --max-time 60 --retry 3 --retry-connrefused "http://127.0.0.1:$port/?[1-3000]" | grep -o '"worker":[0-9]*' > "$work/answers"
    check all_are_answered_while_workers_change 3000 "$(wc -l < "$work/answers")"
    # The last two may not have had theirs yet; who has serves on until another one is there.
    check a_worker_answers_as_many_as_it_may_or_up_to_a_tenth_fewer 'none' "$(sort "$work/answers" | uniq -c | sort -n | awk 'NR > 2 && $1 < 180' | grep . || echo none)"
    [ "$(sort -u "$work/answers" | wc -l)" -gt 4 ] && ok others_take_their_place || not_ok others_take_their_place "$(sort "$work/answers" | uniq -c | tr '\n' '|')"
    ends_well it_ends_with_new_workers
fi
