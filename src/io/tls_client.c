/* Clients with TLS: the contexts of a loop, one for each set of settings; connecting, and sessions taken up again. */
#include <errno.h>
#include <stdio.h>
#include <strings.h>
#include "base/arena.h"
#include "base/mem.h"
#include "io/log.h"
#include "io/tls_inside.h"

enum { MEMORY = 64 << 10, NAME_MAX_BYTES = 255 };

struct weft__tls_client {
    weft__tls_client *next;
    weft__tls_desk *desk;
    weft__tls_set *set;
    weft_tls_client opts;            /* a copy, with its texts in `memory` */
    const char *protocols;
    unsigned users, generation;
    weft_arena memory;
};

weft__tls_client *weft__tls_client_next(weft__tls_client *client) { return client->next; }

/* ---- contexts ---- */

static int new_session(SSL *ssl, SSL_SESSION *session)
{
    weft__tls *t = SSL_get_app_data(ssl);
    if (!t->session) return 0;
    weft__tls_session_drop(t->session);
    *t->session = (weft__tls_session){ session, t->generation };
    return 1;
}

void weft__tls_session_drop(weft__tls_session *session)
{
    SSL_SESSION_free(session->session);
    session->session = NULL;
}

static int show_own(const weft__tls_client *c, weft__tls_set *set, char why[WEFT__TLS_WHY])
{
    const weft_tls_cert own = { .cert_file = c->opts.cert_file, .key_file = c->opts.key_file };
    char says[128];
    if (!own.cert_file) return 0;
    set->pairs = weft__calloc(sizeof *set->pairs);
    if (!set->pairs) return WEFT_ENOMEM;
    int rc = weft__tls_pair_read(c->desk->loop, &own, set->pairs, why);
    if (rc < 0) return rc;
    set->count = 1;
    if (SSL_CTX_use_cert_and_key(set->ctx, set->pairs->cert, set->pairs->key, set->pairs->chain, 1)) return 0;
    snprintf(why, WEFT__TLS_WHY, "the certificate in '%s' cannot be used: %s", own.cert_file, weft__tls_library_says(says, sizeof says));
    return WEFT_EINVAL;
}

static int choose_whom_to_believe(const weft__tls_client *c, weft__tls_set *set, char why[WEFT__TLS_WHY])
{
    if (c->opts.unverified) return 0;
    SSL_CTX_set_verify(set->ctx, SSL_VERIFY_PEER, weft__tls_judge);
    if (c->opts.ca_file) return weft__tls_believe(c->desk->loop, set->ctx, c->opts.ca_file, NULL, why);
    return SSL_CTX_set_default_verify_paths(set->ctx) ? 0 : WEFT_ENOMEM;
}

static int make_set(const weft__tls_client *c, weft__tls_set **out, char why[WEFT__TLS_WHY])
{
    weft__tls_set *set = weft__tls_set_new(TLS_client_method(), c->opts.version_min, c->protocols, why);
    if (!set) return strncmp(why, "no memory", 9) == 0 ? WEFT_ENOMEM : WEFT_EINVAL;
    snprintf(why, WEFT__TLS_WHY, "no memory for TLS");
    int rc = choose_whom_to_believe(c, set, why);
    if (rc == 0) rc = show_own(c, set, why);
    if (rc == 0 && set->alpn && SSL_CTX_set_alpn_protos(set->ctx, set->alpn, set->alpn_len)) rc = WEFT_ENOMEM;
    SSL_CTX_set_session_cache_mode(set->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(set->ctx, new_session);
    ERR_clear_error();
    if (rc == 0) *out = set;
    else weft__tls_set_drop(set);
    return rc;
}

int weft__tls_client_again(weft__tls_client *client)
{
    weft__tls_set *set = NULL;
    int rc = make_set(client, &set, client->desk->why);
    if (rc < 0) {
        weft__log(WEFT_LOG_ERROR, "TLS: what clients believe and show stays: %s", client->desk->why);
        return rc;
    }
    weft__tls_set_drop(client->set);
    client->set = set;
    client->generation++;
    return 0;
}

/* ---- the clients of a loop ---- */

static bool same(const char *a, const char *b) { return a == b || (a && b && strcmp(a, b) == 0); }

/* `name` is of the connection, and `on` of who connects. */
static bool same_settings(const weft__tls_client *c, const weft_tls_client *o, const char *protocols)
{
    return same(c->opts.ca_file, o->ca_file) && same(c->opts.cert_file, o->cert_file) && same(c->opts.key_file, o->key_file) &&
           same(c->opts.name, o->name) && same(c->protocols, protocols) && c->opts.version_min == o->version_min &&
           c->opts.unverified == o->unverified;
}

static const char *keep_text(weft__tls_client *c, const char *text)
{
    return text ? weft__arena_dup(&c->memory, weft_str_of(text)).ptr : NULL;
}

static void client_free(weft__tls_client *c)
{
    weft__tls_set_drop(c->set);
    weft__arena_free(&c->memory);
    weft__free(c);
}

/* One that nobody uses goes; false when all are in use. */
static bool forget_one(weft__tls_desk *d)
{
    for (weft__tls_client **at = &d->clients; *at; at = &(*at)->next) {
        weft__tls_client *c = *at;
        if (c->users) continue;
        *at = c->next;
        client_free(c);
        d->client_count--;
        return true;
    }
    return false;
}

static int client_new(weft__tls_desk *d, const weft_tls_client *o, const char *protocols, weft__tls_client **out, char why[WEFT__TLS_WHY])
{
    weft__tls_client *c = weft__calloc(sizeof *c);
    if (!c) return WEFT_ENOMEM;
    c->desk = d;
    weft__arena_init(&c->memory, NULL, MEMORY);
    c->opts = (weft_tls_client){ .unverified = o->unverified, .version_min = o->version_min, .ca_file = keep_text(c, o->ca_file),
        .cert_file = keep_text(c, o->cert_file), .key_file = keep_text(c, o->key_file), .name = keep_text(c, o->name) };
    c->protocols = keep_text(c, protocols);
    int rc = c->memory.exceeded || c->memory.starved ? WEFT_ENOMEM : make_set(c, &c->set, why);
    if (rc < 0) {
        client_free(c);
        return rc;
    }
    c->next = d->clients;
    d->clients = c;
    d->client_count++;
    *out = c;
    return 0;
}

int weft__tls_client_check(const weft_tls_client *o, char why[WEFT__TLS_WHY])
{
    const char *wrong = !o->cert_file != !o->key_file             ? "tls.cert_file and tls.key_file belong together"
                        : (unsigned)o->version_min > WEFT_TLS_1_3 ? "tls.version_min is no version of TLS"
                        : o->name && (!*o->name || strlen(o->name) > NAME_MAX_BYTES) ? "tls.name is no host name"
                        : o->unverified && o->ca_file             ? "tls.unverified and tls.ca_file: either somebody is believed, or anybody"
                                                                  : NULL;
    if (!wrong) return 0;
    snprintf(why, WEFT__TLS_WHY, "%s", wrong);
    return WEFT_EINVAL;
}

int weft__tls_client_of(weft__loop *loop, const weft_tls_client *opts, const char *protocols, weft__tls_client **out,
    char why[WEFT__TLS_WHY])
{
    snprintf(why, WEFT__TLS_WHY, "no memory for TLS");
    weft__tls_desk *d = weft__tls_desk_of(loop);
    if (!d) return WEFT_ENOMEM;
    for (weft__tls_client *c = d->clients; c; c = c->next) {
        if (!same_settings(c, opts, protocols)) continue;
        *out = c;
        return 0;
    }
    int rc = weft__tls_client_check(opts, why);
    if (rc == 0 && d->client_count >= WEFT__TLS_CLIENTS_MAX && !forget_one(d)) {
        snprintf(why, WEFT__TLS_WHY, "%d different TLS settings are in use (limit)", WEFT__TLS_CLIENTS_MAX);
        rc = WEFT_ELIMIT;
    }
    return rc < 0 ? rc : client_new(d, opts, protocols, out, why);
}

void weft__tls_client_keep(weft__tls_client *client) { client->users++; }

void weft__tls_client_drop(weft__tls_client *client)
{
    if (!client) return;
    client->users--;
    if (!client->desk && !client->users) client_free(client);
}

/* The loop goes: who still holds one gives it back later. */
void weft__tls_clients_free(weft__tls_desk *desk)
{
    for (weft__tls_client *c; (c = desk->clients);) {
        desk->clients = c->next;
        c->desk = NULL;
        if (!c->users) client_free(c);
    }
}

/* ---- connecting ---- */

/* Who must be named in the certificate. An address is not asked for by SNI. RFC 6066, 3 */
static bool name_peer(SSL *ssl, const char *host)
{
    char name[NAME_MAX_BYTES + 1];
    size_t n = strnlen(host, sizeof name);
    if (n == sizeof name) return false;
    memcpy(name, host, n);
    if (n && name[n - 1] == '.') n--;
    name[n] = 0;
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, name)) return true;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(param, name, n) && SSL_set_tlsext_host_name(ssl, name);
}

static bool prepare(weft__tls *t, weft__tls_client *c, const char *host, weft__tls_session *session)
{
    t->session = session;
    t->generation = c->generation;
    if (session && session->session && session->generation == c->generation && SSL_SESSION_is_resumable(session->session))
        (void)SSL_set_session(t->ssl, session->session);
    bool named = name_peer(t->ssl, c->opts.name ? c->opts.name : host);
    ERR_clear_error();
    return named;
}

int weft__tls_shaken(weft__stream *s, int64_t deadline_ns)
{
    for (;;) {
        int rc = weft__tls_shake(s);
        if (rc != -EAGAIN) return rc;
        if (s->reader) return WEFT_EBUSY;
        s->reader = weft__self();
        rc = weft__park("a TLS handshake", deadline_ns);
        s->reader = NULL;
        if (s->fd < 0) return WEFT_ECLOSED;
        if (rc < 0) return rc;
    }
}

/* The stream goes, and with it what it says: the desk keeps that for whoever asks. */
static int fail(weft__stream *s, int rc, const char **why)
{
    weft__tls_desk *d = weft__tls_desk_of(s->loop);
    *why = NULL;
    if (d && s->tls && s->tls->why && rc == s->tls->failure) {
        memcpy(d->why, s->tls->why, sizeof d->why);
        *why = d->why;
    }
    weft__stream_close(s);
    return rc;
}

int weft__tls_connect(weft__stream *s, weft__tls_client *client, const char *host, weft__tls_session *session, int64_t deadline_ns,
    const char **why)
{
    s->tls = weft__tls_new(s, client->set, false);
    if (!s->tls || !prepare(s->tls, client, host, session)) return fail(s, WEFT_ENOMEM, why);
    int rc = weft__tls_shaken(s, deadline_ns);
    return rc < 0 ? fail(s, rc, why) : 0;
}
