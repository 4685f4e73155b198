#ifndef WEFT_SRC_IO_STREAM_H
#define WEFT_SRC_IO_STREAM_H
/* A connected byte stream over the os seam: TCP or unix, or the simulator's. One task may read and one may
 * write at a time; a second gets WEFT_EBUSY. Closing wakes both with WEFT_ECLOSED.
 *
 * With TLS a byte is one of those inside, and try_send wants what it did not take to be offered again. */
#include "task/loop.h"

typedef struct weft__stream weft__stream;
struct weft__stream {
    weft__watch watch;
    weft__loop *loop;
    struct weft__tls *tls;                 /* NULL: what is sent and received goes as it is; else tls.h */
    weft__fiber *reader, *writer;          /* who waits */
    /* Told of a change when nobody waits for it, and of room to write when a task waits for bytes alone (WEFT__OUT); runs on the loop's stack, must not wait; may be NULL. */
    void (*idle)(weft__stream *, uint32_t events);
    int fd;                                /* -1: closed */
    bool may_read, may_write, hup;         /* what the last edges said; hup: the peer has ended or broken off */
};

/* Take a connected descriptor and watch it. 0 or a code (the descriptor is then closed). */
int weft__stream_open(weft__stream *s, weft__loop *loop, int fd);

/* Connect to an address. 0; WEFT_ETIMEDOUT, WEFT_ECONNREFUSED, ... Waits: always. Cancelled, it leaks nothing. */
int weft__stream_connect(weft__stream *s, weft__loop *loop, const weft__addr *to, int64_t deadline_ns);

/* What there is, at most n bytes: > 0 bytes, 0 at the end, < 0 a code; -EAGAIN from try_recv: nothing yet.
 * try_recv never waits. recv waits until there is something; data it has not yet taken is not lost by a cancel. */
ssize_t weft__stream_try_recv(weft__stream *s, void *to, size_t n);
ssize_t weft__stream_recv(weft__stream *s, void *to, size_t n, int64_t deadline_ns);

/* Wait until there may be something to receive, with nothing to receive it into. 0, at once if there may be already; or a code as of
 * recv. Waits: unless there may be. */
int weft__stream_await(weft__stream *s, int64_t deadline_ns);

/* Send all of it, 1 to 8 pieces; 0 or a code. try_send: how many bytes went (0..all) or a code, never waits. timeout_ns is how long the peer
 * may take none of it (INT64_MAX: no bound). Waits: when the peer is slow. */
ssize_t weft__stream_try_send(weft__stream *s, const struct iovec *iov, int n);
int weft__stream_send(weft__stream *s, const struct iovec *iov, int n, int64_t timeout_ns);

/* The same to a peer of whom a rate is asked: it may take none for none_ns (INT64_MAX: no bound), and all that is sent at this pace
 * may take that and per_byte_ns for each byte (0: as long as it likes). Only time counts in which it is waited for, and bytes from then on. `stays`: a cancel does
 * not end the wait, but the peer's time does, and whoever closes the stream. */
typedef struct weft__pace { int64_t none_ns, per_byte_ns, waited_ns; uint64_t taken; bool stays; } weft__pace;
int weft__stream_send_to(weft__stream *s, const struct iovec *iov, int n, weft__pace *p);

/* Wait until the peer takes some more, at that pace. 0, at once if it may already; or a code as of send_to. Waits: unless it may. */
int weft__stream_await_room(weft__stream *s, weft__pace *p);

/* Wait until it may be read or written (may_read, may_write), or its peer has ended: 0; or a code, WEFT_EBUSY when a
 * task waits on either side. Waits: always, also when one of both is so already. */
int weft__stream_wait(weft__stream *s, const char *what, int64_t deadline_ns);

/* End our side: the peer reads to its end, and reading goes on. 0 or a code. Waits: never. */
int weft__stream_shutdown(weft__stream *s);

/* Notice within a minute or so that the peer is gone without a word. Waits: never. */
void weft__stream_keep_alive(weft__stream *s);

/* Look again although no edge has come: it may be on its way. Waits: never. */
void weft__stream_look(weft__stream *s);

/* The protocol that was agreed on with TLS (ALPN), as "http/1.1"; empty: none. Lives as long as the stream is open. Waits: never. */
weft_str weft__stream_alpn(const weft__stream *s);
/* Has TLS not ended its handshake yet? A plain stream has none. Waits: never. */
bool weft__stream_shaking(const weft__stream *s);

/* Close now; whoever waits on it gets WEFT_ECLOSED. Twice is once. Waits: never. */
void weft__stream_close(weft__stream *s);

/* The same, and the peer sees that it broke off, not an end. */
void weft__stream_reset(weft__stream *s);

/* Resolve a host (a literal needs no waiting) to at most max addresses; how many, or WEFT_EDNS with *why. */
int weft__resolve_host(weft__loop *loop, const char *host, int port, weft__addr *out, int max, int64_t deadline_ns, const char **why);

/* Connect to a host: tries its addresses in turn, both families, the next one 250 ms after the last (RFC 8305); the
 * first that answers stays. Waits: always. */
int weft__stream_connect_host(weft__stream *s, weft__loop *loop, const char *host, int port, int64_t deadline_ns, const char **why);
#endif
