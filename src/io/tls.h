#ifndef WEFT_SRC_IO_TLS_H
#define WEFT_SRC_IO_TLS_H
/* TLS beneath a stream: stream.c calls the first part, whoever makes streams the others. OpenSSL's headers are in
 * tls_inside.h, for src/io/tls*.c alone.
 *
 * A stream with TLS is used as any other. Its may_read says that there may be plain bytes: also while some lie here
 * that came with others. Bytes that try_send has not taken must be offered again, the same ones first: they may be
 * encrypted already and not gone. */
#include "io/stream.h"
#include "weft/tls.h"

typedef struct weft__tls weft__tls;
typedef struct weft__tls_server weft__tls_server;    /* certificates and who is believed: of a listener */
typedef struct weft__tls_client weft__tls_client;    /* of clients with the same settings */

enum { WEFT__TLS_WHY = 400, WEFT__TLS_CERTS_MAX = 64, WEFT__TLS_CLIENTS_MAX = 64, WEFT__TLS_FILE_MAX = 1 << 20 };

/* ---- for stream.c: what its functions do when there is TLS. Wait: never ---- */

ssize_t weft__tls_recv(weft__stream *s, void *to, size_t n);
ssize_t weft__tls_send(weft__stream *s, const struct iovec *iov, int n);
/* An edge has come and is in may_read and may_write already: send what was left; what to tell of besides. */
uint32_t weft__tls_edge(weft__stream *s, uint32_t events);
int weft__tls_shutdown(weft__stream *s);             /* say that we end, then as the os's */
/* Free it; says that it ends unless it breaks off. True: the descriptor was taken, to say that when there is room; else it
 * is still to be closed. The stream's watch is over already. */
bool weft__tls_close(weft__stream *s, int fd, bool breaks);
bool weft__tls_shaking(const weft__tls *t);
void weft__tls_look(weft__tls *t);

/* ---- servers ---- */

/* Read the certificates of `opts`, which must outlive it, and offer `protocols` by ALPN ("http/1.1", the most wanted first;
 * NULL: none). 0, or a code with what is wrong in `why`. Warnings are logged. Waits: never. */
int weft__tls_server_open(weft__tls_server **out, weft__loop *loop, const weft_tls_server *opts, const char *protocols,
    char why[WEFT__TLS_WHY]);
void weft__tls_server_free(weft__tls_server *server);        /* NULL is none; connections there are go on */

/* What tickets are made with will be the same in all processes that are forked from here on: a session is taken up again by
 * whichever of them a client comes to. Waits: never. */
void weft__tls_share_tickets(void);

/* This open stream, which nobody has read from, speaks TLS as a server. Its handshake is made by the first calls of
 * try_recv or try_send. 0 or WEFT_ENOMEM: the stream is then closed. Waits: never. */
int weft__tls_accept(weft__stream *s, weft__tls_server *server);

/* The first bytes of TLS that came with what stood before it, 64 KiB at most: before anything is read or sent. 0, WEFT_ELIMIT or WEFT_ENOMEM.
 * Waits: never. */
int weft__tls_begin_with(weft__stream *s, weft_str came);

/* ---- clients ---- */

/* The client of these settings in this loop, made if it is the first call with them. Texts are copied. It lives until it is
 * given back and forgotten, with its loop at the latest. 0; WEFT_EINVAL, WEFT_ELIMIT, WEFT_ENOMEM with what is wrong in `why`.
 * Waits: never. */
int weft__tls_client_of(weft__loop *loop, const weft_tls_client *opts, const char *protocols, weft__tls_client **out,
    char why[WEFT__TLS_WHY]);
/* Settings that contradict themselves: WEFT_EINVAL with `why`; else 0. Waits: never. */
int weft__tls_client_check(const weft_tls_client *opts, char why[WEFT__TLS_WHY]);
void weft__tls_client_keep(weft__tls_client *client);
void weft__tls_client_drop(weft__tls_client *client);        /* NULL is none */

/* The session with one server that is taken up again, the newest. Zero at first. */
typedef struct weft__tls_session { void *session; unsigned generation; } weft__tls_session;
void weft__tls_session_drop(weft__tls_session *session);

/* Speak TLS on this open stream, as a client of `host`; at its end the peer is known. `session` (NULL: none) must live as
 * long as the stream is open. 0; or a code, with the stream closed and the reason in *why, good until the next wait; of
 * what the system says *why is NULL. Waits: always. */
int weft__tls_connect(weft__stream *s, weft__tls_client *client, const char *host, weft__tls_session *session, int64_t deadline_ns,
    const char **why);

/* ---- any ---- */

/* Make the handshake, if it is not made: 0 or a code. Waits: until then. */
int weft__tls_shaken(weft__stream *s, int64_t deadline_ns);

/* Why it failed; "" when it has not. Good until the stream is closed. */
const char *weft__tls_why(const weft__stream *s);
/* What came first was no TLS but may be plain HTTP: the stream is plain from now on, without what came. False: it
 * is not so, and nothing was done. */
bool weft__tls_give_up(weft__stream *s);
/* What ALPN agreed on; empty: nothing (yet). */
weft_str weft__tls_alpn(const weft__tls *t);
/* Who the peer is; 1, 0 of a plain stream or before the handshake, WEFT_ENOMEM. */
int weft__tls_peer_of(const weft__stream *s, weft_tls_peer *out, weft_arena *arena);
#endif
