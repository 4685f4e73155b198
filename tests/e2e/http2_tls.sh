#!/bin/bash
# HTTP/2 over TLS, agreed on by ALPN, with clients and servers that nobody here wrote: curl, nghttp, h2load, node's http2, Python's httpx; nghttpd, nginx and node
# for our client.
set -u
: "${BUILD:?the build folder}"
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'stop; rm -rf "$work"' EXIT

of=http2_tls
. tests/e2e/say.bash
. tests/e2e/program.bash
listening() {
    local tries
    for tries in $(seq 100); do taken "$1" && return 0; sleep 0.1; done
    not_ok "start_$2" "$(tail -n 3 "$work/server" | tr '\n' '|')"
    return 1
}

[ -x "$BUILD/examples/http2" ] || { echo 'skip http2_tls: built without libnghttp2'; exit 0; }
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3 -subj '/CN=localhost' -addext 'subjectAltName=IP:127.0.0.1,DNS:localhost' \
    -addext 'basicConstraints=critical,CA:TRUE' -keyout "$work/key.pem" -out "$work/cert.pem" 2> /dev/null || { skip all 'openssl makes no certificates'; exit 0; }

# ---- our server ----

url=https://127.0.0.1:8443
if taken 8443 || taken 8080; then
    skip server 'something else listens on port 8443 or 8080'
else
    "$BUILD/examples/secure" serve "$work/cert.pem" "$work/key.pem" > "$work/server" 2>&1 &
    pid=$!
    listening 8443 secure
    curls() { curl -s --max-time 10 --cacert "$work/cert.pem" "$@"; }
    check curl_gets_http2 '2 200' "$(curls -o /dev/null -w '%{http_version} %{http_code}' $url/whoami)"
    check curl_that_offers_http1_gets_that '1.1 200' "$(curls --http1.1 -o /dev/null -w '%{http_version} %{http_code}' $url/whoami)"
    check curl_with_tls_1_2 '2 200' "$(curls --tls-max 1.2 -o /dev/null -w '%{http_version} %{http_code}' $url/whoami)"
    check curl_reuses_its_connection '1 0 0 ' "$(curls -o /dev/null -o /dev/null -o /dev/null -w '%{num_connects} ' $url/whoami $url/openapi.json $url/whoami)"
    check the_port_that_redirects_speaks_no_http2 '0' "$(curl -s --http2-prior-knowledge --max-time 10 -o /dev/null -w '%{http_code}' http://127.0.0.1:8080/whoami | sed 's/^000$/0/')"
    check the_port_that_redirects_does_so '308' "$(curl -s --http2 --max-time 10 -o /dev/null -w '%{http_code}' http://127.0.0.1:8080/whoami)"
    if have nghttp; then check nghttp_asks_for_many 50 "$(timeout 20 nghttp -m 50 $url/whoami 2> /dev/null | grep -o '"scheme":"https"' | wc -l)"; else skip nghttp 'no nghttp'; fi
    if have h2load; then
        timeout 60 h2load -n 5000 -c 10 -m 32 -t 1 $url/whoami > "$work/h2load" 2>&1
        check h2load_5000_requests '5000 2xx, 0 3xx, 0 4xx, 0 5xx' "$(sed -n 's/^status codes: //p' "$work/h2load")"
        check h2load_agrees_on_it 'h2' "$(sed -n 's/^Application protocol: //p' "$work/h2load")"
        timeout 60 h2load -n 500 -c 5 -m 10 -w 10 -W 10 -t 1 $url/openapi.json > "$work/h2load" 2>&1
        check h2load_with_small_windows '500 2xx, 0 3xx, 0 4xx, 0 5xx' "$(sed -n 's/^status codes: //p' "$work/h2load")"
        timeout 60 h2load -n 200 -c 200 -t 1 $url/whoami > "$work/h2load" 2>&1
        check h2load_with_many_handshakes '200 2xx, 0 3xx, 0 4xx, 0 5xx' "$(sed -n 's/^status codes: //p' "$work/h2load")"
    else skip h2load 'no h2load'; fi
    if have node; then timeout 20 node tests/e2e/http2/secure.mjs ask $url "$work/cert.pem" 2> "$work/node" || not_ok node "$(tail -n 5 "$work/node" | tr '\n' '|')"; else skip node 'no node'; fi
    if /usr/bin/python3 -c 'import httpx, h2' 2> /dev/null; then
        check httpx_asks_for_many 'HTTP/2 20' "$(timeout 60 /usr/bin/python3 tests/e2e/http2/httpx_client.py $url/whoami "$work/cert.pem" 2>&1 | tail -n 1)"
    else skip httpx 'no python3-httpx with python3-h2'; fi
    stop
    check server_ends_by_itself 0 $?
fi

# ---- our client ----

if [ -x "$BUILD/tests/e2e-http2-client" ]; then
    printf 'from a file\n' > "$work/file"
    head -c 3000000 /dev/urandom > "$work/big"
    said="50 of 50 from a file; 3000000 bytes $(cksum < "$work/big" | cut -d' ' -f1); 404; "
    asks() {                             # asks NAME PORT
        listening "$2" "$1" && check "our_client_asks_$1" "$said" "$(timeout 30 "$BUILD/tests/e2e-http2-client" "https://127.0.0.1:$2" "$work/cert.pem" 2>&1 | tr '\n' ' ')"
        stop
    }
    if have nghttpd; then
        port=$(free_port)
        nghttpd -d "$work" "$port" "$work/key.pem" "$work/cert.pem" > "$work/server" 2>&1 &
        pid=$!
        asks nghttpd "$port"
    else skip nghttpd 'no nghttpd'; fi
    if have node; then
        port=$(free_port)
        node tests/e2e/http2/secure.mjs serve "$port" "$work" > "$work/server" 2>&1 &
        pid=$!
        asks node "$port"
    fi
    if have nginx; then
        for protocol in http2 http1; do
            port=$(free_port)
            mkdir -p "$work/nginx"
            printf 'daemon off; pid %s/nginx/pid; error_log %s/nginx/log; events {}\nhttp { log_format p "$server_protocol"; access_log %s/nginx/%s p; client_body_temp_path %s/nginx/b; proxy_temp_path %s/nginx/p; fastcgi_temp_path %s/nginx/f; uwsgi_temp_path %s/nginx/u; scgi_temp_path %s/nginx/s;\n server { listen 127.0.0.1:%s ssl%s; ssl_certificate %s/cert.pem; ssl_certificate_key %s/key.pem; root %s; } }\n' \
                "$work" "$work" "$work" $protocol "$work" "$work" "$work" "$work" "$work" "$port" "$([ $protocol = http2 ] && echo ' http2')" "$work" "$work" "$work" > "$work/nginx.conf"
            chmod 755 "$work" && chmod 644 "$work/file" "$work/big"
            nginx -c "$work/nginx.conf" -e "$work/nginx/err" > "$work/server" 2>&1 &
            pid=$!
            asks "nginx_$protocol" "$port"
            check "nginx_was_asked_by_$protocol" "$([ $protocol = http2 ] && echo HTTP/2.0 || echo HTTP/1.1)" "$(sort -u "$work/nginx/$protocol")"
        done
    else skip nginx 'no nginx'; fi
fi
