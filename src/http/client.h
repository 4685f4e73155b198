#ifndef WEFT_SRC_HTTP_CLIENT_H
#define WEFT_SRC_HTTP_CLIENT_H
/* One call of the client, in the caller's own task: origin.h gives the connection, client_request.c
 * sends, client_answer.c reads, client_error.c words what failed. */
#include "http/origin.h"
#include "wire/chunk.h"

enum {
    WEFT__CALL_HEAD_MAX = 16 * 1024,     /* bytes of the answer's head */
    WEFT__CALL_INTERIM_MAX = 16,         /* 1xx answers before the final one */
    WEFT__CALL_VALUES_MAX = 16
};

/* What was asked, and how far it has come. Lives on the caller's stack. */
typedef struct weft__call {
    weft__client *client;
    const weft_exchange_opts *opts;      /* with its defaults left at 0 */
    const char *method, *url;            /* url: the template */
    const weft_val *values;
    size_t value_count;
    weft__origin *origin;
    weft__conn *conn;                    /* busy with this call; NULL: none */
    int64_t started_ns, total_ns;        /* total_ns: when all must have ended */
    size_t came;                         /* so many bytes of the answer are in client->in */
    weft_str kept;                       /* the head of one that had to wait for its connection, in the task's arena; or NULL */
    weft_str head;                       /* of a request that did not go at once, kept or in client->out */
    size_t gone;                         /* so many bytes of it and of the body went */
    bool went;                           /* of the request, a byte may have gone out here */
    bool cut_short;                      /* the peer broke off before all of it had gone */
    bool broken;                         /* the connection ended, and not cleanly */
    bool timed;                          /* the caller gave deadlines: kept to the millisecond */
    bool streams;                        /* the request's body is sent piece by piece */
} weft__call;

/* What came. The body is good until the next wait, unless `kept` was asked for. */
typedef struct weft__answer {
    bool kept, kept_headers;             /* in: body and headers go to the task's arena */
    int status;
    bool reusable;                       /* the connection may carry another call */
    int keep_ms;                         /* for how long, 0: the peer does not say */
    weft_str body, location;             /* location: of a redirect */
    weft_header *headers;                /* when kept */
    size_t header_count;
    weft__buf head, own;                 /* what did not come at once */
    weft__buf trailers;                  /* when headers are kept: lines */
} weft__answer;

/* ---- client.c ---- */

/* Send the request and wait until the answer begins: 0, and c->came bytes of it are in client->in,
 * good until the next wait; or a code, recorded. weft__call_answered follows in any case. Waits:
 * always. */
int weft__call_ask(weft__call *c);

/* Read the whole answer, if rc is 0, and give the connection back. 0, whatever its status; a code,
 * recorded. weft__answer_free follows in any case. Waits: unless it came at once. */
int weft__call_answered(weft__call *c, int rc, weft__answer *a);

/* The same for an answer that came whole: WEFT__CALL_MORE, and nothing was done, when it did not.
 * Waits: never. */
enum { WEFT__CALL_MORE = 6 };
int weft__call_answered_now(weft__call *c, weft__answer *a);

/* ---- client_fetch.c ---- */

/* Read a part of the answer, JSON or for a weft_str any text, into *out. 0 or a code, recorded;
 * *out is then untouched. What it holds goes to the running task's arena. Waits: never. */
int weft__call_item(const weft__call *c, weft_str text, const weft_schema *schema, void *out);

/* ---- client_request.c ---- */

/* Check what the options say. 0 or WEFT_EINVAL, recorded. Waits: never. */
int weft__call_check(weft__call *c);

/* Put the URL together into client->out, find its origin. 0 or a code, recorded. Waits: never. */
int weft__call_locate(weft__call *c);

/* Between weft__call_locate and a wait for a connection: write the head into the task's arena, so that it need not be put
 * together again. Without memory nothing is kept, and it is. Waits: never. */
void weft__call_keep(weft__call *c);

/* The head, in the task's arena. 0 or a code, recorded. No wait since weft__call_locate, the first time. Waits: never. */
int weft__call_head(weft__call *c, weft_str *out);

/* The URL alone, for a text; the template when it cannot be put together. */
void weft__call_url(const weft__call *c, weft__buf *out);

/* Send it on c->conn; no wait since weft__call_locate, unless its head was kept. A peer that breaks off is no failure yet: it
 * may have answered (cut_short). 0; WEFT__CALL_UNSENT: weft__call_send_rest must follow before any
 * wait; or a code, recorded. Waits: never. */
enum { WEFT__CALL_UNSENT = 5 };
int weft__call_send(weft__call *c);

/* What the peer did not take at once. 0 or a code, recorded. Waits: until it has. */
int weft__call_send_rest(weft__call *c);

/* ---- client_upload.c ---- */

/* Does the caller give a body in pieces? */
static inline bool weft__call_may_stream(const weft_exchange_opts *o)
{
    return o->body_next || o->body_file;
}

/* Check what `own`, the call's own copy of its options, says of that body, and measure a file. 0 or
 * a code, recorded; c->streams is set. Before weft__call_ask. Waits: for a file. */
int weft__upload_begin(weft__call *c, weft_exchange_opts *own);

/* Behind the head: send the body. 0: what there is to say was said; WEFT__CALL_EARLY: the answer
 * has begun, c->came bytes of it are in client->in; or a code, recorded. Waits: always. */
enum { WEFT__CALL_EARLY = 3 };
int weft__upload(weft__call *c);

/* Content-Type and how the body is framed. */
void weft__upload_lines(const weft__call *c, weft__buf *out);

/* ---- client_trailers.c ---- */

/* A body in chunks begins: its trailers are kept in `lines`. Those of a lane that has ended, if there are any: into `lines`, fresh. */
void weft__call_keep_trailers(weft__chunk *chunk, weft__buf *lines);
void weft__call_lane_trailers(const weft__call *c, weft__buf *lines);
/* Hand them over, in the running task's arena. 0 or a code, recorded. */
int weft__call_trailers(const weft__call *c, const weft__buf *lines, weft_response *out);

/* Check the names of those to be sent; the line of the head that announces them; their lines, when the body has gone. 0 or a code, recorded. */
int weft__call_check_trailers(const weft__call *c);
void weft__call_announce_trailers(const weft__call *c, weft__buf *out);
int weft__call_write_trailers(const weft__call *c, weft__buf *lines);

/* ---- client_answer.c ---- */

/* How the end of this answer's body is found. On a lane the end of the stream tells it, and if trailers are announced it is waited for, also
 * behind a body whose length is known. */
weft__http_body weft__answer_kind(const weft__call *c, const weft__http_head *head);

/* Read the whole answer, of which c->came bytes are there. 0 or a code, recorded. Waits: unless it
 * came at once. */
int weft__answer_read(weft__call *c, weft__answer *a);

/* The same when all of it is there and its length is known; else WEFT__CALL_MORE, and nothing was
 * done. Waits: never. */
int weft__answer_now(weft__call *c, weft__answer *a);

/* Its head alone: 0, with `come` what came behind it, good until the next wait. */
int weft__answer_head(weft__call *c, weft__answer *a, weft__http_head *head, weft_str *come);

/* More bytes of it: > 0; 0 when the connection has ended (c->broken: not cleanly); < 0 a code,
 * recorded. Waits: unless they are there. */
ssize_t weft__call_more(weft__call *c, void *to, size_t n, const char *doing);

/* The first receive ended with rc <= 0. A code, recorded; or WEFT__CALL_STALE, nothing recorded: a
 * connection that has been used before ended before a byte of the answer came. */
enum { WEFT__CALL_STALE = 1 };
int weft__call_no_answer(weft__call *c, int rc) WEFT__COLD;
void weft__answer_free(weft__answer *a);

/* ---- client_error.c ---- */

/* Record "GET http://host/path: ", then the text, with the HTTP status that suits the code (502 for
 * what the upstream does, 504 for deadlines); returns the code. The second is for what a limit of
 * ours holds up: 503. */
int weft__call_fail(const weft__call *c, int code, const char *fmt, ...)
    WEFT_PRINTF(3, 4) WEFT__COLD;
int weft__call_fail_busy(const weft__call *c, int code, const char *fmt, ...)
    WEFT_PRINTF(3, 4) WEFT__COLD;

/* A wait has failed: the code of a cancel or a deadline around the call, told; 0 when it is
 * neither, and the failure is the call's own. */
int weft__call_cut(const weft__call *c) WEFT__COLD;

/* What a call does in a task that is cancelled already: it sends nothing, and lets others run. */
int weft__call_yield(const weft__call *c) WEFT__COLD;

/* A receive or a send has failed; any kind of end of the connection becomes WEFT_ECONNRESET. */
int weft__call_fail_io(const weft__call *c, int rc, const char *doing) WEFT__COLD;
/* ... the wait for a place in the pool; the opening of a connection; an answer that is not 2xx. */
int weft__call_fail_wait(const weft__call *c, int rc) WEFT__COLD;
int weft__call_fail_connect(const weft__call *c, int rc, const char *why) WEFT__COLD;
int weft__call_fail_status(const weft__call *c, const weft__answer *a) WEFT__COLD;
/* ... a body that ended too early, after `came` of its `length` bytes; one that is not chunked as
 * it says. */
int weft__call_fail_cut(const weft__call *c, weft__http_body kind, uint64_t came, uint64_t length)
    WEFT__COLD;
int weft__call_fail_chunk(const weft__call *c, const weft__chunk *chunk) WEFT__COLD;
const char *weft__call_how_it_ended(const weft__call *c) WEFT__COLD;

/* Since the call began. */
long long weft__call_ms(const weft__call *c);

/* When the wait that begins now is to end. */
int64_t weft__call_deadline(const weft__call *c);
int weft__call_read_ms(const weft__call *c);
#endif
