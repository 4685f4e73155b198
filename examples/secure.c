/* TLS: a server that shows a certificate and may ask for one, and a client that asks over https.
 *
 *     secure                                       https://127.0.0.1:8443, with a certificate made on the spot
 *     secure serve CERT KEY [CLIENT_CA]            with that one; clients must show one that CLIENT_CA has signed
 *     secure ask URL [CA [CERT KEY]]               what is answered, or why nobody was asked
 *
 * http://127.0.0.1:8080 redirects to it. kill -HUP has it read its certificates again. */
#include <stdio.h>
#include <string.h>
#include <weft.h>

enum { PORT = 8443, PLAIN_PORT = 8080 };

/* ---- who asks ---- */

WEFT_MODEL(Whoami, field(weft_str, scheme), field(weft_str, version), field(bool, resumed), field(weft_str, subject), list(weft_str, names));
WEFT_INPUT(whoami_in, request(request));

static int whoami(const whoami_in *in, Whoami *out)
{
    weft_tls_peer peer;
    out->scheme = weft_str_of(weft_request_scheme(in->request));
    int rc = weft_request_tls(in->request, &peer);
    if (rc <= 0) return rc;
    out->version = peer.version;
    out->resumed = peer.resumed;
    if (!peer.certified) return 0;
    out->subject = peer.subject;
    for (size_t i = 0; i < peer.name_count; i++) weft_push(&out->names, peer.names[i]);
    return 0;
}

const weft_app app = {
    .title = "secure",
    .middleware = WEFT_MIDDLEWARE(weft_security_headers(.hsts_s = 31536000)),
    .routes = WEFT_ROUTES(WEFT_GET("/whoami", whoami, whoami_in, Whoami)),
};

/* ---- serving ---- */

static int serve(const char *cert, const char *key, const char *client_ca)
{
    return weft_serve(&app, .port = PORT, .tls = {
        .certs = WEFT_TLS_CERTS({ .cert_file = cert, .key_file = key }),
        .client_ca_file = client_ca,
        .client_required = client_ca != NULL,
        .redirect_port = PLAIN_PORT,
    });
}

static int serve_at_home(void)
{
    weft_tls_made made;
    if (weft_tls_self_signed(&made, "localhost, 127.0.0.1, ::1", 30) < 0) return 1;
    const weft_tls_cert cert = { .cert_pem = weft_str_of(made.cert), .key_pem = weft_str_of(made.key) };
    return weft_serve(&app, .port = PORT, .tls = { .certs = WEFT_TLS_CERTS(cert), .redirect_port = PLAIN_PORT });
}

/* ---- asking ---- */

static struct { const char *url, *ca, *cert, *key; } asked;

static int ask(void)
{
    weft_response answer;
    weft_tls_client tls = { .ca_file = asked.ca, .cert_file = asked.cert, .key_file = asked.key };
    int rc = weft_exchange(&answer, (.tls = tls), "{+}", asked.url);
    if (rc == WEFT_ECERT_EXPIRED) printf("somebody forgot to renew it\n");
    if (rc < 0) return rc;
    printf("%d %.*s\n", answer.status, WEFT_FMT(answer.body));
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 1) return serve_at_home();
    if (argc >= 4 && strcmp(argv[1], "serve") == 0) return serve(argv[2], argv[3], argc > 4 ? argv[4] : NULL);
    if (argc < 3 || strcmp(argv[1], "ask") != 0) {
        fprintf(stderr, "usage: secure [serve CERT KEY [CLIENT_CA] | ask URL [CA [CERT KEY]]]\n");
        return 2;
    }
    asked.url = argv[2];
    asked.ca = argc > 3 ? argv[3] : NULL;
    if (argc > 5) {
        asked.cert = argv[4];
        asked.key = argv[5];
    }
    return weft_run(ask);
}
