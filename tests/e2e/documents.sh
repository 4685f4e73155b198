#!/bin/bash
# The OpenAPI documents of three programs before those who judge such documents, a client made of each, and the pages in a
# browser. Skipped in parts where npm, its registry or Chromium is not to be had.
set -u
: "${BUILD:?the build folder}"
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
tools=build/documents                    # of npm; kept, since fetching them takes a while
shots=build/screenshots
pids=()
finish() {
    for p in "${pids[@]}"; do kill -INT "$p" 2>/dev/null && wait "$p" 2>/dev/null; done
    rm -rf "$work"
}
trap finish EXIT

of=documents
. tests/e2e/say.bash

start() {                                # start NAME PORT PROGRAM...: its document is in $work/NAME.json
    local name=$1 port=$2
    shift 2
    "$@" > "$work/$name.log" 2>&1 &
    pids+=($!)
    for _ in $(seq 100); do
        curl -sf --max-time 5 "http://127.0.0.1:$port/openapi.json" -o "$work/$name.json" && return
        sleep 0.1
    done
    not_ok "$name" "$(tail -n 5 "$work/$name.log" | tr '\n' '|')"
    exit 1
}

run() {                                  # run NAME PROGRAM...: ok when it succeeds
    local name=$1
    shift
    if "$@" > "$work/out" 2>&1; then ok "$name"; else not_ok "$name" "$(tail -c 1500 "$work/out" | tr '\n' '|')"; fi
}

showcase_port=$(free_port)
start showcase "$showcase_port" "$BUILD/examples/showcase/showcase" --port "$showcase_port"
shop_port=$(free_port)
start shop "$shop_port" "$BUILD/tests/documents/documents-app" "$shop_port"
pairs_port=$(free_port)
start pairs "$pairs_port" "$BUILD/tests/documents/documents-pairs" "$pairs_port"
identity_port=$(free_port)
start identity "$identity_port" "$BUILD/tests/documents/documents-identity" "$identity_port"
ok the_documents_are_served

if ! command -v npm > /dev/null; then
    skip judged 'there is no npm'
    exit 0
fi
mkdir -p "$tools" "$shots"
if ! cmp -s tests/documents/package-lock.json "$tools/package-lock.json" || [ ! -d "$tools/node_modules" ]; then
    cp tests/documents/package.json "$tools/package.json"
    cp tests/documents/package-lock.json "$tools/wanted.json"
    rm -f "$tools/package-lock.json"
    cp "$tools/wanted.json" "$work/package-lock.json"
    cp tests/documents/package.json "$work/"
    if ! (cd "$work" && timeout 200 npm ci --ignore-scripts --no-audit --no-fund > npm.log 2>&1); then
        skip judged "npm could not fetch what judges: $(grep -m 1 'npm error' "$work/npm.log")"
        exit 0
    fi
    rm -rf "$tools/node_modules"
    mv "$work/node_modules" "$tools/node_modules"
    cp "$work/package-lock.json" "$tools/package-lock.json"
fi
cp tests/documents/*.mjs tests/documents/*.ts "$work/"
ln -s "$PWD/$tools/node_modules" "$work/node_modules"
bin=$work/node_modules/.bin
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true

cd "$work"
run judges_are_for_node_18_and_20 node engines.mjs "$OLDPWD/tests/documents/package-lock.json"
for name in showcase shop pairs identity; do
    run "redocly_${name}" "$bin/redocly" lint --extends=spec "$name.json"
    run "validators_${name}" node judge.mjs "$name.json"
    run "openapi_typescript_${name}" "$bin/openapi-typescript" "$name.json" -o "$name.ts"
done
run the_clients_compile "$bin/tsc" --noEmit --strict --skipLibCheck --target es2022 --module esnext --moduleResolution bundler client.ts shop_client.ts pairs_client.ts

chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
if [ -z "$chromium" ]; then
    skip pages 'there is no Chromium'
    exit 0
fi
timeout 90 node pages.mjs "$chromium" "http://127.0.0.1:$showcase_port" "$OLDPWD/$shots" "http://127.0.0.1:$identity_port" || not_ok pages 'it took more than 90 s'
