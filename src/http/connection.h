#ifndef WEFT_SRC_HTTP_CONNECTION_H
#define WEFT_SRC_HTTP_CONNECTION_H
/* What the server's files share: a connection, the buffers it borrows, and the server. */
#include "base/buf.h"
#include "http/line.h"
#include "http/listen.h"
#include "http/pipe.h"
#include "http/server.h"
#include "io/stream.h"
#include "io/tls.h"
#include "os/fleet.h"
#include "wire/chunk.h"

typedef struct connection connection;
typedef struct weft__front weft__front;

/* The functions of http/server.h whose work depends on what is below; each does what it says there. `recv` is what a body
 * piece by piece is read by: > 0 bytes; 0, its end; or a code, that of the deadline too. It waits unless they are there. */
struct weft__exchange_ops {
    weft_str version;
    int (*body)(weft__exchange *x, size_t max, weft_str *body, const char **fault);
    ssize_t (*recv)(weft__exchange *x, void *to, size_t n, int64_t deadline_ns);
    void (*cancel_on_leave)(weft__exchange *x, bool cancels);
    int (*reply)(weft__exchange *x, int status, weft_str headers, weft_str body);
    void (*flush)(weft__exchange *x);
    int (*begin)(weft__exchange *x, int status, weft_str headers, int64_t length);
    int (*write)(weft__exchange *x, weft_str bytes);
    void (*will_flush)(weft__exchange *x);
    void (*add)(weft__exchange *x, weft_str bytes);
    bool (*beats)(weft__exchange *x);
    int (*end)(weft__exchange *x);
    void (*breaks)(weft__exchange *x);
    void (*upgrade)(weft__exchange *x, struct weft__pipe **out);     /* 101 has begun */
    bool (*left)(const weft__exchange *x);
    bool (*was_cut)(const weft__exchange *x);
    void (*cut)(weft__exchange *x);
};

/* A receive buffer with the head parsed from it: lent to a connection while it has bytes to look
 * at. */
typedef struct inbuf inbuf;
struct inbuf {
    inbuf *next;                         /* free ones */
    weft__http_head head;
    size_t at, have, room;               /* bytes[at..have) are still to be looked at */
    weft__http_header *headers;          /* behind the bytes */
    char bytes[];
};

/* Connections that wait for the same span of time, oldest first. */
typedef struct patience {
    weft__line line;
    int ms;
    weft__server *server;
    void (*over)(connection *c);
} patience;

/* HEAD: a head has begun and not ended. UPGRADED: its bytes are a pipe's. H2: it speaks HTTP/2 (h2.h). */
enum { CONNECTION_IDLE, CONNECTION_HEAD, CONNECTION_BUSY, CONNECTION_LINGER, CONNECTION_UPGRADED, CONNECTION_H2 };

struct connection {
    weft__stream stream;
    weft__server *server;
    weft__due due;                       /* in its patience, or among the busy ones */
    patience *waits;                     /* NULL: busy */
    inbuf *in;
    union {
        struct {
            char *partial;               /* the beginning of a head, while nobody works on it */
            size_t partial_len, partial_room, scanned;
        };
        struct {
            weft__pipe pipe;             /* of an upgraded one */
            bool pipe_over;              /* it is gone, and only a task still looks at the connection */
        };
    };
    weft__buf out; /* answers not sent yet; its room is the server's when empty */
    union {
        size_t chunk;                    /* where the size of the chunk at its end is to stand, and one; 0: none is open */
        struct weft__h2 *h2;             /* CONNECTION_H2 */
    };
    connection *next_unsent, *prev_unsent;
    weft_task *task;
    struct request *request;             /* being answered */
    union {
        size_t lingered;                 /* bytes that were dropped */
        int64_t head_since_ns;           /* among the slow heads: when it began */
    };
    uint8_t state;
    weft__peer peer;
    bool unsent, closing, rejected;
    bool talks;                          /* HTTP/1.1: a head has come */
    bool redirects;                      /* came to redirect_port: all it is told is where to go */
    bool cancels, cancelled;             /* the task, when the peer leaves; it was */
    bool ended; /* the peer has ended its side: no more requests, but it may still listen */
    bool left;                           /* nobody is there to be answered */
    bool sends;                          /* its task sends what is gathered, or has and not forgotten it yet: nobody else does */
    bool proxied;                        /* a header of the PROXY protocol is to come first */
    bool veiled;                         /* and TLS begins behind it */
    bool counted;                        /* among those of its address */
    bool shut;                           /* our side has ended */
    bool breaks;                         /* an answer is not whole: the end must not look like one */
};

/* A listener, as the server accepts from it. */
typedef struct weft__port { weft__watch watch; weft__server *server; int fd; bool redirects; } weft__port;

struct weft__server {
    weft_serve_opts opts;
    weft__http_limits limits;
    char known_host[64];                 /* what limits.known_host holds */
    weft__http_handler *handler;
    void *ctx;
    weft__loop *loop;
    weft__port ports[WEFT__FLEET_LISTENERS_MAX];
    weft__listened listened;             /* its own; none of a fleet's */
    int port_count, port;                /* port: the number of the first */
    int redirect_port;                   /* 0: none */
    weft__tls_server *tls;               /* NULL: none */
    weft__front *front;                  /* front.h; NULL: nothing asks for one */
    weft__fleet *fleet;                  /* with whom it shares its listeners; NULL: with nobody */
    uint32_t *told_connections;          /* where others read how many it has; `untold` when there are no others */
    uint32_t untold;
    weft__timer accept_again;            /* runs while accepting pauses, and nothing watches */
    bool accept_fails;                   /* as it last did, which was said */
    bool stands_back;                    /* accepting pauses, because others have fewer connections */
    weft_scope scope;
    bool scope_entered, unready, stopping, hurry;
    bool patient;                        /* it stops, and whoever is connected may ask once more before that ends him */
    weft__fiber *runner;                 /* in weft__server_run */
    unsigned connections, rejected; /* all; those of them that are only told they are too many */
    patience idle, heads, lingers;
    patience slow_heads;                 /* heads that have taken rate_grace_ms: looked at again and again */
    int64_t byte_ns;                     /* the time that a byte may take; 0: any */
    weft__line busy;                     /* these have no common time, and no timer */
    connection *unsent;
    inbuf *inbufs;
    unsigned inbufs_free;
    weft__buf spare_out, scratch;
    struct spare_piece *pieces;          /* of WEFT__PIECE_BYTES, that nobody uses */
    unsigned pieces_free;
    struct h2_stream *h2_spare;          /* of requests of HTTP/2, kept for the next */
    unsigned h2_spares;
    weft__hook flush;
    char date[WEFT__HTTP_DATE];
    int64_t date_until_ns;
};

/* How long so many bytes may take of a client to whom `grace_ms` (0: rate_grace_ms) is given beside; for ever when no rate is asked. */
static inline int64_t weft__server_rated_ns(const weft__server *s, int grace_ms, uint64_t bytes)
{
    if (!s->byte_ns || bytes > (uint64_t)(INT64_MAX / 4 / s->byte_ns)) return INT64_MAX / 4;
    return (grace_ms ? grace_ms : s->opts.rate_grace_ms) * INT64_C(1000000) + (int64_t)bytes * s->byte_ns;
}

/* A body that its client sends: since when, until when at the latest, and what has come of it since then. */
typedef struct weft__coming { int64_t since_ns, until_ns; uint64_t bytes; } weft__coming;
weft__coming weft__body_coming(const weft__server *s);
/* Until when the next of it must come. Whoever lets that pass is told why. */
int64_t weft__coming_until(const weft__server *s, const weft__coming *b);
const char *weft__coming_late(const weft__server *s, const weft__coming *b);

/* options.c: given ones with their defaults; 0, or WEFT_EINVAL with the reason in `why` (256 bytes) */
int weft__server_options(weft_serve_opts *out, const weft_serve_opts *given, char *why);

enum { WEFT__OUT_BYTES_MAX = 1 << 20 };  /* of answers gathered on one */

/* connection_open.c */
connection *weft__connection_open(weft__port *p, int fd, const weft__addr *peer);     /* NULL: no memory, and fd is closed */

/* connection_end.c */
/* And free it; from its own task or the loop's stack. */
void weft__connection_close(connection *c);
/* The peer is let end its own side, or is not there any more. */
void weft__connection_linger(connection *c);
void weft__connection_lingers(connection *c);    /* something has come meanwhile */
/* Answer one that no task works on, and close it when the peer has the answer. */
void weft__connection_refuse(connection *c, int status, const char *why);
/* The same for one that was just opened and is one too many: in a crowd of such it is closed. */
void weft__connection_turn_away(connection *c, int status, const char *why);
/* The same for one just accepted. */
void weft__connection_reject(weft__port *p, int fd, const weft__addr *peer, int status, const char *why);

/* connection.c */
void weft__connection_edge(weft__stream *stream, uint32_t events);
/* The server stops: answer what one that waits has sent already, or close it. */
void weft__connection_part(connection *c);
/* What can be sent without waiting; false: the peer is gone. */
bool weft__connection_flush(connection *c);
/* All of out, then body; < 0: the peer has left, or is taken for it. Waits. */
int weft__connection_send(connection *c, weft_str body);
/* Have what is in out sent, by this task at its end or by the hook before the next poll. */
void weft__connection_mark(connection *c);
void weft__connection_unmark(connection *c);
/* Its buffer for answers, with the server's spare room. */
weft__buf *weft__connection_out(connection *c);
/* All of out has gone. */
void weft__connection_sent(connection *c);
void weft__connection_forget_partial(connection *c);
/* It waits in p from now on; NULL: it is busy. False: it is closed for want of memory. */
bool weft__connection_waits(connection *c, patience *p);
/* Have a request answered, unless there is too much to do; for a server with a front. */
void weft__front_answer(weft__server *s, struct request *r);
/* A receive buffer with what had come of a head: c->in. False: no memory. */
bool weft__connection_in(connection *c);
/* Cancel its task; what that says then is still sent. */
void weft__connection_cut(connection *c);
/* Cancel its task if the peer hung up and the task wants that. */
void weft__connection_hangup(connection *c);
void weft__inbuf_give(connection *c);
bool weft__patience_start(patience *p, connection *c);    /* false: no memory, and c is closed */
void weft__patience_stop(connection *c);
void weft__patience_over(weft__timer *);                 /* of its line: ends those whose time is over */
connection *weft__patience_first(const weft__line *), *weft__patience_next(const connection *);      /* NULL: none */

/* How an answer in parts is framed; NONE: there is none. */
typedef enum weft__framing {
    WEFT__FRAME_NONE,
    WEFT__FRAME_LENGTH,
    WEFT__FRAME_CHUNKS,
    WEFT__FRAME_CLOSE,
    WEFT__FRAME_NO_BODY
} weft__framing;

typedef struct weft__parts {
    weft__framing framing;
    int64_t length, left;                /* FRAME_LENGTH: in all, and to come; else -1, and less with each byte */
    bool until_stop;                     /* its handler is cancelled as soon as the server stops */
    size_t stuck_bytes;                  /* that the peer did not take when it was last looked at */
    int64_t stuck_ns;                    /* since when */
} weft__parts;

/* The parser knows limits; what the server's options call the one that was passed, or the fault. */
const char *weft__limit_passed(const weft__http_head *head);

/* exchange.c; its body, trailers and drain: exchange_body.c */
struct request {                                         /* one request's part of its coroutine */
    weft__exchange x;
    connection *c;
    weft__chunk chunk;
    weft_str trailers;                                   /* that came, in the arena */
    int64_t body_left; /* of a body with a length, not yet taken from the socket or buffer */
    weft__http_body body;
    bool is_head, keep_alive, expects, body_done, head_kept;
    int minor;
    char name[64]; /* "GET /items/42" once the head's bytes were given away, for the log */
    size_t name_len;
    weft__parts parts;
    weft__peer peer;                     /* the client that a trusted proxy tells of */
    bool has_peer;
    weft__pace pace;                     /* of its answer */
};
/* More bytes of its body, and perhaps of what is behind, into the connection's receive buffer, which is used up, or which it lends out
 * while it waits (c->in is looked at anew behind the call). A client that waits for "100 Continue" is told to send. How many; WEFT_ENOMEM; the
 * code of a timeout or of a client that left. Waits: unless they are there. */
ssize_t weft__request_refill(struct request *r, int64_t deadline_ns);
/* redirect.c: answers 308, to the same URL by https; 400 without a host. RFC 9110, 15.4.9 */
void weft__request_redirect(struct request *r);
/* The text of an address, as weft__exchange_peer. */
size_t weft__peer_text(const weft__peer *p, char to[WEFT__PEER_ROOM]);
#define WEFT__TRAILERS_TOO_LARGE "the trailers are more, or larger, than a head's fields may be"
/* A body in chunks begins: what may come of trailers, and where they go. */
void weft__request_take_trailers(const struct request *r, weft__chunk *chunk, weft__buf *lines);
/* It has ended. False: no memory for them, or past request_bytes_max. */
bool weft__request_keep_trailers(struct request *r, const weft__buf *lines);
/* What it is called in the log. */
weft_str weft__request_name(struct request *r);
/* After the handler: has the body been read, or can the rest be dropped? false: the connection must
 * close. */
bool weft__request_drain(struct request *r);
/* Would it be, if its handler left it unread? */
bool weft__request_can_drain(const struct request *r);
typedef struct weft__answer_head {
    int status;
    weft_str headers;
    size_t body_bytes;
    bool length, close, keep_alive_10, chunked;
} weft__answer_head;
void weft__answer_put_head(weft__server *s, weft__buf *out, const weft__answer_head *h);
/* May this connection carry another request behind the answer that begins now? */
void weft__request_settle(struct request *r);
void weft__server_write_error(
    weft__server *s, weft__buf *out, int status, const char *why, bool close);
weft_str weft__server_date(weft__server *s);
/* The scratch buffer, when a body in it has to wait: it is another's meanwhile. */
bool weft__scratch_has(const weft__server *s, weft_str body);
weft__buf weft__scratch_take(weft__server *s);
void weft__scratch_give(weft__server *s, weft__buf *mine);

/* upgrade.c */
/* The task that upgraded it leaves it, and does not look at it again. */
void weft__connection_upgraded(connection *c);
/* Of all that are: tell their pipes. */
void weft__server_tell_pipes(weft__server *s, uint32_t event);

/* parts.c */
void weft__server_drop_pieces(weft__server *s);
/* The chunk at the end of out is complete: before anything of it is sent. */
void weft__chunk_shut(connection *c);
#endif
