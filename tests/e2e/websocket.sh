#!/bin/bash
# WebSockets before those who did not write them: npm's ws and Debian's python3-websockets, each as a client of weft's server and as a
# server of weft's client; over HTTP/2 node's http2, python3-h2 and nghttpx. Skipped in parts where they are not to be had.
set -u
: "${BUILD:?the build folder}"
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
tools=build/websocket                    # of npm; kept
pids=()
finish() {
    for p in "${pids[@]}"; do kill "$p" 2>/dev/null && wait "$p" 2>/dev/null; done
    rm -rf "$work"
}
trap finish EXIT

not_ok() { echo "not ok websocket/$1: $2"; }
skip() { echo "skip websocket/$1: $2"; }

free_port() {
    local port
    for port in $(seq $((20000 + RANDOM % 10000)) 32000); do
        (exec 3<> "/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
}

run() {                                  # run NAME PROGRAM...: what it prints are results, and it must succeed
    local name=$1
    shift
    timeout 60 "$@" 2> "$work/err" || not_ok "$name" "ended with $?: $(tail -c 500 "$work/err" | tr '\n' '|')"
}

serve() {                                # serve PROGRAM...: its first line is its port
    : > "$work/port"
    "$@" > "$work/port" 2> "$work/served" &
    pids+=($!)
    for _ in $(seq 100); do [ -s "$work/port" ] && break; sleep 0.1; done
    read -r served < "$work/port"
}

counts() {                               # counts NAME SOCKETS STREAMS UPGRADES: what the server says it has seen
    if [ "$(sed -n '$s/^counts //p' "$work/said")" = "$2 $3 $4" ]; then echo "ok websocket/$1"
    else not_ok "$1" "expected $2 $3 $4 (sockets, over HTTP/2, over HTTP/1.1), got: $(tail -n 1 "$work/said")"; fi
}

# weft's client: a stream where a connection is there and its server takes WebSockets, HTTP/1.1 where it does not, HTTP/2 where it is asked for.
over_http2() {
    if [ ! -x "$BUILD/examples/http2" ]; then
        skip client_over_http2 'built without libnghttp2'
        return
    fi
    serve node "$work/h2_server.mjs"
    run client_of_node_http2 "$app" connect-h2 "ws://127.0.0.1:$served" | sed 's/client_/client_of_node_http2_/'
    if openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3 -subj '/CN=localhost' -addext 'subjectAltName=IP:127.0.0.1' \
        -addext 'basicConstraints=critical,CA:TRUE' -keyout "$work/key.pem" -out "$work/cert.pem" 2> /dev/null; then
        serve node "$work/h2_server.mjs" "$work/key.pem" "$work/cert.pem"
        run client_beside_a_call "$app" connect-beside "wss://127.0.0.1:$served" "$work/cert.pem" > "$work/said"
        sed -n 's/client_/client_beside_a_call_/; /ok /p' "$work/said"
        counts client_shares_the_connection 1 44 0
        serve node "$work/h2_server.mjs" "$work/key.pem" "$work/cert.pem" without
        run client_without_settings "$app" connect-beside "wss://127.0.0.1:$served" "$work/cert.pem" > "$work/said"
        sed -n 's/client_/client_without_settings_/; /ok /p' "$work/said"
        counts client_goes_over_http1_where_it_must 46 0 44
    else
        skip client_beside_a_call 'openssl makes no certificates'
    fi
    if command -v nghttpx > /dev/null; then
        through=$(free_port)
        nghttpx "-f127.0.0.1,$through;no-tls" "-b127.0.0.1,$node_ws" --workers=1 --single-process > "$work/nghttpx" 2>&1 &
        pids+=($!)
        for _ in $(seq 100); do (exec 3<> "/dev/tcp/127.0.0.1/$through") 2>/dev/null && break; sleep 0.1; done
        run client_through_nghttpx "$app" connect-h2 "ws://127.0.0.1:$through" | sed 's/client_/client_through_nghttpx_/'
    else
        skip client_through_nghttpx 'there is no nghttpx'
    fi
}

app=$BUILD/tests/websocket/websocket-app
port=$(free_port)
"$app" "$port" > "$work/log" 2>&1 &
pids+=($!)
for _ in $(seq 100); do grep -q listening "$work/log" && break; sleep 0.1; done

if ! command -v node > /dev/null; then
    skip over_http2 'there is no node'
elif [ ! -x "$BUILD/examples/http2" ]; then
    skip over_http2 'built without libnghttp2'
else
    run over_http2 node tests/websocket/over_h2.mjs "http://127.0.0.1:$port"
fi

if ! command -v npm > /dev/null; then
    skip node 'there is no npm'
else
    mkdir -p "$tools"
    if ! cmp -s tests/websocket/package-lock.json "$tools/package-lock.json" || [ ! -d "$tools/node_modules" ]; then
        cp tests/websocket/package.json tests/websocket/package-lock.json "$tools/"
        (cd "$tools" && timeout 100 npm ci --ignore-scripts --no-audit --no-fund > "$work/npm.log" 2>&1) || rm -rf "$tools"
    fi
    if [ ! -d "$tools/node_modules/ws" ]; then
        skip node "npm could not fetch ws: $(grep -m 1 'npm error' "$work/npm.log")"
    else
        cp tests/websocket/*.mjs "$work/"
        ln -s "$PWD/$tools/node_modules" "$work/node_modules"
        run node_client node "$work/client.mjs" "ws://127.0.0.1:$port"
        serve node "$work/server.mjs"
        run client_of_node "$app" connect "ws://127.0.0.1:$served"
        node_ws=$served
        over_http2
    fi
fi

if /usr/bin/python3 -c 'import websockets' 2>/dev/null; then
    run python_client /usr/bin/python3 tests/websocket/client.py "ws://127.0.0.1:$port"
    serve /usr/bin/python3 tests/websocket/client.py serve
    run client_of_python "$app" connect "ws://127.0.0.1:$served" | sed 's/client_/client_of_python_/'
else
    skip python 'there is no python3-websockets'
fi

if [ ! -x "$BUILD/examples/http2" ]; then
    skip client_of_python_http2 'built without libnghttp2'
elif /usr/bin/python3 -c 'import h2, websockets.connection' 2>/dev/null; then
    serve /usr/bin/python3 tests/websocket/h2_server.py
    run client_of_python_http2 "$app" connect-h2 "ws://127.0.0.1:$served" | sed 's/client_/client_of_python_http2_/'
else
    skip client_of_python_http2 'there is no python3-h2 with python3-websockets'
fi
