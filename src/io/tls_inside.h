#ifndef WEFT_SRC_IO_TLS_INSIDE_H
#define WEFT_SRC_IO_TLS_INSIDE_H
/* What the files of TLS share. OpenSSL keeps its errors in a queue of the thread: each call is preceded by
 * ERR_clear_error, and nothing that could add to it stands between the call and SSL_get_error. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include "base/buf.h"
#include "io/tls.h"

enum {
    WEFT__TLS_RECORD = 16 * 1024,                    /* plain bytes in one, at most. RFC 8446, 5.1 */
    WEFT__TLS_CIPHER = WEFT__TLS_RECORD + 2048,      /* encrypted. RFC 5246, 6.2.3 */
    WEFT__TLS_HEAD = 5,
    WEFT__TLS_IN = 64 * 1024,
    WEFT__TLS_OUT = 5 * (WEFT__TLS_RECORD + 512)
};

/* ---- one connection ---- */

struct weft__tls {
    SSL *ssl;
    weft__loop *loop;
    struct weft__tls_set *set;                       /* what it was made with; held */
    weft__tls_session *session;                      /* of a client; NULL: none is kept */
    unsigned generation;                             /* of the client then */
    char *in, *out;                                  /* between two calls: what came and OpenSSL has not had; what has not gone */
    uint32_t in_len, in_room, out_at, out_len, out_room;
    uint32_t owed;                                   /* plain bytes that are encrypted, in `out` or gone, and that try_send has not told of */
    unsigned empty;                                  /* records that came since the last one that held plain bytes */
    int failure;                                     /* of reading, and of the handshake: told by each call from then on */
    int send_failure;
    char *why;                                       /* of the failure; NULL: none, or no memory */
    char first;                                      /* the first byte that came */
    bool server, shaking, begun;                     /* begun: OpenSSL has been called */
    bool any;                                        /* a byte has come */
    bool drained, full;                              /* the socket has nothing, or takes nothing, until the next edge */
    bool eof, ended;                                 /* the socket's end; the peer has said that it ends */
    bool stuck;                                      /* it cannot go on before `out` is gone */
    bool ends;                                       /* our side is to end when `out` is gone */
};

/* ---- what a loop has for all of them (tls_set.c) ---- */

typedef struct weft__tls_parting weft__tls_parting;
typedef struct weft__tls_desk {
    weft__loop *loop;
    weft__tls_client *clients;                       /* a list */
    unsigned client_count;
    weft__tls_server *servers;
    weft__tls_parting *partings;                     /* closed ones, whose last words wait for room */
    unsigned parting_count;
    char why[WEFT__TLS_WHY];
    /* Good within one call: what came and is to be read, and what was made and is to go. */
    uint32_t in_at, in_ready, in_len, out_len;       /* in[in_at..in_ready): whole records */
    char in[WEFT__TLS_IN], out[WEFT__TLS_OUT], stage[WEFT__TLS_RECORD];
} weft__tls_desk;
weft__tls_desk *weft__tls_desk_of(weft__loop *loop);         /* NULL: no memory */
weft__tls_desk *weft__tls_desk_now(weft__loop *loop);        /* NULL: there is none, as when the loop goes */

/* ---- last words (tls_parting.c) ---- */

/* Takes the descriptor, to close it when the bytes have gone or it takes too long. False: it is still the caller's. */
bool weft__tls_parting_begin(weft__tls_desk *desk, int fd, const char *bytes, uint32_t len);
void weft__tls_partings_end(weft__tls_desk *desk);

/* ---- bytes (tls_bio.c) ---- */

/* A BIO over the desk: reads whole records alone, writes as far as there is room. NULL: no memory. */
BIO *weft__tls_bio(weft__tls *t);
/* How far the records in `bytes` are whole. One whose head cannot be is given to OpenSSL to be refused. */
size_t weft__tls_whole(const char *bytes, size_t len);

/* ---- what a context is made of (tls_files.c) ---- */

typedef struct weft__tls_pair {
    X509 *cert;
    EVP_PKEY *key;
    STACK_OF(X509) *chain;
    char *names;                                     /* its own memory; NULL: those in it */
} weft__tls_pair;

/* The contexts of a server or a client as they are at some time; held by each connection that was made with them. */
typedef struct weft__tls_set {
    unsigned refs;
    SSL_CTX *ctx;
    weft__tls_pair *pairs;
    unsigned count;
    unsigned char *alpn;                             /* as it is sent; NULL: none */
    unsigned alpn_len;
} weft__tls_set;
weft__tls_set *weft__tls_set_new(const SSL_METHOD *method, weft_tls_version min, const char *protocols, char why[WEFT__TLS_WHY]);
void weft__tls_set_drop(weft__tls_set *set);

/* Read one certificate with its key; those of `what` are warned of in the log. 0 or a code with `why`. */
int weft__tls_pair_read(weft__loop *loop, const weft_tls_cert *from, weft__tls_pair *out, char why[WEFT__TLS_WHY]);
void weft__tls_pair_free(weft__tls_pair *pair);
/* Believe those in a file, and look into its CRLs if it has some. 0 or a code with `why`. */
int weft__tls_believe(weft__loop *loop, SSL_CTX *ctx, const char *ca_file, STACK_OF(X509_NAME) *names, char why[WEFT__TLS_WHY]);

/* ---- what went wrong (tls_error.c) ---- */

/* What OpenSSL's queue tells of a call that failed, as a code; keeps its text in t->why. Empties the queue. */
int weft__tls_failed(weft__tls *t);
int weft__tls_fail(weft__tls *t, int code, const char *fmt, ...) WEFT_PRINTF(3, 4) WEFT__COLD;
/* Called by OpenSSL for each certificate of a chain; keeps why one is refused. */
int weft__tls_judge(int good, X509_STORE_CTX *ctx);
/* The newest error in the queue, as a text in `to`; empties it. */
const char *weft__tls_library_says(char *to, size_t room);
/* "2026-01-31 12:00:00 UTC" */
typedef struct weft__tls_date { char text[32]; } weft__tls_date;
weft__tls_date weft__tls_date_of(const ASN1_TIME *time);
/* The common name, or all of it, on one line. */
void weft__tls_name_text(const X509_NAME *name, char *to, size_t room);
/* The names that a certificate is for, with commas; as many as there is room for. */
void weft__tls_names_text(X509 *cert, char *to, size_t room);


/* Both add to weft_tls_reload (tls_set.c): 0, or what failed last, told in the log. */
int weft__tls_server_again(weft__tls_server *server);
int weft__tls_client_again(weft__tls_client *client);
weft__tls_server *weft__tls_server_next(weft__tls_server *server);
weft__tls_client *weft__tls_client_next(weft__tls_client *client);
void weft__tls_clients_free(weft__tls_desk *desk);           /* the loop goes */
void weft__tls_servers_forget(weft__tls_desk *desk);

/* A connection over a set; NULL: no memory. */
weft__tls *weft__tls_new(weft__stream *s, weft__tls_set *set, bool server);
/* As far as it goes without a wait: 0, -EAGAIN, or a code. */
int weft__tls_shake(weft__stream *s);
#endif
