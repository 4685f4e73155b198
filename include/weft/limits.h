#ifndef WEFT_LIMITS_H
#define WEFT_LIMITS_H
/* Where a server listens, and what it bears. */
#include <stdbool.h>
#include "weft/base.h"
#include "weft/tls.h"

/* Options of weft_serve; 0 takes the default named here, and one that makes no sense (negative, say) is refused
 * at the start, by its name. Each limit that a client passes is answered with the limit's name in the body: 408
 * for time, 413 body, 414 target, 431 head and headers, 503 connections.  */
typedef struct weft_serve_opts {
    weft__named_options_only _;
    const char *host;                 /* "127.0.0.1", which "localhost" means too; "0.0.0.0" or "::" for every interface; "unix:/run/x.sock", a unix
                                         socket, whose file is taken over when nobody listens there, and removed at the end, unless another program has
                                         it by then; one that starts or ends in the same folder just now is waited for, at most a second */
    int port;                         /* 8000; -1 any free one, which is printed */
    const char *also;                 /* more addresses, with commas: "unix:/run/x.sock, [::1]:8000"; 15 at most. What systemd has opened
                                         (LISTEN_FDS) is taken instead of all of these */
    int unix_mode;                    /* of the files of unix sockets, 0660 say; what the umask leaves */
    size_t head_bytes_max;            /* 16 KiB: request line and headers; at most 1 GiB */
    size_t target_bytes_max;          /* 8 KiB; at most 1 GiB */
    int headers_max;                  /* 100; at most 1 000 000 */
    size_t body_bytes_max;            /* 1 MiB; a route may say otherwise */
    size_t request_bytes_max;         /* 16 MiB: all memory of one request (weft_alloc) */
    int head_timeout_ms;              /* 10 000 from a head's first byte to its last */
    int body_timeout_ms;              /* 30 000 from when a body is asked for to its last byte; of one that is read piece by piece, for each piece */
    int idle_timeout_ms;              /* 75 000 between two requests */
    int write_timeout_ms;             /* 30 000 without the client taking a byte */
    int rate_min;                     /* 1 024 bytes a second, to 1 000 000 000; -1: none. Whoever sends a head or a body, or takes an answer, more slowly is left, also
                                         when none of the times above is over: a head or body has rate_grace_ms and the time that what has come of it takes at this rate,
                                         an answer write_timeout_ms, of the time that is waited for the client, and what he has taken of it takes. Heads and bodies: 408 */
    int rate_grace_ms;                /* 10 000 until that is asked, or the time of a head or body where that is shorter */
    int connections_max;              /* 10 000 */
    int streams_max;                  /* 100 requests and WebSockets at a time on one connection of HTTP/2 (so connections_max alone does not bound WebSockets): who has been told and asks for more loses the
                                         connection. Handlers of requests that were taken back count while they run; what they leave no room
                                         for is refused (REFUSED_STREAM), and may be asked again. Bodies that are taken whole hold some 4 MiB of one
                                         connection together; beyond that one at a time goes on, and the time of the others does not run */
    bool no_http2;                    /* HTTP/1.1 alone. Else, where weft was built with libnghttp2, HTTP/2 is offered to who comes with TLS (ALPN), before
                                         HTTP/1.1; without TLS a connection that begins with HTTP/2's preface speaks it. RFC 9113, 3.2 and 3.3 */
    bool no_http1;                    /* HTTP/2 alone: without TLS other requests are answered 505, with TLS who offers only others is refused.
                                         The port that redirects speaks HTTP/1.1 all the same */
    int unready_ms;                   /* none: from SIGTERM until the stop begins, all is served and WEFT_READY says no,
                                         so that a balancer sends nobody any more. A signal meanwhile ends it */
    int grace_ms;                     /* 10 000 from there until what still runs is cancelled. A signal meanwhile skips the rest of it */
    int hard_ms;                      /* 2 000 more until its connections are closed, but for those whose providers are being closed: they have
                                         their close_timeout_ms. Nothing skips it. What it all adds up to: serve.h */
    int background_max;               /* 1 000 background tasks that wait to start or run */
    int background_ms;                /* 10 000 more, when no request is left, until those that still run are cancelled, and have hard_ms to
                                         end. A signal that skips grace_ms skips this, too */
    int watchdog_ms;                  /* 100: what holds the loop for longer is named in the log while it does; -1: off.
                                         The environment's WEFT_WATCHDOG_MS, if set, counts instead (0: off) */
    int connections_per_address_max;  /* none: of one address, IPv6 ones of one /64 together; trusted proxies as many as they like. Each worker counts its own */
    int concurrency_max;              /* none: requests with their handlers at a time (a worker's); beyond that 503 with Retry-After, at once; of whatever route, those of
                                         weft_health and its like among them */
    int shed_lag_ms;                  /* none: while the loop is late by more, a part of the requests is answered 503 with Retry-After at once: an eighth more of
                                         them every 50 ms, and again fewer when it is not late any more */
    const char *trusted_proxies;      /* nobody. "10.0.0.0/8, 2001:db8::1, unix": whose word on who the client is, on https and on the host counts. They must set or remove
                                         all headers that tell it, named below: one that they let through is a client's own word */
    bool proxy_protocol;              /* those begin each connection with a header of the PROXY protocol, 1 or 2, also before TLS, and are left without it */
    bool forwarded;                   /* they say it in Forwarded (RFC 7239); else in X-Forwarded-For, -Proto and -Host. The other ones are left out */
    int workers;                      /* processes that serve, under a supervisor (serve.h): 2 to 64, or -1 for one a processor; 0 and 1: this
                                         process alone. The environment's WEFT_WORKERS, if set, counts instead ("auto": -1) */
    int stuck_ms;                     /* 30 000: a worker whose loop has not turned for so long is replaced; -1: never */
    int max_requests;                 /* none: a worker that has answered so many, or up to a tenth fewer, is replaced by a new one */
    const char *user;                 /* nobody else: workers become this user, with his groups; the supervisor stays who it is, and opens the ports */
    bool sandbox;                     /* workers execute no program and change no file but below sandbox_folders (Landlock, seccomp), and change no
                                         rights, owners, times or attributes of any; a machine that cannot do that is told, and nothing is served. Reading and
                                         the network stay as they are */
    const char *sandbox_folders;      /* none, with commas: "/var/lib/shop, /tmp"; where uploads are kept, for one */
    weft_tls_server tls;              /* certificates to show: TLS is spoken, and redirect_port sends plain HTTP there; tls.h */
    bool quiet;                       /* print no line when it listens */
    bool inspect;                     /* other programs of this user may ask what each task does: see inspect.h */
} weft_serve_opts;
#endif
