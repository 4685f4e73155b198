/* What servers' and clients' contexts have in common: versions, ciphers, modes, protocols; and what a loop has for all. */
#include <stdio.h>
#include "base/mem.h"
#include "io/log.h"
#include "io/tls_inside.h"
#include "task/error.h"

/* Of TLS 1.2 what has forward secrecy and authenticates what it encrypts; 1.3 has nothing else. */
static const char CIPHERS[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
enum { PROTOCOLS_BYTES = 512 };

/* ---- ALPN ---- */

/* "h2, http/1.1" as it is sent: each name behind its length. RFC 7301, 3.1. False: one is empty or too long. */
static bool add_protocol(weft__tls_set *set, const char *name, size_t n)
{
    while (n && name[n - 1] == ' ') n--;
    if (!n || n > 255 || set->alpn_len + n + 1 > PROTOCOLS_BYTES) return false;
    set->alpn[set->alpn_len++] = (unsigned char)n;
    memcpy(set->alpn + set->alpn_len, name, n);
    set->alpn_len += (unsigned)n;
    return true;
}

static int take_protocols(weft__tls_set *set, const char *list, char why[WEFT__TLS_WHY])
{
    if (!list) return 0;
    set->alpn = weft__malloc(PROTOCOLS_BYTES);
    if (!set->alpn) return WEFT_ENOMEM;
    for (const char *at = list;;) {
        at += strspn(at, " ");
        size_t n = strcspn(at, ",");
        if (!add_protocol(set, at, n)) {
            snprintf(why, WEFT__TLS_WHY, "protocols \"%.100s\": expected names of 1 to 255 bytes with commas between", list);
            return WEFT_EINVAL;
        }
        if (!at[n]) return 0;
        at += n + 1;
    }
}

/* ---- sets ---- */

static bool harden(SSL_CTX *ctx, weft_tls_version min)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);    /* each record is told of, also one without data */
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return SSL_CTX_set_min_proto_version(ctx, min == WEFT_TLS_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION) && SSL_CTX_set_cipher_list(ctx, CIPHERS);
}

weft__tls_set *weft__tls_set_new(const SSL_METHOD *method, weft_tls_version min, const char *protocols, char why[WEFT__TLS_WHY])
{
    weft__tls_set *set = weft__calloc(sizeof *set);
    snprintf(why, WEFT__TLS_WHY, "no memory for TLS");
    if (!set) return NULL;
    set->refs = 1;
    ERR_clear_error();
    set->ctx = SSL_CTX_new(method);
    bool good = set->ctx && harden(set->ctx, min) && take_protocols(set, protocols, why) == 0;
    ERR_clear_error();
    if (good) return set;
    weft__tls_set_drop(set);
    return NULL;
}

void weft__tls_set_drop(weft__tls_set *set)
{
    if (!set || --set->refs) return;
    SSL_CTX_free(set->ctx);
    for (unsigned i = 0; i < set->count; i++) weft__tls_pair_free(&set->pairs[i]);
    weft__free(set->pairs);
    weft__free(set->alpn);
    weft__free(set);
}

/* ---- the desk ---- */

static void desk_free(void *arg)
{
    weft__tls_desk *d = arg;
    weft__tls_partings_end(d);
    weft__tls_clients_free(d);
    weft__tls_servers_forget(d);
    *weft__loop_slot(d->loop, WEFT__SLOT_TLS) = NULL;
    weft__free(d);
}

static weft__tls_desk *desk_new(weft__loop *loop)
{
    weft__tls_desk *d = weft__malloc(sizeof *d);
    if (!d) return NULL;
    memset(d, 0, offsetof(weft__tls_desk, in));
    d->loop = loop;
    if (weft__loop_on_free(loop, desk_free, d) == 0) return d;
    weft__free(d);
    return NULL;
}

weft__tls_desk *weft__tls_desk_now(weft__loop *loop) { return *weft__loop_slot(loop, WEFT__SLOT_TLS); }

weft__tls_desk *weft__tls_desk_of(weft__loop *loop)
{
    void **slot = weft__loop_slot(loop, WEFT__SLOT_TLS);
    if (__builtin_expect(!*slot, 0)) *slot = desk_new(loop);
    return *slot;
}

/* ---- reading all again ---- */

/* What fails behind the first is in the log. */
static int first_of(int rc, int next, const char *why)
{
    if (rc < 0 || next == 0) return rc;
    return weft__fail_as(NULL, next, 0, "TLS: what was there stays: %s", why);
}

int weft_tls_reload(void)
{
    weft__loop *loop = weft__loop_here();
    weft__tls_desk *d = loop ? weft__tls_desk_now(loop) : NULL;
    int rc = 0;
    if (!d) return 0;
    for (weft__tls_server *s = d->servers; s; s = weft__tls_server_next(s)) rc = first_of(rc, weft__tls_server_again(s), d->why);
    for (weft__tls_client *c = d->clients; c; c = weft__tls_client_next(c)) rc = first_of(rc, weft__tls_client_again(c), d->why);
    return rc;
}
