#ifndef WEFT_NET_H
#define WEFT_NET_H
/* Sockets: connections over TCP and unix sockets, listeners, datagrams, and how host names are remembered.
 *
 * A host is a name ("example.org"), an address ("127.0.0.1", "::1"), or a unix socket: "/run/x.sock", "unix:x.sock", or
 * "unix:@name" for one without a file; the port then says nothing (0).
 * What you open, you free: WEFT_CONN(c), WEFT_LISTENER(l) and WEFT_UDP(u) are declarations that do it at the end of the
 * block, however it is left. Close a connection to stop who waits on it; free it when nobody uses it any more.
 * Functions marked "waits" return WEFT_ECANCELED and WEFT_ETIMEDOUT as all waits do (task.h). A failure is recorded with
 * what was tried and with whom; a peer that broke off is WEFT_ECONNRESET.      Examples: examples/lines.c, tests/io  */
#include "weft/task.h"
#include "weft/tls.h"

/* ---- connections ---- */

typedef struct weft_conn weft_conn;

/* Options of weft_connect and, for each connection, of weft_listen; 0 takes the default named here.
 * timeout_ms: for looking up the name and connecting together, 5 000; -1: none but that of the scope.
 * read_ms, write_ms: how long the peer may send nothing while one reads, or take nothing while one writes; none.
 * It ends that call with WEFT_ETIMEDOUT. A peer that sends a byte now and then is not bounded by it: a deadline of the
 * scope around is.
 * buffer_bytes_max: the longest line, and what weft_conn_exactly may ask for; 64 KiB. The buffer begins with 4 KiB and
 * grows as far as one message needs.  */
typedef struct weft_conn_opts {
    weft__named_options_only _;
    int timeout_ms, read_ms, write_ms;
    size_t buffer_bytes_max;
    weft_tls_client tls;             /* of weft_connect: any of it set, TLS is spoken */
} weft_conn_opts;

/* Connect: WEFT_CONN(c); WEFT_TRY(weft_connect(&c, "example.org", 80, .timeout_ms = 300)); The addresses of a name are
 * tried in turn, both families, the next one 250 ms after the last (RFC 8305). 0; WEFT_EDNS, WEFT_ECONNREFUSED,
 * WEFT_ETIMEDOUT, WEFT_ENOMEM, or a code of the system (-EHOSTUNREACH ...). Nagle's algorithm is off. With .tls also those of
 * tls.h; timeout_ms includes the handshake. Waits: always.  */
#define weft_connect(out, host, port, ...) weft_connect_with((out), (host), (port), &(weft_conn_opts){ __VA_ARGS__ })
int weft_connect_with(weft_conn **out, const char *host, int port, const weft_conn_opts *opts) WEFT_NODISCARD;

/* A connection that is freed at the end of the block; NULL until it is opened. */
#define WEFT_CONN(c) weft_conn *c __attribute__((cleanup(weft__conn_leave), unused)) = NULL
void weft__conn_leave(weft_conn **c);

/* Close it now: who reads or writes gets WEFT_ECLOSED, as does whoever tries to later. Bytes that came and were not read
 * are lost. Twice is once, NULL is none. Waits: never. */
void weft_conn_close(weft_conn *c);

/* Close it and give its memory back: no task may use it from now on, but one that waits in it may still be on its way
 * out. NULL is none. Waits: never. */
void weft_conn_free(weft_conn *c);

/* Reading. One task reads at a time: a second one gets WEFT_EBUSY at once. All of these are iterators: 1 with bytes, 0
 * when the peer has ended its side and all is read, < 0 on error. What they yield lives until the next step on this
 * connection. A read that is cancelled or times out takes nothing: what had come is there for the next one.
 * Wait: unless the bytes are there already; now and then also then, so that others have their turn.  */

/* Some bytes: what is there, at least one; at most buffer_bytes_max. Waits: see above. */
int weft_conn_read(weft_conn *c, weft_str *out) WEFT_NODISCARD;

/* The next line, without its end ("\n" or "\r\n"). The last one may have none. WEFT_ELIMIT: it is longer than
 * buffer_bytes_max, and stays there. A NUL in it is a byte like others. Waits: see above.
 *
 *     for (int rc; (rc = weft_conn_line(c, &line)) != 0;) { WEFT_TRY(rc); ... }  */
int weft_conn_line(weft_conn *c, weft_str *out) WEFT_NODISCARD;

/* What comes before the next delimiter (at least one byte), which is taken out too: weft_conn_until(c, WEFT_S("\r\n\r\n"),
 * 8192, &head). bytes_max: without the delimiter; 0: buffer_bytes_max; beyond it WEFT_ELIMIT, and all stays there.
 * WEFT_EOF: the peer ended in the middle. WEFT_EINVAL: an empty delimiter. Waits: see above. */
int weft_conn_until(weft_conn *c, weft_str delimiter, size_t bytes_max, weft_str *out) WEFT_NODISCARD;

/* Exactly n bytes (n of 1 to buffer_bytes_max, else WEFT_ELIMIT). WEFT_EOF: the peer ended in the middle. Waits:
 * see above. */
int weft_conn_exactly(weft_conn *c, size_t n, weft_str *out) WEFT_NODISCARD;

/* At most n bytes (n > 0) into your own memory, without a copy in between: how many, 0 at the end, < 0.
 * WEFT_EINVAL: n is 0. A read that is cancelled has written nothing there. Waits: see above. */
int64_t weft_conn_read_into(weft_conn *c, void *to, size_t n) WEFT_NODISCARD;

/* Writing. All bytes, in order: 0 when the system has taken them all, or a code; WEFT_EBUSY: another task is writing. A
 * write that is cancelled or times out may have sent a part: every later one then fails with WEFT_ECLOSED, since the
 * peer would misread it. Wait: while the peer is slow; now and then also when it is not. */
int weft_conn_write(weft_conn *c, weft_str bytes) WEFT_NODISCARD;
int weft_conn_write_n(weft_conn *c, const weft_str *pieces, size_t n) WEFT_NODISCARD;        /* at once, in order */
/* weft_conn_print(c, "%s %d\r\n", verb, 3): at most 64 KiB at a time, WEFT_ELIMIT beyond; then, and for
 * WEFT_ENOMEM, nothing was sent. Waits: as weft_conn_write. */
int weft_conn_print(weft_conn *c, const char *fmt, ...) WEFT_PRINTF(2, 3) WEFT_NODISCARD;

/* End our side: the peer reads to its end, and may go on to send (half close). Reading goes on as before; a
 * later write fails with WEFT_ECONNRESET. 0; WEFT_ECLOSED, WEFT_ECONNRESET: the peer has gone. Waits: never. */
int weft_conn_end(weft_conn *c);

/* The peer's address and our own, as text: "127.0.0.1:8000", "[::1]:8000", "unix:/run/x.sock"; "unix:" for the one end
 * that has no name. They live as long as the connection. Waits: never. */
weft_str weft_conn_peer(const weft_conn *c);
weft_str weft_conn_local(weft_conn *c);

/* Who the peer of a connection with TLS is: 1, when the handshake is over; 0 of one without. The codes of tls.h, WEFT_ENOMEM; WEFT_EBUSY:
 * another task reads. *out is untouched otherwise. Waits: for the handshake, which reads and writes make as well. */
int weft_conn_tls(weft_conn *c, weft_tls_peer *out) WEFT_NODISCARD;

/* ---- listeners ---- */

typedef struct weft_listener weft_listener;

/* Options of weft_listen; 0 takes the default. backlog: connections that wait to be accepted, 128. file_mode: of a unix
 * socket's file (0660), else what the umask leaves. conn: of each connection; its timeout_ms and tls say nothing. tls: the certificates
 * to show; everything is copied. A handshake is made by the first read or write of its connection, within that one's read_ms.  */
typedef struct weft_listen_opts {
    weft__named_options_only _;
    int backlog, file_mode;
    weft_conn_opts conn;
    weft_tls_server tls;
} weft_listen_opts;

/* Listen on an address of this machine ("127.0.0.1", "0.0.0.0", "::" for all that are IPv6, a name: the first of its
 * addresses that this machine has, or a unix socket); port 0: any free one, see weft_listener_port. The file of a unix socket is taken over if nobody listens
 * there any more, and removed at the end; no other kind of file is ever touched. 0; -EADDRINUSE, -EACCES, WEFT_EDNS ...
 * Waits: for a name; for another program that takes over a path in the same folder, at most a second.
 *
 *     WEFT_LISTENER(l);
 *     WEFT_TRY(weft_listen(&l, "127.0.0.1", 7000));  */
#define weft_listen(out, host, port, ...) weft_listen_with((out), (host), (port), &(weft_listen_opts){ __VA_ARGS__ })
int weft_listen_with(weft_listener **out, const char *host, int port, const weft_listen_opts *opts) WEFT_NODISCARD;

/* A listener that is freed at the end of the block; NULL until it is opened. */
#define WEFT_LISTENER(l) weft_listener *l __attribute__((cleanup(weft__listener_leave), unused)) = NULL
void weft__listener_leave(weft_listener **l);

/* The next connection; free it. WEFT_ECLOSED: the listener was closed; WEFT_EBUSY: another task is accepting; WEFT_ENOMEM,
 * or -EMFILE and -ENFILE: no descriptor was left, and the connection is gone. Cancelled, it leaks nothing: who had come
 * is still there. Waits: unless somebody has come. */
int weft_accept(weft_listener *l, weft_conn **out) WEFT_NODISCARD;

/* Accept until the listener is closed (0, when the last connection has ended) or this task is cancelled. Each connection
 * has a task of its own, which is cancelled and awaited with this one, and memory of its own (weft_alloc), given back at
 * its end; the connection is freed when `talk` returns. What `talk` returns is logged if it is a failure, but for peers
 * that went away. While connections_max (1 000) are open none is accepted: others wait in the backlog. ctx is handed to
 * `talk`. Without descriptors or memory it pauses for 100 ms and goes on. WEFT_EBUSY: another task is accepting;
 * WEFT_EINVAL: an option makes no sense. Waits: always.
 *
 *     static int talk(weft_conn *c, void *ctx) { ... }
 *     WEFT_TRY(weft_listener_serve(l, talk, .ctx = &state, .connections_max = 200));  */
typedef int weft_talk(weft_conn *c, void *ctx);
typedef struct weft_talk_opts {
    weft__named_options_only _;
    void *ctx;
    int connections_max;
    size_t memory_bytes_max;         /* of each connection's weft_alloc: 16 MiB */
} weft_talk_opts;
#define weft_listener_serve(l, talk, ...) weft_listener_serve_with((l), (talk), #talk, &(weft_talk_opts){ __VA_ARGS__ })
int weft_listener_serve_with(weft_listener *l, weft_talk *talk, const char *name, const weft_talk_opts *opts) WEFT_NODISCARD;

/* Where it listens, as text; its port, 0 for a unix socket. Waits: never. */
weft_str weft_listener_address(const weft_listener *l);
int weft_listener_port(const weft_listener *l);

/* As for connections: who waits in weft_accept gets WEFT_ECLOSED; the file of a unix socket goes, unless another one has taken
 * its place, or another program begins or ends to listen in its folder at that very moment: what is left there is taken over by who listens there next. Freed, no task may use it any more, but one that waits in it may still be on its way out. Connections that it
 * gave are yours and stay. NULL is none. Wait: never. */
void weft_listener_close(weft_listener *l);
void weft_listener_free(weft_listener *l);

/* ---- datagrams ---- */

/* An IPv4 or IPv6 address with its port: a value, to be copied. */
typedef struct weft_address { uint64_t opaque[4]; } weft_address;

/* The first address of a host. 0; WEFT_EDNS; WEFT_EINVAL: a unix socket, or a port that is not in 0 to 65535; WEFT_ETIMEDOUT
 * after 5 s. *out is untouched on failure. Waits: for a name.
 *
 *     WEFT_TRY(weft_address_of("127.0.0.1", 53, &to));  */
int weft_address_of(const char *host, int port, weft_address *out) WEFT_NODISCARD;
/* "127.0.0.1:53", living like weft_alloc's. Waits: never. */
weft_str weft_address_text(const weft_address *a);
/* The port, 0 to 65535; whether two have the same host and port. Wait: never. */
int weft_address_port(const weft_address *a);
bool weft_address_equal(const weft_address *a, const weft_address *b);

typedef struct weft_udp weft_udp;

/* datagram_bytes_max: the longest that is received whole, 65 535, which is all there are; its memory is taken at once.
 * timeout_ms: of a name's look-up, 5 000. */
typedef struct weft_udp_opts { weft__named_options_only _; int timeout_ms; size_t datagram_bytes_max; } weft_udp_opts;

/* A socket bound to an address of this machine, of a name to the first that it has; port 0: any free one. 0;
 * -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, WEFT_EDNS, WEFT_EINVAL (an option, a unix socket), WEFT_ENOMEM, -EMFILE. Waits: for a
 * name. RFC 768.
 *
 *     WEFT_UDP(u);
 *     WEFT_TRY(weft_udp_open(&u, "0.0.0.0", 5353));
 *     for (int rc; (rc = weft_udp_recv(u, &d)) != 0;) { WEFT_TRY(rc); WEFT_TRY(weft_udp_send_to(u, &d.from, d.bytes)); }  */
#define weft_udp_open(out, host, port, ...) weft_udp_open_with((out), (host), (port), &(weft_udp_opts){ __VA_ARGS__ })
int weft_udp_open_with(weft_udp **out, const char *host, int port, const weft_udp_opts *opts) WEFT_NODISCARD;

/* A socket that is freed at the end of the block; NULL until it is opened. */
#define WEFT_UDP(u) weft_udp *u __attribute__((cleanup(weft__udp_leave), unused)) = NULL
void weft__udp_leave(weft_udp **u);

/* From now on only datagrams of this peer are received, and weft_udp_send goes there. 0; WEFT_ECLOSED,
 * or a code of the system, as of an address of the other family. Again, with another peer, if you like. Waits: never. */
int weft_udp_connect(weft_udp *u, const weft_address *to) WEFT_NODISCARD;

/* Send one datagram, of 0 bytes too, to where it is connected or to an address. 0: it left; nobody knows whether it
 * arrives. -EMSGSIZE: it is too long; WEFT_ECONNREFUSED: an earlier one found nobody; WEFT_ECLOSED;
 * -EDESTADDRREQ: weft_udp_send without a peer. Waits: while the system's queue is
 * full. Several tasks may send. */
int weft_udp_send(weft_udp *u, weft_str bytes) WEFT_NODISCARD;
int weft_udp_send_to(weft_udp *u, const weft_address *to, weft_str bytes) WEFT_NODISCARD;

/* One datagram: its bytes live until the next weft_udp_recv. `size` is what was sent: `truncated` tells that it is more
 * than bytes.len, and the rest is lost. */
typedef struct weft_datagram { weft_str bytes; weft_address from; size_t size; bool truncated; } weft_datagram;

/* The next datagram: 1, or a code; WEFT_EBUSY: another task receives; WEFT_ECLOSED; WEFT_ECONNREFUSED: one that was sent
 * found nobody (connected sockets only), and the next call goes on. Cancelled, it takes none. Waits: until one comes. */
int weft_udp_recv(weft_udp *u, weft_datagram *out) WEFT_NODISCARD;

/* The port it is bound to. Waits: never. */
int weft_udp_port(const weft_udp *u);

/* Close it: who waits gets WEFT_ECLOSED, and so does whoever tries to later. Freed, no task may use it any more, but one that
 * waits in it may still be on its way out. Twice is once, NULL is none. Wait: never. */
void weft_udp_close(weft_udp *u);
void weft_udp_free(weft_udp *u);

/* ---- host names ---- */

/* Names that were looked up are remembered for a while, by all connections of a loop, those of the HTTP client too; many
 * tasks that ask for one name at the same time cause one look-up. The system's look-up tells no time to live, so the
 * time is this: keep_ms 30 000; of names that could not be looked up keep_failed_ms 1 000; -1 for none. names_max: 1 024, the one
 * that was unused for longest goes first. A name none of whose addresses answered is looked up anew.
 * For all loops that have not looked up a name yet: call it first. 0, or WEFT_EINVAL. Waits: never.
 *
 *     weft_dns_cache(.keep_ms = -1);        ask each time  */
typedef struct weft_dns_opts { weft__named_options_only _; int keep_ms, keep_failed_ms, names_max; } weft_dns_opts;
#define weft_dns_cache(...) weft_dns_cache_with(&(weft_dns_opts){ __VA_ARGS__ })
int weft_dns_cache_with(const weft_dns_opts *opts);
#endif
