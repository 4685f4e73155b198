#!/bin/bash
# TLS under programs that nobody here wrote: curl, openssl s_client and Node as clients; openssl s_server, nginx and Node as servers.
set -u
: "${BUILD:?the build folder}"
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
secure=$BUILD/examples/secure
pids=
pid=
forget() { pids=$(echo " $pids " | sed "s/ $1 / /"); }
stop() {                                 # stop PID: as SIGTERM does; it must end by itself
    kill -TERM "$1" 2>/dev/null
    timeout 15 tail --pid="$1" -f /dev/null || kill -KILL "$1" 2>/dev/null
    wait "$1" 2>/dev/null
    status=$?
    forget "$1"
    return $status
}
trap 'for p in $pids; do stop "$p"; done; rm -rf "$work"' EXIT

of=tls
. tests/e2e/say.bash
holds() { case $3 in *"$2"*) ok "$1" ;; *) not_ok "$1" "expected $2 in: $3" ;; esac; }
listening() {                            # listening PORT: within ten seconds
    local tries
    for tries in $(seq 100); do taken "$1" && return 0; sleep 0.1; done
    return 1
}

# ---- certificates, good for a few days ----

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3 -subj '/CN=Test CA' -keyout "$work/ca.key" -out "$work/ca.pem" \
    -addext 'basicConstraints=critical,CA:TRUE' 2> /dev/null || { skip all 'openssl makes no certificates'; exit 0; }
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3 -subj '/CN=Stranger' -keyout "$work/stranger.key" -out "$work/stranger.pem" 2> /dev/null

sign() {                                 # sign NAME SUBJECT SAN CA [openssl x509 option]...
    local name=$1 subject=$2 san=$3 ca=$4
    shift 4
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$subject" -keyout "$work/$name.key" -out "$work/$name.csr" 2> /dev/null
    printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$san" > "$work/ext"
    openssl x509 -req -in "$work/$name.csr" -CA "$work/$ca.pem" -CAkey "$work/$ca.key" -CAcreateserial -extfile "$work/ext" -out "$work/$name.pem" "$@" 2> /dev/null
}
sign server server.example 'DNS:server.example,DNS:localhost,IP:127.0.0.1' ca -days 3
sign other other.example 'DNS:other.example' ca -days 3
sign unknown server.example 'IP:127.0.0.1' stranger -days 3
sign ada ada 'email:ada@example.com' ca -days 3
sign second second 'IP:127.0.0.1' ca -days 3
# Older versions of openssl set no dates with x509; ca does.
sign_dated() {                           # sign_dated NAME FROM TO
    mkdir -p "$work/db" && : > "$work/db/index" && echo 0$RANDOM > "$work/db/serial"
    printf '[ca]\ndefault_ca=c\n[c]\ndatabase=%s/db/index\nserial=%s/db/serial\nnew_certs_dir=%s/db\ndefault_md=sha256\npolicy=p\nx509_extensions=e\nrand_serial=yes\n[p]\ncommonName=supplied\n[e]\nsubjectAltName=IP:127.0.0.1\n' \
        "$work" "$work" "$work" > "$work/ca.conf"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$work/$1.key" -out "$work/$1.csr" 2> /dev/null
    openssl ca -batch -config "$work/ca.conf" -cert "$work/ca.pem" -keyfile "$work/ca.key" -in "$work/$1.csr" -out "$work/$1.pem" -notext -startdate "$2" -enddate "$3" 2> /dev/null
}
sign_dated expired 20200101000000Z 20210101000000Z
sign_dated early 20990101000000Z 20991231000000Z
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3 -subj '/CN=self' -addext 'subjectAltName=IP:127.0.0.1' -keyout "$work/self.key" -out "$work/self.pem" 2> /dev/null

# ---- our client, with servers of others ----

ask() { timeout 20 "$secure" ask "$@" 2>&1; }

s_server() {                             # s_server CERT [option]...: its port in $port
    port=$(free_port)
    openssl s_server -accept "127.0.0.1:$port" -cert "$work/$1.pem" -key "$work/$1.key" -www -quiet "${@:2}" > "$work/s_server" 2>&1 &
    pid=$!
    pids="$pids $pid"
    listening "$port" || not_ok "s_server_$1" "$(cat "$work/s_server")"
}
refuses() {                              # refuses NAME CERT WORDS [s_server option]...
    s_server "$2" "${@:4}"
    holds "client_refuses_$1" "$3" "$(ask "https://127.0.0.1:$port/" "$work/ca.pem")"
    stop "$pid"
}
s_server server
holds client_accepts_a_good_one '200 <HTML>' "$(ask "https://127.0.0.1:$port/" "$work/ca.pem")"
holds client_refuses_whom_the_system_does_not_know "is signed by 'Test CA', who is not believed here" "$(ask "https://127.0.0.1:$port/")"
stop "$pid"
refuses expired expired "the certificate of 'expired' expired on 2021-01-01 00:00:00 UTC"
refuses early early "the certificate of 'early' is not valid before 2099-01-01 00:00:00 UTC"
refuses other_names other 'the certificate is for other.example, and not for 127.0.0.1'
refuses self_signed self "the certificate of 'self' is signed by itself alone"
refuses unknown_ca unknown "is signed by 'Stranger', who is not believed here"
refuses old_versions server 'versions of TLS' -tls1_1 -cipher 'ALL:@SECLEVEL=0'
refuses without_forward_secrecy server 'the peer refused: handshake failure' -tls1_2 -cipher 'AES128-SHA'
s_server server -tls1_2
holds client_speaks_1_2 '200 <HTML>' "$(ask "https://127.0.0.1:$port/" "$work/ca.pem")"
stop "$pid"
s_server server -Verify 1 -CAfile "$work/ca.pem"
holds client_shows_a_certificate '200 <HTML>' "$(ask "https://127.0.0.1:$port/" "$work/ca.pem" "$work/ada.pem" "$work/ada.key")"
holds client_without_a_certificate_is_told 'the peer refused: ' "$(ask "https://127.0.0.1:$port/" "$work/ca.pem")"
stop "$pid"

if have nginx; then
    port=$(free_port)
    mkdir -p "$work/nginx"
    printf 'daemon off; pid %s/nginx/pid; error_log %s/nginx/log; events {}\nhttp { access_log off; client_body_temp_path %s/nginx/b; proxy_temp_path %s/nginx/p; fastcgi_temp_path %s/nginx/f; uwsgi_temp_path %s/nginx/u; scgi_temp_path %s/nginx/s;\n server { listen 127.0.0.1:%s ssl; ssl_certificate %s/server.pem; ssl_certificate_key %s/server.key; location / { return 200 "nginx answers"; } } }\n' \
        "$work" "$work" "$work" "$work" "$work" "$work" "$work" "$port" "$work" "$work" > "$work/nginx.conf"
    nginx -c "$work/nginx.conf" -e "$work/nginx/log" 2> "$work/nginx/err" &
    pid=$!
    pids="$pids $pid"
    listening "$port"
    holds client_with_nginx '200 nginx answers' "$(ask "https://127.0.0.1:$port/page" "$work/ca.pem")"
    holds client_of_a_plain_url_with_nginx '400' "$(ask "http://127.0.0.1:$port/page" | head -n 1)"
    stop "$pid"
else
    skip client_with_nginx 'no nginx'
fi

if have node; then
    port=$(free_port)
    node tests/e2e/tls/node.mjs serve "$port" "$work/server.pem" "$work/server.key" > "$work/node" 2>&1 &
    pid=$!
    pids="$pids $pid"
    listening "$port"
    holds client_with_node '200 node answers /x?y=z over TLSv1.3' "$(ask "https://127.0.0.1:$port/x?y=z" "$work/ca.pem")"
    stop "$pid"
else
    skip client_with_node 'no node'
fi

# What answers may be no TLS at all.
port=$(free_port)
perl -MIO::Socket::INET -e '$l = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ARGV[0], Listen => 5, ReuseAddr => 1) or die; while ($c = $l->accept) { sysread $c, $b, 100; print $c "220 mail.example ESMTP\r\n"; close $c }' "$port" &
pid=$!
pids="$pids $pid"
listening "$port"
holds client_refuses_no_tls 'the server does not speak TLS on this port' "$(ask "https://127.0.0.1:$port/" "$work/ca.pem")"
stop "$pid"

# ---- our server, with clients of others ----

start() {                                # start [argument]...: the example, on its ports
    local tries
    for tries in $(seq 50); do taken 8443 || taken 8080 || break; sleep 0.1; done
    if taken 8443 || taken 8080; then
        skip server 'something else listens on port 8443 or 8080'
        return 1
    fi
    "$secure" "$@" > "$work/log" 2>&1 &
    pid=$!
    pids="$pids $pid"
    for tries in $(seq 100); do
        grep -q 'listening on https://127.0.0.1:8443' "$work/log" && return 0
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    not_ok start "$(tr '\n' '|' < "$work/log")"
    return 1
}
curls() { curl -s --max-time 10 "$@"; }
url=https://127.0.0.1:8443
plain='"subject":"","names":[]}'

if start serve "$work/server.pem" "$work/server.key"; then
    holds server_with_curl '{"scheme":"https","version":"TLSv1.3","resumed":false,' "$(curls --cacert "$work/ca.pem" $url/whoami)"
    holds server_with_curl_1_2 '"version":"TLSv1.2"' "$(curls --cacert "$work/ca.pem" --tls-max 1.2 $url/whoami)"
    holds server_by_name "$plain" "$(curls --cacert "$work/ca.pem" --resolve server.example:8443:127.0.0.1 https://server.example:8443/whoami)"
    curls --cacert "$work/stranger.pem" $url/whoami > /dev/null
    check curl_refuses_it_without_its_ca 60 $?
    holds hsts 'strict-transport-security: max-age=31536000' "$(curls -D - -o /dev/null --cacert "$work/ca.pem" $url/whoami | tr 'A-Z' 'a-z')"
    check many_on_one_connection '200 200 200 ' "$(curls --cacert "$work/ca.pem" -o /dev/null -o /dev/null -o /dev/null -w '%{http_code} ' $url/whoami $url/whoami $url/whoami)"
    holds plain_http_is_told 'this port speaks HTTPS' "$(curls http://127.0.0.1:8443/whoami)"
    check redirect '308 https://127.0.0.1:8443/whoami?a=b' "$(curls -o /dev/null -w '%{http_code} %{redirect_url}' 'http://127.0.0.1:8080/whoami?a=b')"
    check redirect_keeps_the_method 405 "$(curls -L --cacert "$work/ca.pem" -o /dev/null -w '%{http_code}' -X POST -d x http://127.0.0.1:8080/whoami)"
    said=$(openssl s_client -connect 127.0.0.1:8443 -CAfile "$work/ca.pem" -reconnect -tls1_2 < /dev/null 2>&1)
    check sessions_are_taken_up_again 5 "$(echo "$said" | grep -c '^Reused, TLSv1.2')"
    holds alpn 'ALPN protocol: http/1.1' "$(openssl s_client -connect 127.0.0.1:8443 -alpn h3,http/1.1 < /dev/null 2>&1)"
    holds alpn_of_others_alone_is_refused 'no application protocol' "$(openssl s_client -connect 127.0.0.1:8443 -alpn imap < /dev/null 2>&1)"
    holds tls_1_1_is_refused 'alert protocol version' "$(openssl s_client -connect 127.0.0.1:8443 -tls1_1 -cipher 'ALL:@SECLEVEL=0' < /dev/null 2>&1)"
    holds no_forward_secrecy_is_refused 'handshake failure' "$(openssl s_client -connect 127.0.0.1:8443 -tls1_2 -cipher AES128-SHA < /dev/null 2>&1)"
    holds cbc_is_refused 'handshake failure' "$(openssl s_client -connect 127.0.0.1:8443 -tls1_2 -cipher ECDHE-ECDSA-AES128-SHA256 < /dev/null 2>&1)"
    holds renegotiation_is_refused 'no renegotiation' "$(printf 'R\n' | timeout 5 openssl s_client -connect 127.0.0.1:8443 -tls1_2 2>&1)"
    if have node; then
        said=$(timeout 20 node tests/e2e/tls/node.mjs ask 8443 "$work/ca.pem" 2>&1)
        holds server_with_node '200 {"scheme":"https","version":"TLSv1.3"' "$said"
        holds server_with_node_keeps_its_connection 'one connection' "$said"
    else
        skip server_with_node 'no node'
    fi
    # Another certificate under the same names: those who come get it, once it fits its key.
    cp "$work/second.pem" "$work/server.pem"
    kill -HUP "$pid"
    sleep 0.3
    holds a_fault_leaves_the_old_certificate "CN = server.example" "$(openssl s_client -connect 127.0.0.1:8443 < /dev/null 2>&1)"
    holds a_fault_is_logged "the certificates there are stay: the key in '$work/server.key' is not that of the certificate" "$(cat "$work/log")"
    cp "$work/second.key" "$work/server.key"
    kill -HUP "$pid"
    sleep 0.3
    holds certificates_are_read_again 'CN = second' "$(openssl s_client -connect 127.0.0.1:8443 < /dev/null 2>&1)"
    stop "$pid"
    check server_ends 0 $?
fi

if start serve "$work/second.pem" "$work/second.key" "$work/ca.pem"; then
    holds mutual_with_curl '"subject":"CN=ada","names":["email:ada@example.com"]}' "$(curls --cacert "$work/ca.pem" --cert "$work/ada.pem" --key "$work/ada.key" $url/whoami)"
    # The refusal comes when the client believes that all is agreed on: it fails to receive, or already to send.
    refused() { case $1 in 55 | 56) echo refused ;; *) echo "status $1" ;; esac }
    curls --cacert "$work/ca.pem" $url/whoami > /dev/null
    check mutual_without_a_certificate refused "$(refused $?)"
    curls --cacert "$work/ca.pem" --cert "$work/unknown.pem" --key "$work/unknown.key" $url/whoami > /dev/null
    check mutual_with_a_strangers refused "$(refused $?)"
    holds mutual_with_ourselves '"subject":"CN=ada"' "$(ask $url/whoami "$work/ca.pem" "$work/ada.pem" "$work/ada.key")"
    stop "$pid"
fi

holds a_missing_file_is_said "TLS: cannot read '$work/none.pem': " "$("$secure" serve "$work/none.pem" "$work/server.key" 2>&1)"
chmod 644 "$work/second.key"
if start serve "$work/second.pem" "$work/second.key"; then
    holds an_open_key_is_warned_of "may read the key in '$work/second.key': chmod 600" "$(cat "$work/log")"
    stop "$pid"
fi
if start; then
    holds made_on_the_spot '"scheme":"https"' "$(curls -k $url/whoami)"
    stop "$pid"
fi
