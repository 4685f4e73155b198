/* A service as it stands on the open internet (tests/e2e/open.sh): workers, TLS with two certificates, proxies in front.
 *   Usage: e2e-load-open; the environment's PORT, WORKERS, REDIRECT, REQUESTS (max_requests); CERTS: the folder with one.pem, one.key, two.pem and two.key;
 *   PROXIES: all of this machine are; they say it by the PROXY protocol ("protocol") or in headers ("forwarded", "x-forwarded")  */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weft.h>

static int number(const char *name)
{
    const char *text = getenv(name);
    return text ? atoi(text) : 0;
}

WEFT_MODEL(Seen, field(weft_str, client), field(weft_str, scheme), field(weft_str, version), field(int, worker));
WEFT_INPUT(seen_in, request(request));
static int seen(const seen_in *in, Seen *out)
{
    *out = (Seen){ weft_request_client(in->request), weft_str_of(weft_request_scheme(in->request)), weft_request_version(in->request), getpid() };
    return 0;
}

static const weft_app app = { .title = "open", .routes = WEFT_ROUTES(WEFT_GET("/", seen, seen_in, Seen)) };

int main(void)
{
    char names[4][512];
    const char *certs = getenv("CERTS"), *proxies = getenv("PROXIES");
    for (int i = 0; i < 4; i++) snprintf(names[i], sizeof names[i], "%s/%s.%s", certs ? certs : "", i < 2 ? "one" : "two", i % 2 ? "key" : "pem");
    weft_serve_opts opts = { .port = number("PORT"), .workers = number("WORKERS"), .max_requests = number("REQUESTS") };
    const weft_tls_cert *both = WEFT_TLS_CERTS({ .cert_file = names[0], .key_file = names[1] }, { .cert_file = names[2], .key_file = names[3] });
    if (certs) opts.tls = (weft_tls_server){ .certs = both, .redirect_port = number("REDIRECT") };
    if (proxies) {
        opts.trusted_proxies = "127.0.0.1";
        opts.proxy_protocol = strcmp(proxies, "protocol") == 0;
        opts.forwarded = strcmp(proxies, "forwarded") == 0;
    }
    return weft_serve_with(&app, &opts);
}
