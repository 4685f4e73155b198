#ifndef WEFT_SRC_HTTP_SERVER_H
#define WEFT_SRC_HTTP_SERVER_H
/* The HTTP server: connections, requests, replies; knows nothing of routes. An idle connection
 * holds neither a coroutine nor a buffer; a request takes both from pools. */
#include "base/arena.h"
#include "task/loop.h"
#include "weft/limits.h"
#include "wire/http1.h"

typedef struct weft__server weft__server;
struct weft__fleet;

/* What is still to be done for a request once its answer is on its way: by the handler, last of all. */
typedef struct weft__after weft__after;
struct weft__after { void (*run)(weft__after *); weft__after *next; };

/* One request being answered, on a coroutine of its own. */
typedef struct weft__exchange weft__exchange;

/* Who takes an answer before it goes to the connection. Its functions are called in place of weft__exchange_reply and its
 * like, with what those were given. To send, it sets x->taker to NULL around the call. `flush`: what is gathered goes out now, whatever
 * belongs to it is to be added. It and `beat` run on the loop's own stack. */
typedef struct weft__taker weft__taker;
struct weft__taker {
    int (*reply)(weft__taker *t, int status, weft_str headers, weft_str body);
    int (*begin)(weft__taker *t, int status, weft_str headers, int64_t length);
    int (*write)(weft__taker *t, weft_str bytes);
    void (*beat)(weft__taker *t, weft_str bytes);
    int (*end)(weft__taker *t);
    void (*flush)(weft__taker *t);
};

/* How an exchange is carried that is not on a connection of HTTP/1.1: what each function of this header does there. */
typedef struct weft__exchange_ops weft__exchange_ops;

/* What is to run when a request has been answered: web/background.h. */
typedef struct weft__afterwards {
    struct weft__background *newest;
    uint64_t mark;                       /* which request it is, for the report of a crash; 0: not known */
} weft__afterwards;
struct weft__exchange {
    const weft__http_head *head;     /* its slices are good until weft__exchange_detach */
    weft_arena *arena;               /* of the request, also the current one of the task */
    weft__taker *taker;              /* NULL: none */
    const weft__exchange_ops *ops;   /* NULL: HTTP/1.1 */
    void *session;                   /* of middleware; NULL: none */
    weft_str id;                     /* of the request, by middleware; empty: none */
    weft_str trailers;               /* what weft__exchange_end sends behind the body: whole lines, good, in the arena; empty: none */
    int64_t told_ns;                 /* when its answer was there, by the loop's clock, as the access log has it; 0: it has not */
    int failed;                      /* the code that the answer tells of, or broke off with; 0: none */
    weft__after *after;              /* in this order; NULL: nothing */
    bool replied;
    bool connects;                   /* an extended CONNECT of HTTP/2 asked for it: RFC 8441 */
    bool upgraded;                   /* its bytes are a pipe's */
    bool broken;                     /* of the answer something is lacking that its client waits for: memory gave out, or it broke off */
    uint16_t status;                 /* of the answer, as it went; 0: none has */
    const char *forwarded_scheme;    /* "https" or "http", as a trusted proxy says; NULL: none does */
    weft__afterwards afterwards;
    int64_t closes_until_ns;         /* what this request depended on is being closed, and has time until then; 0: nothing is */
};

/* Answers one request: must call weft__exchange_reply once; runs on the request's coroutine and may
 * wait. */
typedef void weft__http_handler(void *ctx, weft__exchange *x);

/* The whole body, at most max bytes, read and with its chunks joined; good until
 * weft__exchange_detach. An empty text when there is none. WEFT_STATUS(413), (408), (400), (503: no
 * memory) with *fault a static text naming the limit: reply with it. Without *fault the client has
 * ended its side (WEFT_EOF) or broken off, or this task is cancelled. Answers "Expect:
 * 100-continue" first. Waits: until the body is there. */
int weft__exchange_body(weft__exchange *x, size_t max, weft_str *body, const char **fault);

size_t weft__exchange_body_max(const weft__exchange *x);      /* the server's body_bytes_max */

/* The request's trailers, as whole lines (wire/trailer.h), which live as long as it; empty before its body has been read to its end, and when
 * there are none. */
weft_str weft__exchange_trailers(const weft__exchange *x);
/* How many bytes of them, and how many, may come or be sent. */
size_t weft__exchange_trailer_bytes_max(const weft__exchange *x);
unsigned weft__exchange_trailers_max(const weft__exchange *x);

/* The body piece by piece instead, of at most max bytes; nothing of it is read before it is asked
 * for. 0, or WEFT_STATUS(413), (503) with *fault as above. In the arena, but for its buffers:
 * intake_end follows before the request ends. Waits: never. */
typedef struct weft__intake weft__intake;
int weft__exchange_intake(
    weft__exchange *x, size_t max, weft__intake **out, const char **fault);
void weft__intake_end(weft__intake *i);
/* Some bytes; the next line, of line_max bytes at most. 1; 0 at the end; < 0 a code, recorded:
 * WEFT_STATUS(413), (408), (400), (503); WEFT_ECONNRESET; WEFT_ELIMIT for a line, which stays;
 * WEFT_EBUSY; or that of a cancel. What they yield has a NUL behind it and is good until the next
 * step. Wait: unless the bytes are there. */
int weft__intake_read(weft__intake *i, weft_str *out);
int weft__intake_line(weft__intake *i, size_t line_max, weft_str *out);
uint64_t weft__intake_lines(const weft__intake *i);  /* how many lines were given */
weft_arena *weft__intake_item(weft__intake *i);      /* for what the next item holds; empty */

/* Nothing of the head or body is needed any more (copy what is: weft__exchange_keep_head): the
 * receive buffer goes back to the pool unless pipelined requests are left in it. Call before what
 * may wait. */
void weft__exchange_detach(weft__exchange *x);
/* Copy the head into the arena, so that x->head survives detach; once is enough. 0 or WEFT_ENOMEM. */
int weft__exchange_keep_head(weft__exchange *x);

/* What has come behind the head so far, not looked at yet: of the body, and perhaps of requests behind it. Good until the
 * next step. Waits: never. */
weft_str weft__exchange_peek(const weft__exchange *x);

/* An address without its port: as few bytes as an idle connection should have. */
typedef struct weft__peer { uint8_t family, bytes[16]; } weft__peer;     /* AF_INET, AF_INET6, or any other */
const weft__peer *weft__exchange_peer_raw(const weft__exchange *x);
/* The address that the request came from, without its port: "192.0.2.1", "2001:db8::1"; "unix" of a unix socket. A NUL
 * follows. How many bytes. */
enum { WEFT__PEER_ROOM = 46 };
size_t weft__exchange_peer(const weft__exchange *x, char to[WEFT__PEER_ROOM]);

/* Did it come by TLS? And who then is its client: 1; 0 without TLS; WEFT_ENOMEM. Wait: never. */
bool weft__exchange_tls(const weft__exchange *x);
struct weft_tls_peer;
int weft__exchange_tls_peer(const weft__exchange *x, struct weft_tls_peer *out);

/* From here on: does the client's leaving cancel this request's task? */
void weft__exchange_cancel_on_leave(weft__exchange *x, bool cancels);

/* "HTTP/1.0", "HTTP/1.1" or "HTTP/2". */
weft_str weft__exchange_version(const weft__exchange *x);

/* The scope that the server's tasks are in: for one that works for many requests; cancelled when the server ends. */
weft_scope *weft__exchange_scope(const weft__exchange *x);

/* A buffer of the loop's for a body that is written and replied with without a wait in between;
 * empty. */
weft__buf *weft__exchange_scratch(weft__exchange *x);
/* Whoever takes an answer whose body lies there: a small one is copied into the arena, a large one keeps its buffer, which
 * becomes *kept (else untouched) until weft__exchange_drop. 0 or WEFT_ENOMEM. */
int weft__exchange_keep_body(weft__exchange *x, weft_str *body, weft__buf *kept);
void weft__exchange_drop(weft__exchange *x, weft__buf *kept);

/* Answer. `headers` are whole lines ("Name: value\r\n"), checked by whoever wrote them, without
 * Content-Length, Date and Connection. The body may lie in the scratch buffer; it is left out for
 * HEAD, 204, 205 and 304 (its length is not, for HEAD). Goes out with the batch's other answers. Waits:
 * when the client is slow. */
int weft__exchange_reply(weft__exchange *x, int status, weft_str headers, weft_str body);

/* Send of what was answered so far as much as goes without a wait. Waits: never. */
void weft__exchange_flush(weft__exchange *x);

/* ---- an answer in parts (parts.c) ---- */

/* Begin an answer whose body follows in parts: `length` bytes in all, or -1: however many come. Headers as for
 * weft__exchange_reply, which must not be called any more. Nothing is sent yet. 0, or a code: then no answer can be
 * given. Waits: never. */
int weft__exchange_begin(weft__exchange *x, int status, weft_str headers, int64_t length);
bool weft__exchange_begun(const weft__exchange *x);
/* Was it asked with HEAD? */
bool weft__exchange_is_head(const weft__exchange *x);
/* Has it no body (HEAD, 204, 205, 304)? All parts are left out then. */
bool weft__exchange_is_bare(const weft__exchange *x);
/* Can trailers be sent behind an answer of this length (-1: not known)? Else x->trailers are left out. */
bool weft__exchange_may_trail(const weft__exchange *x, int64_t length);
uint64_t weft__exchange_written(const weft__exchange *x);    /* bytes of the body in parts, so far */

/* The next part. What is gathered (WEFT__PART_BYTES at most) goes out together, before the next poll; a part that does
 * not fit in beside it waits until the peer has taken that, and a larger one until it has taken both. One task at a
 * time. 0; WEFT_ECONNRESET: the client has left; WEFT_ETIMEDOUT: it took nothing for write_timeout_ms; WEFT_EINVAL:
 * more than `length`; WEFT_ENOMEM; or the code of a cancel. After any of them nothing of the body is sent any more.
 * Waits: unless there is room. */
enum { WEFT__PART_BYTES = 16 * 1024 };
int weft__exchange_write(weft__exchange *x, weft_str bytes);

/* For parts that need not be kept until they have gone, because they can be made again, as those of a file: as many of the bytes as go now, 0
 * too, or a code as of weft__exchange_write; the rest is offered again when there is room, and whoever waits for that need hold none of it. Where
 * that cannot be (TLS, HTTP/2, middleware, an answer without a length), has_room says yes, and write_some waits until all of them went.
 * has_room and write_some wait: never, but for that; await_room: unless there is room. */
enum { WEFT__PIECE_BYTES = 32 * 1024 };
bool weft__exchange_has_room(const weft__exchange *x);
int weft__exchange_await_room(weft__exchange *x);
ssize_t weft__exchange_write_some(weft__exchange *x, weft_str bytes);
/* Memory of the server's to make `bytes` of them in, WEFT__PIECE_BYTES or, where very many ask, *room of it, which is the caller's until it is given back (NULL is
 * nothing). NULL: no memory, or no room for as much as `bytes` in what the request may take. Wait: never. */
char *weft__exchange_piece(weft__exchange *x, size_t bytes, size_t *room);
void weft__exchange_piece_back(weft__exchange *x, char *piece, size_t room);

/* A few bytes between two parts, from the loop's own stack: dropped when the peer takes nothing at the moment, and
 * whoever takes nothing for write_timeout_ms is left, which cancels as weft__exchange_cancel_on_leave says. Waits: never. */
void weft__exchange_beat(weft__exchange *x, weft_str bytes);

/* The same past x->taker: for itself. */
int weft__exchange_write_out(weft__exchange *x, weft_str bytes);
void weft__exchange_beat_out(weft__exchange *x, weft_str bytes);
/* Of a taker that keeps bytes back: have its flush called before the loop next waits, and what that adds. Wait: never. */
void weft__exchange_will_flush(weft__exchange *x);
void weft__exchange_add(weft__exchange *x, weft_str bytes);
/* Would weft__exchange_beat be of use now? Whoever nobody takes anything from for too long is left here, too. */
bool weft__exchange_beats(weft__exchange *x);

/* The body is whole. 0, or a code: it is broken off, as less than `length` came (WEFT_EINVAL), or for want of memory (WEFT_ENOMEM). Waits:
 * never. */
int weft__exchange_end(weft__exchange *x);
/* It never will be: the connection is reset, so that the client sees no end. Waits: never. */
void weft__exchange_break(weft__exchange *x);

/* Nobody listens any more. */
bool weft__exchange_left(const weft__exchange *x);
/* Its connection has cancelled the task: the client has left, or has ended its own side alone. */
bool weft__exchange_cut(const weft__exchange *x);
/* This answer has no end of its own: its task is cancelled as soon as the server stops, or now if it does. */
void weft__exchange_until_stop(weft__exchange *x);
bool weft__exchange_stops(const weft__exchange *x);
/* It stops because it is replaced (weft__server_retire), and nobody is to notice. */
bool weft__exchange_retires(const weft__exchange *x);
/* The server stops, or says that it soon will. How many connections it has. */
bool weft__exchange_unready(const weft__exchange *x);
unsigned weft__exchange_connections(const weft__exchange *x);

/* ---- another protocol on its connection (upgrade.c) ---- */

/* Answer 101 with these headers, and give the connection's bytes to a pipe, which is the caller's from then on: over HTTP/2 it is 200 and the
 * stream's bytes, of a request that `connects`; middleware is told of 101 in either case. The pipe outlives the request, whose task goes on and must not use x to answer or to ask of the client any more (weft__exchange_left and its like).
 * Goes through x->taker as an answer in parts does. 0, or a code: nothing was answered, or WEFT_ECONNRESET: the client has left.
 * Waits: never. RFC 9110, 7.8; RFC 8441, 4 and 5 */
struct weft__pipe;
int weft__exchange_upgrade(weft__exchange *x, weft_str headers, struct weft__pipe **out);

/* ---- the server ---- */

enum { WEFT__HARD_MS = 2000 };       /* what hard_ms is unless said otherwise */

/* Listen. 0 or a code, with the reason in `why` (256 bytes). opts are copied, defaults filled in.
 * Call from a task. */
int weft__server_open(weft__server **out, const weft_serve_opts *opts, weft__http_handler *handler,
    void *ctx, char *why);
/* The same with the listeners of a fleet of processes, of which this one has a slot: connections are left to those who
 * have fewer. NULL: its own listener. */
int weft__server_open_in(weft__server **out, const weft_serve_opts *opts, struct weft__fleet *fleet, weft__http_handler *handler,
    void *ctx, char *why);
int weft__server_port(const weft__server *s);              /* of the first listener that has one */
/* "http://127.0.0.1:8000 and unix:/run/x.sock": of one with listeners of its own. */
void weft__server_where(const weft__server *s, char *to, size_t room);
int weft__server_redirect_port(const weft__server *s);       /* 0: none */
/* Serve until weft__server_stop or a cancel around; then the graceful stop of weft/limits.h. A
 * cancel around is one of the requests in flight, too: they have no grace. 0 or a code;
 * WEFT_ETIMEDOUT: some handlers do not end, they are named on stderr. Their scope then stays around
 * the calling task, which should end, and so should the program. Waits: always. */
int weft__server_run(weft__server *s);
/* Say to who asks that it is not ready any more, and serve on. Waits: never. */
void weft__server_unready(weft__server *s);
/* Begin the graceful stop; twice: skip grace_ms, and nothing else. Waits: never. */
void weft__server_stop(weft__server *s);
/* Begin a stop that nobody notices, for who is replaced: who is connected may ask once more, within grace_ms, and is then
 * told that the connection ends; whoever waits for a greeting is left to who serves on. Waits: never. */
void weft__server_retire(weft__server *s);
/* The same becomes a graceful stop after all: who asks nothing now is closed. Nothing happens to one that does not retire. Waits: never. */
void weft__server_unretire(weft__server *s);
/* After run has returned. What handlers that do not end still use is kept, for ever. */
void weft__server_free(weft__server *s);
#endif
