#!/bin/bash
# The server under clients that nobody here wrote: curl, h2load, and node's http, fetch and sockets.
set -u
: "${BUILD:?the build folder}"
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'stop; rm -rf "$work"' EXIT

of=server
. tests/e2e/say.bash
. tests/e2e/program.bash
now_ms() { date +%s%3N; }

url=http://127.0.0.1:8000
curls() { curl -s --max-time 10 "$@"; }
status() { curls -o /dev/null -w '%{http_code}' "$@"; }
json='Content-Type: application/json'

# Of raw bytes: the status line of the first answer. The connection is read until the server ends it.
raw() {
    exec 3<> /dev/tcp/127.0.0.1/8000
    printf "$1" >&3
    timeout 5 cat <&3 | head -n 1 | tr -d '\r'
    exec 3>&-
}

nodes() {                                # nodes FILE: its lines are ours
    if ! have node; then
        echo "skip server/$1: no node"
        return
    fi
    timeout 20 node "tests/e2e/server/$1.mjs" "$url" 2> "$work/node" || not_ok "$1" "status $?, $(tail -n 5 "$work/node" | tr '\n' '|')"
}

# ---- GETs ----

if start_example items; then
    check curl_gets '{"item_id":42,"q":"x y"}' "$(curls "$url/items/42?q=x%20y")"
    check curl_reuses_its_connection '1 0 0 ' "$(curls -o /dev/null -o /dev/null -o /dev/null -w '%{num_connects} ' "$url/items/1" "$url/items/2" "$url/items/3")"
    check curl_head '200 0 23' "$(curls -I -o /dev/null -w '%{http_code} %{size_download} %header{content-length}' "$url/items/42")"
    check curl_speaks_1_0 '{"item_id":42,"q":null} close' "$(curls --http1.0 -w ' %header{connection}' "$url/items/42")"
    check curl_asks_to_close close "$(curls -o /dev/null -H 'Connection: close' -w '%header{connection}' "$url/items/42")"
    check curl_gets_404 404 "$(status "$url/nope")"
    check curl_gets_405 405 "$(status -d x "$url/items/42")"
    check curl_gets_414 414 "$(status "$url/items/$(printf 'a%.0s' $(seq 9000))")"
    check curl_gets_431 431 "$(status -H "X: $(printf 'a%.0s' $(seq 17000))" "$url/items/42")"
    date=$(curls -o /dev/null -w '%header{date}' "$url/items/42")
    late=$(($(date +%s) - $(date -d "$date" +%s)))
    if [ "$late" -ge 0 ] && [ "$late" -le 2 ]; then ok date_is_now; else not_ok date_is_now "$date"; fi
    check raw_garbage 'HTTP/1.1 400 Bad Request' "$(raw 'GARBAGE\r\n\r\n')"
    check raw_tls_hello 'HTTP/1.1 400 Bad Request' "$(raw '\026\003\001\002\000\001')"
    check raw_1_0 'HTTP/1.1 200 OK' "$(raw 'GET /items/1 HTTP/1.0\r\n\r\n')"
    check raw_smuggling 'HTTP/1.1 400 Bad Request' "$(raw 'POST /items/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n')"

    if have h2load; then
        timeout 30 h2load --h1 -n 10000 -c 100 -t 1 "$url/items/42" > "$work/h2load" 2>&1
        check h2load_10000_requests_on_100_connections '10000 2xx, 0 3xx, 0 4xx, 0 5xx' "$(sed -n 's/^status codes: //p' "$work/h2load")"
        timeout 30 h2load --h1 -n 10000 -c 10 -m 16 -t 1 "$url/items/42" > "$work/h2load" 2>&1
        check h2load_pipelines_16 '10000 2xx, 0 3xx, 0 4xx, 0 5xx' "$(sed -n 's/^status codes: //p' "$work/h2load")"
    else
        echo 'skip server/h2load: no h2load'
    fi
    nodes agent
    nodes sockets
    stop
    check items_ends_by_itself 0 $?
fi

# ---- bodies: the limit is 1 MiB ----

if start_example orders; then
    order='{"email":"a@b.c","quantity":3,"notes":["n"]}'
    check curl_posts 201 "$(status -H "$json" -d "$order" "$url/orders")"
    check curl_posts_chunked 201 "$(status -H "$json" -H 'Transfer-Encoding: chunked' -d "$order" "$url/orders")"
    check curl_waits_for_continue '201 1' "$(curls -v -o /dev/null -w '%{http_code}' -H "$json" -H 'Expect: 100-continue' -d "$order" "$url/orders" 2> "$work/v") $(grep -c '^< HTTP/1.1 100 Continue' "$work/v")"
    check curl_gets_422 422 "$(status -H "$json" -d '{"quantity":0}' "$url/orders")"
    head -c 2000000 /dev/zero | tr '\0' ' ' > "$work/large"
    began=$(now_ms)
    check curl_sends_nothing_of_a_too_large_body '413 0' "$(curls -o /dev/null -w '%{http_code} %{size_upload}' -H "$json" -H 'Expect: 100-continue' --data-binary "@$work/large" "$url/orders")"
    took=$(($(now_ms) - began))
    if [ $took -lt 900 ]; then ok curl_is_refused_at_once; else not_ok curl_is_refused_at_once "$took ms"; fi
    check curl_sends_a_too_large_body_unasked 413 "$(status -H "$json" -H 'Expect:' --data-binary "@$work/large" "$url/orders")"
    check curl_sends_too_large_chunks 413 "$(status -H "$json" -H 'Expect:' -H 'Transfer-Encoding: chunked' --data-binary "@$work/large" "$url/orders")"
    check curl_reads_the_name_of_the_limit '{"detail":"the body is larger than body_bytes_max"}' "$(curls -H "$json" -H 'Expect:' --data-binary "@$work/large" "$url/orders")"
    head -c 1000000 "$work/large" > "$work/fits"
    printf '%s' "$order" >> "$work/fits"
    check curl_sends_a_megabyte 201 "$(status -H "$json" --data-binary "@$work/fits" "$url/orders")"
    check curl_sends_a_slow_megabyte 201 "$(status -H "$json" --limit-rate 1M --data-binary "@$work/fits" "$url/orders")"
    nodes bodies
    stop
    check orders_ends_by_itself 0 $?
fi

# ---- middleware: codings that curl reads, pages of other origins, the access log ----

if start_example around; then
    plain=$(curls "$url/rows" | cksum)
    for coding in gzip br zstd; do
        check "curl_reads_$coding" "$coding $plain" "$(curls -o /dev/null -H "Accept-Encoding: $coding" -w '%header{content-encoding}' "$url/rows") $(curls --compressed -H "Accept-Encoding: $coding" "$url/rows" | cksum)"
    done
    check curl_asks_as_a_page '200 https://a.shop.example Origin' "$(curls -o /dev/null -X OPTIONS -H 'Origin: https://a.shop.example' -H 'Access-Control-Request-Method: GET' \
        -w '%{http_code} %header{access-control-allow-origin} %header{vary}' "$url/orders/7")"
    check curl_is_told_its_id 'my-id' "$(curls -o /dev/null -H 'X-Request-Id: my-id' -w '%header{x-request-id}' "$url/none")"
    stop
    check around_ends_by_itself 0 $?
    if grep -q '^127.0.0.1 - - \[.*\] "GET /none HTTP/1.1" 404 [0-9]* [0-9.]*ms my-id$' "$work/log" && [ "$(grep -c '" 200 ' "$work/log")" = 8 ]; then ok the_access_log_is_whole
    else not_ok the_access_log_is_whole "$(tr '\n' '|' < "$work/log")"; fi
fi
