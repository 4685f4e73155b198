#ifndef WEFT_SRC_WEB_STREAM_H
#define WEFT_SRC_WEB_STREAM_H
/* Outputs that a handler writes while it runs: a weft_stream, and a weft_events, which begins with one. */
#include "web/endpoint.h"
#include "weft/stream.h"

/* What is to be sent behind the body. */
typedef struct weft__trailer weft__trailer;
struct weft__trailer { weft__trailer *next; weft_str name, value; };

struct weft_stream {
    weft_reply reply;
    weft__exchange *exchange;
    const weft__endpoint *endpoint;
    weft_scope *scope;               /* that the handler runs in */
    weft__buf text;                  /* of the item or event that is being written */
    const char *writing;             /* the name of the task that does; NULL: none */
    weft__trailer *trailers;         /* in the order they were first set */
    int64_t length;                  /* -1: it is not known before */
    uint64_t written;
    int failed;                      /* why nobody takes it any more; 0: somebody may, or a cancel broke it off */
};

struct weft_events {
    weft_stream stream;
    weft_str last_id;
    weft__timer beat;
    int beat_ms;
};

/* ---- events.c ---- */

/* What the request says of events that came before, while its head is there. */
void weft__events_init(weft_events *events, weft__exchange *x);
/* The head has gone, and the handler has ended. */
void weft__events_begin(weft_events *events);
void weft__events_end(weft_events *events);
/* Header lines of their own; empty when the handler has set both. */
weft_str weft__events_lines(const weft_events *events);

/* ---- trailers.c ---- */

/* The line of the head that announces those that are known; empty: none. */
weft_str weft__trailers_line(const weft_stream *s);
/* The body is whole: hand them to the exchange, before weft__exchange_end. 0 or WEFT_ENOMEM. */
int weft__trailers_end(const weft_stream *s);

/* ---- stream.c ---- */

/* Send the head, unless it has gone; `type` is for when the handler says none. 0 or a code, recorded. */
int weft__stream_begin(weft_stream *s, weft_str type);
/* One part. Waits: unless there is room. */
int weft__stream_put(weft_stream *s, weft_str bytes);
/* Append a value's JSON to s->text, on one line. 0 or a code, recorded. */
int weft__stream_json(weft_stream *s, const weft_schema *schema, const void *value);
/* s->text is empty, and this task alone writes it until weft__stream_give: 0, or WEFT_EBUSY, recorded. */
int weft__stream_take(weft_stream *s);
/* Send it, as one part, if rc is 0; its code, or rc. */
int weft__stream_give(weft_stream *s, int rc);
#endif
