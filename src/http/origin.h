#ifndef WEFT_SRC_HTTP_ORIGIN_H
#define WEFT_SRC_HTTP_ORIGIN_H
/* The client's connections: kept and shared by a whole loop, found by origin in O(1), most recently
 * used first.
 *
 * A connection is idle (watched: one that the peer ends or speaks on is closed at once), or busy
 * (it belongs to one call), or spare (closed, its memory kept). Whoever takes one gives it back by
 * keep or drop, whatever happens; it then goes to whoever has waited longest, or becomes idle, or
 * spare. Nothing is allocated once as many connections were open at a time as are now. */
#include "http/line.h"
#include "io/stream.h"
#include "io/tls.h"
#include "weft/client.h"
#include "wire/http1.h"
#include "wire/url.h"

/* Set in weft__client.limits before the first call; the defaults are those of weft__client_of, unless
 * weft_client_limits has set others. */
typedef struct weft__client_limits {
    unsigned origin_max;             /* connections to one origin: 100 */
    unsigned total_max;              /* connections of the loop: 1 000 */
    unsigned origins_max;            /* origins known: 1 024; unused ones are forgotten first */
    int idle_ms;                     /* how long one may be idle: 30 000, less than servers allow */
} weft__client_limits;

typedef struct weft__client weft__client;
typedef struct weft__origin weft__origin;
typedef struct weft__conn weft__conn;
typedef struct weft__slot_waiter weft__slot_waiter;
typedef struct weft__slot_queue { weft__slot_waiter *first, *last; } weft__slot_queue;

typedef struct weft__lane_waiter weft__lane_waiter;

typedef enum { WEFT__CONN_SPARE, WEFT__CONN_BUSY, WEFT__CONN_IDLE } weft__conn_state;

struct weft__conn {
    weft__stream stream;             /* first; fd -1: to be opened */
    weft__origin *origin;
    weft__conn *next, *prev;         /* idle: among those of its origin; spare: next alone */
    weft__due due;                   /* in a line: of the idle ones, or of those that ask */
    int64_t idle_until_ns;           /* an idle one is not used after it */
    int64_t since_ns;                /* busy or idle */
    const weft_task *holder;         /* of a busy one: in whose call; NULL: it may outlive that */
    const char *held_by;             /* then: the name of who began it */
    weft__conn_state state;
    bool used;                       /* it has carried an answer: by now it may be closed */
    struct weft__lane *lane;         /* of a call over HTTP/2: its share of another connection; NULL: it is one itself */
    struct weft__link *link;         /* what has this one for HTTP/2; NULL: nothing */
    weft__conn *all;                 /* the next one of the client's */
};

/* Which HTTP: ANY: the server is to be asked (ALPN); TWO: it chose HTTP/2 last time; TWO_ALONE: nothing else will do. */
enum { WEFT__SPEAKS_ONE, WEFT__SPEAKS_ANY, WEFT__SPEAKS_TWO, WEFT__SPEAKS_TWO_ALONE };

struct weft__origin {
    weft__client *client;
    weft__origin *next;              /* in its bucket */
    weft__conn *idle;                /* the newest first */
    weft__slot_queue waiters;           /* for one of this origin's own connections, longest first */
    unsigned conns;                  /* idle and busy */
    unsigned waiting;                /* calls, in either queue */
    struct weft__link *links;        /* its connections that speak HTTP/2 */
    bool lanes_told;                 /* its server has said how many it takes on one of them */
    uint32_t lanes_max;              /* ... which is this */
    weft__lane_waiter *lane_waiters; /* calls for room on one of them, longest first */
    bool connects;                   /* ... and that it takes WebSockets on it */
    uint8_t speaks;                  /* of http: ONE, whatever calls that say ALWAYS do */
    int port;
    weft_str host;                   /* NUL-terminated, for the resolver */
    weft__tls_client *tls;           /* https with these settings: what it is found by, too; NULL: http */
    weft__tls_session session;       /* to be taken up again */
    weft_str authority;              /* host[:port] as written: what it is found by */
    weft_str lines;                  /* behind a target: " HTTP/1.1\r\nHost: ...\r\n..." */
    char text[];
};

enum {
    WEFT__ORIGIN_BUCKETS = 256,
    WEFT__CLIENT_IN = 64 * 1024,
    WEFT__CLIENT_HEADERS = 100,      /* header lines of an answer */
    WEFT__CLIENT_READ_MS = 30000,    /* between two reads, unless the caller says otherwise */
    WEFT__CLIENT_CONNECT_MS = 5000   /* until a connection is there, likewise */
};

struct weft__client {
    weft__loop *loop;
    weft__client_limits limits;
    uint64_t seed;
    weft__origin *buckets[WEFT__ORIGIN_BUCKETS];
    unsigned origins, conns;         /* conns: idle and busy of all origins */
    weft__conn *spare, *all;         /* all: whatever they do, for telling who holds them */
    weft__line idle, asking;         /* connections */
    weft__line waiting;              /* calls in a queue, with the usual deadline */
    weft__slot_queue starved;           /* those whose origin has room, but the loop has none */
    uint64_t opened, retried;        /* how often since the start */
    weft__hook links_flush;          /* sends what is gathered on connections of HTTP/2, before the loop waits */
    struct weft__link *links_unsent;
    weft__line parting;              /* WebSockets over HTTP/2 that were left: until when their servers may end them */
    bool links_hooked;
    weft_http2 http2;                /* of calls that do not say */

    /* Good between two waits only: what a call has not done with by then, it copies. */
    weft__buf out;                   /* a request on its way out */
    weft_str path, query;            /* its target, in `out`; query.ptr NULL: none besides path's */
    weft__tls_client *tls[WEFT_HTTP2_ALWAYS + 1];    /* with the program's settings, by what they may speak, once asked for; held */
    bool parts;                      /* what is to be said to TLS peers when the loop goes will be */
    char *in;                        /* WEFT__CLIENT_IN bytes that came */
    weft__http_header headers[WEFT__CLIENT_HEADERS];
};

/* client_settings.c: what weft_client_limits was told, with the defaults for the rest. */
const weft_client_opts *weft__client_settings(void);
weft__client_limits weft__client_limits_set(void);

/* The loop's client, made at first use. 0 or WEFT_ENOMEM. Waits: never. */
int weft__client_of(weft__loop *loop, weft__client **out);

/* The origin found before by this very host[:port] and TLS (NULL: none), or NULL. Waits: never. */
weft__origin *weft__origin_known(const weft__client *client, weft_str authority, const weft__tls_client *tls);

/* How https is spoken with these settings, or with those of the program when they say nothing, and which HTTP is offered: DEFAULT:
 * either. 0, or a code with `why`. Waits: never. */
int weft__client_tls(weft__client *client, const weft_tls_client *opts, weft_http2 http2, weft__tls_client **out, char why[WEFT__TLS_WHY]);

/* The origin of a URL, with `tls` as it came for http2. It is good as long as the caller has or awaits a connection of it. 0,
 * WEFT_ENOMEM, or WEFT_ELIMIT: origins_max of them have connections. Waits: never. */
int weft__origin_find(weft__client *client, const weft__url *url, weft__tls_client *tls, weft_http2 http2, weft__origin **out);

/* An idle connection, open as far as is known; NULL when there is none. Waits: never. */
weft__conn *weft__conn_take(weft__origin *o);

/* A connection, open or to be opened; within the limits, in order of the calls. 0; WEFT_ENOMEM;
 * WEFT_ETIMEDOUT; or the code of a cancel. INT64_MAX stands for the usual deadline, of WEFT__CLIENT_CONNECT_MS from now,
 * which costs no timer of its own. Waits: while the limits are reached. */
int weft__conn_wait(weft__origin *o, int64_t deadline_ns, weft__conn **out);

/* Open it; it must be closed. 0 or a code, *why a static text or NULL. Waits: always. */
int weft__conn_open(weft__conn *c, int64_t deadline_ns, const char **why);

void weft__conn_close(weft__conn *c);        /* ... but keep its place. Waits: never. */

/* Give it back: to be used again within keep_ms (0: as long as the limits say), or to be closed.
 * Waits: never. */
void weft__conn_keep(weft__conn *c, int keep_ms);
void weft__conn_drop(weft__conn *c);

/* The call of c now waits for its answer, at most WEFT__CLIENT_READ_MS: then who reads from it is
 * woken with WEFT_ETIMEDOUT. For the usual deadline, which costs no timer of its own. False: no
 * memory, and nothing will happen. conn_answered ends it. Waits: never. */
bool weft__conn_asks(weft__conn *c);
void weft__conn_answered(weft__conn *c);

/* Which limit holds calls to this origin up, and who has the connections: "all 100 connections to
 * 127.0.0.1:9001 (limit per origin) are in use, by compare (61), report (39), for up to 4 900 ms".
 */
void weft__origin_describe(const weft__origin *o, weft__buf *out);

/* ---- of any call ---- */

/* A URL put together (client_request.c). 0, or WEFT_EINVAL with `fault`. Waits: never. */
int weft__url_fill(const char *url, const weft_val *values, size_t count, weft__buf *out, char fault[WEFT__URL_FAULT]);

/* What a text of the peer's begins with, for a person to read: one line without control characters;
 * its length. */
int weft__call_excerpt(weft_str body, char *to, int max);
#endif
