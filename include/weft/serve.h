#ifndef WEFT_SERVE_H
#define WEFT_SERVE_H
/* An application on a socket. */
#include "weft/web.h"

/* Options of weft_serve; 0 takes the default named here. Each limit that a client passes is answered with the
 * limit's name in the body: 408 for time, 413 body, 414 target, 431 head and headers, 503 connections.  */
typedef struct weft_serve_opts {
    weft__named_options_only _;
    const char *host;                 /* "127.0.0.1"; "0.0.0.0" or "::" for every interface */
    int port;                         /* 8000; -1 any free one, which is printed */
    size_t head_bytes_max;            /* 16 KiB: request line and headers */
    size_t target_bytes_max;          /* 8 KiB */
    int headers_max;                  /* 100 */
    size_t body_bytes_max;            /* 1 MiB; a route may say otherwise */
    size_t request_bytes_max;         /* 16 MiB: all memory of one request (weft_alloc) */
    int head_timeout_ms;              /* 10 000 from a head's first byte to its last */
    int body_timeout_ms;              /* 30 000 from a head's end to its body's last byte */
    int idle_timeout_ms;              /* 75 000 between two requests */
    int write_timeout_ms;             /* 30 000 without the client taking a byte */
    int connections_max;              /* 10 000 */
    int grace_ms;                     /* 10 000 from SIGTERM until what still runs is cancelled */
    int hard_ms;                      /* 2 000 more until its connections are closed */
    bool quiet;                       /* print no line when it listens */
} weft_serve_opts;

/* Serve until SIGTERM or SIGINT, then stop gracefully: no new connections, requests in flight finish (each
 * answer closes its connection) within grace_ms, then they are cancelled, and after hard_ms more their
 * connections are closed; a second signal skips the grace. Returns the exit status: 0; 1 when it cannot listen
 * (said on stderr); 2 when the routes have faults, which are all printed at once.
 *
 *     int main(void) { return weft_serve(&app, .port = 8000); }  */
#define weft_serve(app, ...) weft_serve_with((app), &(weft_serve_opts){ __VA_ARGS__ })
int weft_serve_with(const weft_app *app, const weft_serve_opts *opts);
#endif
