/* Servers with TLS: which certificate is shown to whom, who must show one, and all of it read again while it runs. */
#include <openssl/rand.h>
#include <stdio.h>
#include <strings.h>
#include "base/arena.h"
#include "base/mem.h"
#include "io/log.h"
#include "io/tls_inside.h"

enum { MEMORY = 160 << 20, SESSION_S = 2 * 3600 };

struct weft__tls_server {
    weft__tls_server *next;
    weft__tls_desk *desk;
    weft__tls_set *set;              /* for the connections that come */
    weft_tls_server opts;            /* a copy, with its texts in `memory` */
    const char *protocols;
    weft_arena memory;
};

weft__tls_server *weft__tls_server_next(weft__tls_server *server) { return server->next; }

/* ---- which certificate ---- */

/* "*.example.com" is one label in front. RFC 6125, 6.4.3 */
static bool fits(const char *pattern, size_t n, const char *name)
{
    if (n > 2 && pattern[0] == '*' && pattern[1] == '.') {
        const char *dot = strchr(name, '.');
        if (!dot || dot == name) return false;
        pattern++;
        n--;
        name = dot;
    }
    return strlen(name) == n && strncasecmp(name, pattern, n) == 0;
}

static bool listed(const char *names, const char *name)
{
    for (const char *at = names;;) {
        at += strspn(at, " ");
        size_t n = strcspn(at, ","), used = n;
        while (used && at[used - 1] == ' ') used--;
        if (used && fits(at, used, name)) return true;
        if (!at[n]) return false;
        at += n + 1;
    }
}

static bool is_for(const weft__tls_pair *p, const char *name)
{
    if (p->names) return listed(p->names, name);
    return X509_check_host(p->cert, name, strlen(name), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

/* Those for the name, whatever their keys; the context has the first of all. */
static int choose(SSL *ssl, void *arg)
{
    const weft__tls_set *set = arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    bool cleared = false;
    if (!name || set->count < 2) return 1;
    for (unsigned i = 0; i < set->count; i++) {
        const weft__tls_pair *p = &set->pairs[i];
        if (!is_for(p, name)) continue;
        if (!cleared) SSL_certs_clear(ssl);
        cleared = true;
        if (!SSL_use_cert_and_key(ssl, p->cert, p->key, p->chain, 1)) return 0;
    }
    ERR_clear_error();
    return 1;
}

/* Our own order counts. Who offers nothing that we speak is told so: it may have meant another service. RFC 7301, 3.2 */
static int agree(SSL *ssl, const unsigned char **out, unsigned char *len, const unsigned char *in, unsigned in_len, void *arg)
{
    const weft__tls_set *set = arg;
    unsigned char *found = NULL;
    (void)ssl;
    if (SSL_select_next_proto(&found, len, set->alpn, set->alpn_len, in, in_len) != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = found;
    return SSL_TLSEXT_ERR_OK;
}

/* ---- sets ---- */

static unsigned count_of(const weft_tls_cert *certs)
{
    unsigned n = 0;
    while (n <= WEFT__TLS_CERTS_MAX && (certs[n].cert_file || certs[n].cert_pem.ptr)) n++;
    return n;
}

static int read_pairs(const weft__tls_server *server, weft__tls_set *set, char why[WEFT__TLS_WHY])
{
    unsigned n = count_of(server->opts.certs);
    set->pairs = weft__calloc(n * sizeof *set->pairs);
    if (!set->pairs) return WEFT_ENOMEM;
    for (; set->count < n; set->count++) {
        int rc = weft__tls_pair_read(server->desk->loop, &server->opts.certs[set->count], &set->pairs[set->count], why);
        if (rc < 0) return rc;
    }
    const weft__tls_pair *first = set->pairs;
    if (SSL_CTX_use_cert_and_key(set->ctx, first->cert, first->key, first->chain, 1)) return 0;
    char says[128];
    snprintf(why, WEFT__TLS_WHY, "the certificate in '%s' cannot be used: %s", server->opts.certs->cert_file ? server->opts.certs->cert_file : "cert_pem",
        weft__tls_library_says(says, sizeof says));
    return WEFT_EINVAL;
}

static int ask_clients(const weft__tls_server *server, weft__tls_set *set, char why[WEFT__TLS_WHY])
{
    const weft_tls_server *o = &server->opts;
    if (!o->client_ca_file) return 0;
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
    if (!names) return WEFT_ENOMEM;
    int rc = weft__tls_believe(server->desk->loop, set->ctx, o->client_ca_file, names, why);
    if (rc < 0) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return rc;
    }
    SSL_CTX_set_client_CA_list(set->ctx, names);
    SSL_CTX_set_verify(set->ctx, SSL_VERIFY_PEER | (o->client_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), weft__tls_judge);
    return 0;
}

static unsigned char tickets[80];    /* OpenSSL's three keys. Written before there are others, and never again */
static bool tickets_shared;

void weft__tls_share_tickets(void)
{
    ERR_clear_error();
    tickets_shared = RAND_bytes(tickets, sizeof tickets) == 1;
    ERR_clear_error();
}

/* Each that is believed, and each list of those that were taken back. */
static bool add_store(EVP_MD_CTX *md, SSL_CTX *ctx)
{
    STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(SSL_CTX_get_cert_store(ctx));
    unsigned char sum[EVP_MAX_MD_SIZE];
    bool good = true;
    for (int i = 0; good && i < sk_X509_OBJECT_num(all); i++) {
        unsigned n = 0;
        const X509 *cert = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i));
        X509_CRL *list = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(all, i));
        good = cert ? X509_digest(cert, EVP_sha256(), sum, &n) : !list || X509_CRL_digest(list, EVP_sha256(), sum, &n);
        if (good) good = EVP_DigestUpdate(md, sum, n);
    }
    return good;
}

/* Servers may share what tickets are made with. A session is taken up again only where its client would have been believed as well: by who
 * shows the same certificate, and asks for the same of clients. */
static bool set_context(const weft__tls_server *server, weft__tls_set *set)
{
    const weft_tls_server *o = &server->opts;
    const unsigned char asks[] = { o->client_ca_file != NULL, o->client_required, (unsigned char)o->version_min };
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool good = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) && EVP_DigestUpdate(md, asks, sizeof asks)
        && X509_digest(set->pairs->cert, EVP_sha256(), sum, &n) && EVP_DigestUpdate(md, sum, n) && add_store(md, set->ctx)
        && EVP_DigestFinal_ex(md, sum, &n) && SSL_CTX_set_session_id_context(set->ctx, sum, n);
    EVP_MD_CTX_free(md);
    return good;
}

/* Sessions live in tickets, whose key is the set's own, or that of all processes: after certificates were read again, it is another,
 * and each client is looked at anew. */
static int finish(const weft__tls_server *server, weft__tls_set *set)
{
    if (tickets_shared && !server->set && !SSL_CTX_set_tlsext_ticket_keys(set->ctx, tickets, sizeof tickets)) return WEFT_ENOMEM;
    SSL_CTX_set_session_cache_mode(set->ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(set->ctx, SESSION_S);
    SSL_CTX_set_cert_cb(set->ctx, choose, set);
    if (set->alpn) SSL_CTX_set_alpn_select_cb(set->ctx, agree, set);
    return set_context(server, set) ? 0 : WEFT_ENOMEM;
}

static int make_set(const weft__tls_server *server, weft__tls_set **out, char why[WEFT__TLS_WHY])
{
    weft__tls_set *set = weft__tls_set_new(TLS_server_method(), server->opts.version_min, server->protocols, why);
    if (!set) return strncmp(why, "no memory", 9) == 0 ? WEFT_ENOMEM : WEFT_EINVAL;
    snprintf(why, WEFT__TLS_WHY, "no memory for TLS");
    int rc = read_pairs(server, set, why);
    if (rc == 0) rc = ask_clients(server, set, why);
    if (rc == 0) rc = finish(server, set);
    ERR_clear_error();
    if (rc == 0) *out = set;
    else weft__tls_set_drop(set);
    return rc;
}

/* ---- servers ---- */

static const char *keep_text(weft__tls_server *server, const char *text)
{
    return text ? weft__arena_dup(&server->memory, weft_str_of(text)).ptr : NULL;
}

static weft_str keep_pem(weft__tls_server *server, weft_str text)
{
    return text.ptr ? weft__arena_dup(&server->memory, text) : text;
}

/* False: no memory. */
static bool copy(weft__tls_server *server, const weft_tls_server *from, const char *protocols)
{
    unsigned n = count_of(from->certs);
    weft_tls_cert *certs = weft__arena_zalloc(&server->memory, (n + 1) * sizeof *certs);
    server->opts = *from;
    server->opts.certs = certs;
    for (unsigned i = 0; certs && i < n; i++) {
        const weft_tls_cert *c = &from->certs[i];
        certs[i] = (weft_tls_cert){ .cert_file = keep_text(server, c->cert_file), .key_file = keep_text(server, c->key_file),
            .names = keep_text(server, c->names), .cert_pem = keep_pem(server, c->cert_pem), .key_pem = keep_pem(server, c->key_pem) };
    }
    server->opts.client_ca_file = keep_text(server, from->client_ca_file);
    server->protocols = keep_text(server, protocols);
    return !server->memory.exceeded && !server->memory.starved;
}

static int check(const weft_tls_server *o, char why[WEFT__TLS_WHY])
{
    unsigned n = count_of(o->certs);
    const char *wrong = n == 0                       ? "tls.certs is empty: expected WEFT_TLS_CERTS({ .cert_file = ..., .key_file = ... })"
                        : n > WEFT__TLS_CERTS_MAX    ? "tls.certs has more than 64"
                        : (unsigned)o->version_min > WEFT_TLS_1_3 ? "tls.version_min is no version of TLS"
                        : o->client_required && !o->client_ca_file ? "tls.client_required without client_ca_file: nobody could be believed"
                                                     : NULL;
    if (!wrong) return 0;
    snprintf(why, WEFT__TLS_WHY, "%s", wrong);
    return WEFT_EINVAL;
}

int weft__tls_server_open(weft__tls_server **out, weft__loop *loop, const weft_tls_server *opts, const char *protocols,
    char why[WEFT__TLS_WHY])
{
    int rc = check(opts, why);
    if (rc < 0) return rc;
    snprintf(why, WEFT__TLS_WHY, "no memory for TLS");
    weft__tls_desk *desk = weft__tls_desk_of(loop);
    weft__tls_server *server = desk ? weft__calloc(sizeof *server) : NULL;
    if (!server) return WEFT_ENOMEM;
    server->desk = desk;
    weft__arena_init(&server->memory, NULL, MEMORY);
    rc = copy(server, opts, protocols) ? make_set(server, &server->set, why) : WEFT_ENOMEM;
    if (rc < 0) {
        weft__arena_free(&server->memory);
        weft__free(server);
        return rc;
    }
    server->next = desk->servers;
    desk->servers = server;
    *out = server;
    return 0;
}

void weft__tls_server_free(weft__tls_server *server)
{
    if (!server) return;
    weft__tls_server **at = server->desk ? &server->desk->servers : NULL;
    while (at && *at != server) at = &(*at)->next;
    if (at) *at = server->next;
    weft__tls_set_drop(server->set);
    weft__arena_free(&server->memory);
    weft__free(server);
}

void weft__tls_servers_forget(weft__tls_desk *desk)
{
    for (weft__tls_server *s = desk->servers; s; s = s->next) s->desk = NULL;
}

int weft__tls_server_again(weft__tls_server *server)
{
    weft__tls_set *set = NULL;
    char *why = server->desk->why;
    int rc = make_set(server, &set, why);
    if (rc < 0) {
        weft__log(WEFT_LOG_ERROR, "TLS: the certificates there are stay: %s", why);
        return rc;
    }
    weft__tls_set_drop(server->set);
    server->set = set;
    weft__log(WEFT_LOG_INFO, "TLS: certificates were read again: %u", set->count);
    return 0;
}

int weft__tls_accept(weft__stream *s, weft__tls_server *server)
{
    s->tls = weft__tls_new(s, server->set, true);
    if (s->tls) return 0;
    weft__stream_close(s);
    return WEFT_ENOMEM;
}
