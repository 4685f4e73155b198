#!/bin/bash
# examples/watched as those who run it see it: its settings, its log, its numbers judged by Prometheus's own checker, and how it says
# that it is not ready any more.
set -u
: "${BUILD:?the build folder}"
cd "$(dirname "$0")/../.."
top=$PWD
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null; rm -rf "$work"' EXIT

of=watched
. tests/e2e/say.bash

program=$(realpath "$BUILD/examples/watched")
cd "$work" || exit 1

# ---- settings that have faults ----

printf 'SHOP_PROT=80\nSHOP_STORE__TIMEOUT_MS=never\n' > .env
SHOP_PORT=80x SHOP_API_KEY=hunter2 "$program" > out 2> err
check faulty_settings_end_the_program 2 "$?"
has the_fault_of_a_variable '^SHOP_PORT \(environment\): Input should be a valid integer.*, not "80x"$' err
has the_fault_of_a_line '^SHOP_STORE__TIMEOUT_MS \(\.env line 2\): ' err
has a_misspelt_name '^SHOP_PROT \(\.env line 1\): there is no such setting$' err
grep -q hunter2 err && not_ok secrets_are_not_shown "$(cat err)" || ok secrets_are_not_shown
rm .env

# ---- serving ----

port=$(free_port)
SHOP_PORT=$port SHOP_API_KEY=hunter2 WEFT_LOG_FORMAT=json "$program" > out 2> err &
pid=$!
for _ in $(seq 100); do grep -q listening out && break; sleep 0.1; done
url=http://127.0.0.1:$port
status() { curl -s --max-time 10 -o /dev/null -w '%{http_code}' "$@"; }
has settings_are_printed "^  SHOP_PORT = $port \\(environment\\)$" err
has secrets_are_printed_as_such '^  SHOP_API_KEY = \*\*\* \(environment\)$' err
check alive '{"status":"ok"}' "$(curl -s "$url/healthz")"
check ready '{"status":"ready","checks":{"store":"ok","stock":"ok"}}' "$(curl -s "$url/readyz")"
curl -s "$url/metrics" > first_metrics
trace=0af7651916cd43dd8448eb211c80319c
check order 200 "$(status -X POST -H "traceparent: 00-$trace-b7ad6b7169203331-01" "$url/orders/loom")"
check unknown 404 "$(status -X POST "$url/orders/pan%C3%A9%22%0A")"
check nowhere 404 "$(status "$url/nowhere")"

# ---- numbers ----

curl -s "$url/metrics" > metrics
has requests '^weft_requests_total\{method="POST",route="/orders/\{kind\}",status="200"\} 1$' metrics
has own_numbers '^shop_orders_total\{kind="loom"\} 1$' metrics
has loop_lag '^weft_loop_lag_seconds_count [0-9]+$' metrics
has memory '^process_resident_memory_bytes [0-9]{6,}$' metrics
has start_time '^process_start_time_seconds 1[0-9]{9}$' metrics
# weft/metrics.h has the names of all that stand there, and no other than weft writes; processes and workers stand there where there are some.
grep -E '^# TYPE (weft|process)_' metrics | cut -d ' ' -f 3 | sort > on_page
sed -n '/^\/\* The numbers/,/^ \* and what you count/p' "$top/include/weft/metrics.h" | grep '^ \*   [wp]' | grep -oE '\b(weft|process)_[a-z_]+' | sort > in_header
check the_header_names_what_is_on_the_page '' "$(comm -23 on_page in_header | tr '\n' ' ')"
grep -ohE '"(weft|process)_[a-z_]+["{]' "$top"/src/web/metric*.c | tr -d '"{' | grep -vE '^(weft|process)_$|_(bucket|sum|count)$' | sort -u > in_sources
check the_header_names_all_and_nothing_else '' "$(comm -3 in_header in_sources | tr -s '\t\n' ' ')"
has zero_before_it_was_counted '^shop_price_euros_bucket\{le="1"\} 0$' first_metrics
if command -v promtool > /dev/null; then
    said=$(promtool check metrics < metrics 2>&1)
    check prometheus_accepts_them '0 ' "$? $said"
else skip prometheus_accepts_them "no promtool"
fi

# ---- the log, louder and back ----

for _ in $(seq 30); do grep -q '"ordered"' err && break; sleep 0.1; done
has a_line_of_json "^\\{\"time\":\"[0-9T:.-]*Z\",\"level\":\"info\",\"message\":\"ordered\",\"kind\":\"loom\",\"left\":2,\"trace_id\":\"$trace\",\"span_id\":\"[0-9a-f]{16}\"\\}$" err
kill -USR1 "$pid"
sleep 0.2
check order_louder 200 "$(status -X POST "$url/orders/yarn")"
kill -USR1 "$pid"
for _ in $(seq 30); do grep -q '"debug"' err && break; sleep 0.1; done
has debug_lines '"level":"debug","message":"the order came from yarn"' err

# ---- the end: not ready first ----

kill -TERM "$pid"
for _ in $(seq 20); do [ "$(status "$url/readyz")" = 503 ] && break; sleep 0.02; done
check not_ready_while_it_stops '{"status":"stopping"}' "$(curl -s "$url/readyz")"
check served_meanwhile 200 "$(status -X POST "$url/orders/yarn")"
wait "$pid"
check ends_well 0 "$?"
pid=
