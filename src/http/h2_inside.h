#ifndef WEFT_SRC_HTTP_H2_INSIDE_H
#define WEFT_SRC_HTTP_H2_INSIDE_H
/* What the files of the server's HTTP/2 share. */
#include "http/h2.h"
#include "http/h2_mem.h"

typedef struct weft__h2 weft__h2;
typedef struct h2_stream h2_stream;

enum {
    H2_WINDOW = 65535,               /* of a stream whose body nobody reads yet: RFC 9113, 6.9.2 */
    H2_WINDOW_READ = 256 * 1024,     /* of one whose body is read */
    H2_WINDOW_ALL = 1 << 20,         /* of a connection */
    H2_WIDE_MAX = 2 * H2_WINDOW_ALL / H2_WINDOW_READ,      /* streams with such a window at a time */
    H2_KEPT_MAX = 4 << 20,           /* of whole bodies together, before only one at a time goes on */
    H2_INLINE_MAX = 16 * 1024,       /* of an answer in one piece, copied so that its task can go */
    H2_PIPE_OUT = 16 * 1024,         /* gathered on a pipe whose client takes nothing, at most; the rest stays with its owner */
    H2_OUT_FULL = 64 * 1024          /* gathered for one send, at most, and a frame */
};

/* How often something may happen: so many times at once, and then at a rate. */
typedef struct h2_bucket { int64_t until_ns; } h2_bucket;

/* One request. It is freed when its stream is closed and its task has ended. */
struct h2_stream {
    struct request r;
    weft__h2 *h2;
    h2_stream *next, *prev;          /* of its connection's, in the order they came */
    h2_stream *behind;               /* among those to be started */
    int32_t id;
    weft__http_head head;
    weft_arena arena;
    weft_task *task;
    weft__fiber *reader, *writer;    /* its tasks, waiting for the body, or for the client to take bytes */
    weft__buf in;                    /* of the body: from in_at on nobody has taken it */
    size_t in_at, in_held;           /* in_held: bytes whose room in the windows was not given back */
    size_t kept, owed;               /* of a whole body: bytes that have come; those whose room in the stream's window was not given back */
    weft__buf trailers;              /* lines that end the answer; its end was said when there are any */
    weft__buf out;                   /* of the answer: from out_at on it has not gone */
    size_t out_at;
    weft_str lent;                   /* behind that, where the writer has it */
    size_t wakes_at;                 /* the writer goes on when no more than this is left */
    int64_t began_ns, moved_ns;      /* since when the client has been to take bytes; when it last took some */
    size_t took;                     /* since began_ns */
    int64_t over_ns;                 /* its answer has gone: until when a body may still come */
    bool starts, runs;               /* its task is to be started; was, and has not ended */
    bool cancels, cancelled;         /* the task, when the client leaves; it was */
    bool left;                       /* nobody takes its answer */
    bool closed;                     /* nghttp2 has forgotten it */
    bool in_ended, in_wide;          /* all of the body has come; its window is one of the wide ones */
    bool gathers;                    /* its handler waits for the whole body */
    bool in_too_much;                /* ... and behind it more of trailers than is taken */
    bool out_last, out_sent;         /* nothing is added any more; the end has gone */
    bool waits_for_more;             /* nghttp2 does not ask before it is told */
    bool broken;                     /* behind what is there, it breaks off */
    bool holds;                      /* its taker has bytes to add */
    bool mine;                       /* its reset is not the client's doing */
    bool has_priority;               /* the client says how it stands to others */
    bool piped;                      /* it is a pipe's, whose owner ends it */
    bool pipe_full;                  /* the owner has more to send than it took */
    weft__pipe pipe;
    uint32_t events;                 /* that the owner is to be told of */
    h2_stream *told_next;            /* among those who are to be told */
};

/* The head that is coming: there is never more than one. RFC 9113, 4.3 */
typedef struct h2_head {
    weft__buf lines, cookies;        /* header lines as in HTTP/1.1; the values of Cookie, joined */
    weft__buf method, path, authority, scheme, host, protocol;
    unsigned count;                  /* of lines */
    size_t bytes;                    /* of names and values, also those that were not kept */
    bool too_large;
} h2_head;

struct weft__h2 {
    nghttp2_session *session;
    weft__h2_mem mem;
    connection *c;
    h2_stream *first, *last;
    h2_stream *ready, *ready_last;
    unsigned streams, tasks, pipes, wide;
    size_t kept;                     /* whole bodies that its streams hold, in bytes */
    h2_stream *to_tell;              /* streams whose pipes' owners are to be told something */
    bool tells;                      /* ... and are being told */
    h2_head head;
    int64_t head_ns;                 /* a head has begun and not ended: since when; 0: none has */
    int32_t head_id;                 /* of which stream */
    int64_t sent_ns;                 /* when the client last took bytes, or there were none for it */
    int64_t part_ns;                 /* when it was said that no more requests are taken; 0: it was not */
    weft__timer tick, again;
    h2_bucket resets, frames;
    size_t frame_data;               /* bytes that came of the DATA frame that is coming */
    bool parted;                     /* ... and which was the last */
    bool over;                       /* what comes is dropped */
    bool lost;                       /* there is no socket any more */
    bool holds;                      /* some stream does */
};

/* ---- h2_session.c ---- */

/* Have what there is sent before the loop next waits. */
void weft__h2_mark(weft__h2 *h);
/* Send now. It is not closed by it. */
void weft__h2_push(weft__h2 *h);
/* Reset a stream; mine: not the client's doing. */
void weft__h2_reset(h2_stream *st, uint32_t code, bool mine);
/* End the session with this code, and take nothing more. */
void weft__h2_end(weft__h2 *h, uint32_t code);
/* A stream's time with its client is over: wake and cancel who waits for it. */
void weft__h2_leave(h2_stream *st);
void weft__h2_cut(h2_stream *st);
void weft__h2_tick_start(weft__h2 *h);
/* The second step of a stop. */
void weft__h2_name_the_last(weft__h2 *h);

/* ---- h2_frames.c ---- */

/* Its session, greeted. 0 or a code of nghttp2's. */
int weft__h2_make(weft__h2 *h);

/* ---- h2_stream.c ---- */

h2_stream *weft__h2_stream_new(weft__h2 *h, int32_t id);
void weft__h2_stream_free(h2_stream *st);
/* Its head is whole: answer what is wrong with it, or have a task started. */
void weft__h2_request(h2_stream *st, bool ended);
void weft__h2_start_ready(weft__h2 *h);
/* Bytes of its body; the end of it; the stream is closed. */
int weft__h2_stream_data(h2_stream *st, const uint8_t *bytes, size_t n);
void weft__h2_stream_trailers(h2_stream *st, const h2_head *head);     /* before the end */
void weft__h2_stream_ended(h2_stream *st);
void weft__h2_stream_closed(h2_stream *st);
/* The answer has gone: what of a body is still to come? */
void weft__h2_stream_rest(h2_stream *st);
/* The last task of a connection has ended: look what becomes of that. */
void weft__h2_settle(weft__h2 *h);

/* ---- h2_head.c ---- */

void weft__h2_head_begin(h2_head *head, const weft__server *s);
void weft__h2_head_free(h2_head *head);
/* Give back what an idle connection should not hold. */
void weft__h2_head_shed(h2_head *head);
/* 0, or -1: no more of it is looked at. */
int weft__h2_head_add(h2_head *head, weft_str name, weft_str value, const weft__server *s);
/* st->head is it, or has the fault that it is refused for. 0 or WEFT_ENOMEM. */
int weft__h2_head_make(h2_stream *st, const h2_head *head, bool ended);

/* ---- h2_answer.c ---- */

extern const weft__exchange_ops weft__h2_exchange;
static inline size_t weft__h2_unsent(const h2_stream *st) { return st->out.len - st->out_at + st->lent.len; }
/* What nghttp2 sends bodies by. */
int weft__h2_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *framehd, size_t length, nghttp2_data_source *source, void *user);
/* An answer of the server's own. */
void weft__h2_refuse(h2_stream *st, int status, const char *why);
/* The room in the windows that n bytes took is there again. */
void weft__h2_credit(h2_stream *st, size_t n);

/* Bytes to be sent, behind those there are; what has been added goes on its way. 0 or WEFT_ENOMEM, WEFT_ELIMIT. */
int weft__h2_add(h2_stream *st, weft_str bytes);
void weft__h2_go_on(h2_stream *st);

/* ---- h2_room.c ---- */

/* What has come of a whole body is kept: is there room for more of it? If not, its reader is woken when there is. */
bool weft__h2_keep(h2_stream *st);
/* It has all come, or is waited for no more; it is gone from memory. */
void weft__h2_gathered(h2_stream *st);
void weft__h2_forget_body(h2_stream *st);

/* ---- h2_pipe.c ---- */

void weft__h2_upgrade(weft__exchange *x, weft__pipe **out);
/* Its owner is to be told, when that may be. */
void weft__h2_pipe_tell(h2_stream *st, uint32_t events);
/* Now, from the loop's own stack; nothing of the connection is freed by it but its streams. */
void weft__h2_pipes_told(weft__h2 *h);
/* The connection goes: owners let go of all of them. */
void weft__h2_pipes_over(weft__h2 *h);

/* ---- h2_guard.c ---- */

/* Something that costs us and is of no use to anybody has come, or was forced out of us; past what is borne the session ends. */
void weft__h2_count_reset(weft__h2 *h);
void weft__h2_count_frame(weft__h2 *h);
/* Useful work was done: a request that was answered, a frame of an answer. */
void weft__h2_forgive_reset(weft__h2 *h);
void weft__h2_forgive_frames(weft__h2 *h, int n);
#endif
