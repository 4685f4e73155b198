#!/bin/bash
# HTTP/2 with clients and servers that nobody here wrote: curl, nghttp, h2load, node's http2, python's h2; nghttpd and node for our client.
set -u
: "${BUILD:?the build folder}"
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
upstream=
stop_upstream() {
    [ -n "$upstream" ] || return 0
    kill -KILL "$upstream" 2>/dev/null
    wait "$upstream" 2>/dev/null
    upstream=
}
trap 'stop; stop_upstream; rm -rf "$work"' EXIT

of=http2
. tests/e2e/say.bash
. tests/e2e/program.bash

[ -x "$BUILD/examples/http2" ] || { echo 'skip http2: built without libnghttp2'; exit 0; }
url=http://127.0.0.1:8000
curls() { curl -s --http2-prior-knowledge --max-time 10 "$@"; }
json='Content-Type: application/json'

if start_example items; then
    check curl_gets '{"item_id":42,"q":"x y"} 2' "$(curls -w ' %{http_version}' "$url/items/42?q=x%20y")"
    check curl_reuses_its_connection '1 0 0 ' "$(curls -o /dev/null -o /dev/null -o /dev/null -w '%{num_connects} ' "$url/items/1" "$url/items/2" "$url/items/3")"
    check curl_head '200 0 23' "$(curls -I -o /dev/null -w '%{http_code} %{size_download} %header{content-length}' "$url/items/42")"
    check curl_gets_404 404 "$(curls -o /dev/null -w '%{http_code}' "$url/nope")"
    check curl_gets_414 414 "$(curls -o /dev/null -w '%{http_code}' "$url/items/$(printf 'a%.0s' $(seq 9000))")"
    check curl_gets_431 431 "$(curls -o /dev/null -w '%{http_code}' -H "X: $(printf 'a%.0s' $(seq 17000))" "$url/items/42")"
    check curl_upgrades_in_vain '200 1.1' "$(curl -s --http2 --max-time 10 -o /dev/null -w '%{http_code} %{http_version}' "$url/items/42")"
    if have nghttp; then
        check nghttp_asks_for_many 50 "$(timeout 20 nghttp -m 50 "$url/items/7" 2> /dev/null | grep -o '"item_id":7' | wc -l)"
    else echo 'skip http2/nghttp: no nghttp'; fi
    if have h2load; then
        timeout 30 h2load -n 20000 -c 10 -m 32 -t 1 "$url/items/42" > "$work/h2load" 2>&1
        check h2load_20000_requests '20000 2xx, 0 3xx, 0 4xx, 0 5xx' "$(sed -n 's/^status codes: //p' "$work/h2load")"
        timeout 30 h2load -n 500 -c 5 -m 10 -w 10 -W 10 -t 1 "$url/openapi.json" > "$work/h2load" 2>&1
        check h2load_with_small_windows '500 2xx, 0 3xx, 0 4xx, 0 5xx' "$(sed -n 's/^status codes: //p' "$work/h2load")"
    else echo 'skip http2/h2load: no h2load'; fi
    if have node; then timeout 20 node tests/e2e/http2/client.mjs "$url" 2> "$work/node" || not_ok node "$(tail -n 5 "$work/node" | tr '\n' '|')"
    else echo 'skip http2/node: no node'; fi
    if /usr/bin/python3 -c 'import h2' 2> /dev/null; then timeout 30 /usr/bin/python3 tests/e2e/http2/client.py 2> "$work/python" || not_ok python "$(tail -n 5 "$work/python" | tr '\n' '|')"
    else echo 'skip http2/python: no python3-h2'; fi
    stop
    check items_ends_by_itself 0 $?
fi

if start_example orders; then
    order='{"email":"a@b.c","quantity":3,"notes":["n"]}'
    check curl_posts 201 "$(curls -o /dev/null -w '%{http_code}' -H "$json" -d "$order" "$url/orders")"
    check curl_gets_422 422 "$(curls -o /dev/null -w '%{http_code}' -H "$json" -d '{"quantity":0}' "$url/orders")"
    head -c 2000000 /dev/zero | tr '\0' ' ' > "$work/large"
    check curl_sends_too_much 413 "$(curls -o /dev/null -w '%{http_code}' -H "$json" --data-binary "@$work/large" "$url/orders")"
    head -c 1000000 "$work/large" > "$work/fits"
    printf '%s' "$order" >> "$work/fits"
    check curl_sends_a_megabyte 201 "$(curls -o /dev/null -w '%{http_code}' -H "$json" --data-binary "@$work/fits" "$url/orders")"
    stop
    check orders_ends_by_itself 0 $?
fi

# Trailers, of those who read them and those who send them.
if start_example trailers; then
    check curl_reads_trailers 'x-rows: 3' "$(curls -v "$url/rows/3" 2>&1 | tr -d '\r' | sed -n 's/^< \(x-rows: .*\)/\1/p')"
    check curl_reads_trailers_over_http1 '0|X-Rows: 1||' "$(curl -s --max-time 10 --raw "$url/rows/1" | tail -n 3 | tr -d '\r' | tr '\n' '|')"
    check our_client_copies_them '{"rows":1000}' "$(curls -X POST "$url/copy/1000")"
    if have nghttp; then check nghttp_reads_trailers 'x-rows: 3' "$(timeout 20 nghttp -v "$url/rows/3" 2>&1 | grep -o 'x-rows: 3')"
    else echo 'skip http2/nghttp_reads_trailers: no nghttp'; fi
    if have node; then timeout 20 node tests/e2e/http2/trailers.mjs "$url" 2> "$work/node" || not_ok node_trailers "$(tail -n 5 "$work/node" | tr '\n' '|')"
    else echo 'skip http2/node_trailers: no node'; fi
    stop
    check trailers_ends_by_itself 0 $?
fi
trails() {                               # trails NAME EXPECTED URL [2]
    check "$1_trails_to_our_client" "$2" "$(timeout 20 "$BUILD/tests/e2e-trailers" "${@:3}" 2>&1 | tr -d '\n')"
}
if [ -x "$BUILD/tests/e2e-trailers" ]; then
    if have nghttpd; then
        mkdir "$work/folder"
        printf 'from a file\n' > "$work/folder/index.html"
        nghttpd -d "$work/folder" --no-tls --trailer 'x-bytes: many' --trailer 'x-sum: none' 8001 > "$work/nghttpd" 2>&1 &
        upstream=$!
        for _ in $(seq 50); do taken 8001 && break; sleep 0.1; done
        trails nghttpd '200 many none; 12 many none;' http://127.0.0.1:8001 2
        stop_upstream
    fi
    if have node; then
        node tests/e2e/http2/trailers_server.mjs 8001 8002 > "$work/node" 2>&1 &
        upstream=$!
        for _ in $(seq 50); do taken 8002 && break; sleep 0.1; done
        trails node_over_http1 '200 300000 six; 4 0 none;' http://127.0.0.1:8001
        trails node '200 300000 six; 4 0 none;' http://127.0.0.1:8002 2
        stop_upstream
    fi
fi

# Our client with a server: the showcase of one example asks a name that only this test knows.
asks() {                                 # asks NAME PORT
    check "$1_answers_our_client" "$3" "$(timeout 20 "$BUILD/tests/e2e-http2-client" "http://127.0.0.1:$2" 2>&1 | tr '\n' ' ')"
}
if [ -x "$BUILD/tests/e2e-http2-client" ]; then
    printf 'from a file\n' > "$work/file"
    head -c 3000000 /dev/urandom > "$work/big"
    sum=$(cksum < "$work/big" | cut -d' ' -f1)
    said="50 of 50 from a file; 3000000 bytes $sum; 404; "
    if have nghttpd; then
        nghttpd -d "$work" --no-tls 8001 > "$work/nghttpd" 2>&1 &
        upstream=$!
        for _ in $(seq 50); do taken 8001 && break; sleep 0.1; done
        asks nghttpd 8001 "$said"
        stop_upstream
    else echo 'skip http2/nghttpd: no nghttpd'; fi
    if have node; then
        node tests/e2e/http2/server.mjs 8002 "$work" > "$work/node" 2>&1 &
        upstream=$!
        for _ in $(seq 50); do taken 8002 && break; sleep 0.1; done
        asks node 8002 "$said"
        stop_upstream
    fi
fi
