#ifndef WEFT_SRC_WEB_ENDPOINT_H
#define WEFT_SRC_WEB_ENDPOINT_H
/* Routes made ready: all that answering a request needs, found out once, at the start. */
#include "model/problems.h"
#include "model/view.h"
#include "web/app.h"
#include "web/docs.h"
#include "web/onion.h"
#include "web/reply.h"
#include "web/router.h"
#include "web/site.h"

/* What of a form's part becomes a value: its text, a weft_upload, or all of its bytes. */
typedef enum { WEFT__NO_FILE, WEFT__FILE_UPLOAD, WEFT__FILE_BYTES } weft__file_as;

/* A value of an input that comes as text, from the path, the query, a header, a cookie or a form, or as
 * a file. One that stands in a model of an input, query(Filter, filter), is a source like others. */
typedef struct weft__source {
    const weft_field *field;
    weft_str name;                   /* as the request has it: "item_id", "x-token" */
    weft_str loc;                    /* as faults have it: in a model of headers "x_token" */
    size_t offset;                   /* in the input */
    bool many;                       /* a list: each time the name comes is an item */
    bool in_model;
    weft__file_as file;
    unsigned param;                  /* which of the path's parameters */
} weft__source;

enum { WEFT__SOURCES_MAX = 64 };       /* of one place */
typedef struct weft__sources {
    weft__source *items;
    uint32_t count, room;
    bool models;                     /* some stand in a model */
    bool no_extra;                   /* one of these models refuses what no member is named after */
} weft__sources;

/* What an input takes of a request's head. */
typedef struct weft__from_head {
    weft__sources paths, queries, headers, cookies;
    const weft_field *request, *reply;           /* NULL: the input has none */
} weft__from_head;

typedef struct weft__names { const char **items; uint32_t count, room; } weft__names;
typedef struct weft__asked { const weft_provider **items; uint32_t count, room; } weft__asked;
typedef struct weft__graph weft__graph;              /* provider.h */
typedef struct weft__given weft__given;

/* From STREAM on the handler writes the answer itself. */
typedef enum {
    WEFT__ANSWER_JSON,
    WEFT__ANSWER_NULL,
    WEFT__ANSWER_REPLY,
    WEFT__ANSWER_STREAM,
    WEFT__ANSWER_EVENTS,
    WEFT__ANSWER_WS
} weft__answer;

/* What becomes of the request's body. */
typedef enum {
    WEFT__TAKES_NOTHING,
    WEFT__TAKES_ONE,                 /* it is one member */
    WEFT__TAKES_SEVERAL,             /* it is an object, whose values are members */
    WEFT__TAKES_PIECES,              /* the handler reads it itself: a weft_body */
    WEFT__TAKES_FORM
} weft__takes;

typedef struct weft__endpoint {
    const weft_route *route;
    const weft__site *site;          /* the application that it belongs to */
    weft__host *host;                /* NULL: any */
    weft_str name; /* "GET /items/{item_id}": method, and path with all prefixes */
    weft_str path;
    weft__from_head head;
    weft__sources forms;             /* fields and files */
    weft__sources bodies;            /* of WEFT__TAKES_SEVERAL */
    weft__takes takes;
    const weft_field *body;          /* the first one; NULL: none */
    const struct weft__needs *needs; /* what of providers it needs; NULL: nothing */
    weft__asked asked;               /* .depends of the routers around, the outermost first */
    size_t input_bytes;              /* of the input and what is kept behind it: */
    size_t form_at;                  /* the weft__form of WEFT__TAKES_FORM */
    weft__answer answer;
    const weft__view *view;          /* what of the output is left out; NULL: nothing */
    int status;
    bool cancels;                    /* the client's leaving cancels the handler */
    bool keeps_head;                 /* the head is looked at behind the handler's start */
    const weft__page *page;          /* one of weft's own; NULL: it has a handler */
    const struct weft__ws_route *ws; /* of a WebSocket: ws.h; NULL: it is none */
    weft__layers layers;             /* middleware around it, of applications, routers and its own */
    weft__names tags;                /* of the routers around, the outermost first */
    weft__names scopes;              /* that it needs: those of the routers around, then its own */
} weft__endpoint;

typedef struct weft__endpoints { weft__endpoint *items; uint32_t count, room; } weft__endpoints;

/* A provider per worker: opened when the program starts, in this order. */
typedef struct weft__life {
    const struct weft__provided *of;
    void *value;
    bool open;
} weft__life;
typedef struct weft__lives { weft__life *items; uint32_t count, room; } weft__lives;

struct weft__app {
    weft_arena arena;                /* of all below, and of itself */
    weft__lives lives;               /* these two change when it starts and stops, and nothing else ever does */
    const weft_provider *busy;       /* that one of them is opened or closed by now */
    bool closes;
    weft_arena lives_arena;          /* of what they allocate: their own, since in tests they outlive the loop's tasks */
    weft__trie trie;                 /* of any host */
    weft__hosts hosts;
    weft__sites sites;               /* the program's first */
    weft__endpoints endpoints;       /* weft's own pages first */
    weft__mades mades;               /* of middleware */
    bool layered;                    /* a request that no route fits may have middleware around it */
    struct weft__metrics *metrics;   /* what is counted; NULL: nothing */
    bool traces;                     /* requests are part of traces */
};

/* ---- endpoint.c: from a route to an endpoint ---- */

/* Fill `e`, whose route, path and name are there, and add what is wrong with the route to the graph's faults,
 * a line each. 0 or WEFT_ENOMEM. */
int weft__endpoint_make(weft__endpoint *e, const weft__pattern *pattern, weft__graph *graph);

/* ---- input.c: from a request to an input ---- */

/* Fill the input, e->input_bytes of zeros, from the request. Returns 1 when it is complete; 0 when the
 * request was answered instead (400, 408, 413, 422). Waits: for the body. */
int weft__input_read(const weft__endpoint *e, weft__exchange *x, const weft__match *m, void *in);

/* Give back what the input holds besides memory of the arena: for WEFT__TAKES_PIECES and what follows
 * it, when the request is over. Waits: for a file to be closed. */
void weft__input_end(const weft__endpoint *e, void *in);

/* ---- file_reply.c ---- */

/* Answer with r->file, or with what its conditions say. Waits: for the file, and for the client. */
void weft__file_send(const weft__endpoint *e, weft__exchange *x, weft_reply *r);
/* Answer a failure of that route with r->file, its status and headers. False: no memory, and nothing was answered. Waits: the same. */
bool weft__file_send_failure(weft_str name, weft__exchange *x, weft_reply *r);

/* ---- static.c ---- */

/* Answer a request for something in a folder. Waits: for the file pool. */
int weft__static_answer(const weft__endpoint *e, const void *in, void *out);

/* ---- run.c: where a handler runs ---- */

/* Say that this program needs processes, when one of its routes runs in one. Before weft_serve's loop. */
void weft__endpoint_announce(const weft__endpoint *e);

/* Call the handler where its route says, and wait for its end. Waits: as the handler does; always in a thread or a process. */
int weft__endpoint_run(const weft__endpoint *e, const void *in, void *out);

/* ---- stream.c: answers that a handler writes while it runs ---- */

/* Make the output ready, while the head of the request is there; what the handler says of its answer. */
weft_reply *weft__stream_init(const weft__endpoint *e, weft__exchange *x, void *out);
/* Call the handler, for timeout_ms at most (0: no bound), and close what is given for it (NULL: nothing). True: the answer has
 * begun, and is over in one way or the other. False: none has been given, and *rc and *late tell how the handler ended. Waits: as
 * it does. */
bool weft__stream_run(const weft__endpoint *e, const void *in, void *out, int timeout_ms, weft__given *given, int *rc, bool *late);
weft_str weft__stream_type(const weft__endpoint *e);         /* its content type, unless the handler says another */

/* ---- failure.c: answers that are no success ---- */

/* Answer what a handler failed with, and log it when that is not the client's fault. `reply` may be
 * NULL. */
void weft__failure_reply(
    const weft__endpoint *e, weft__exchange *x, const weft_reply *reply, int rc);

/* Answer 500 and log why, in weft's own words. */
void weft__failure_internal(const weft__endpoint *e, weft__exchange *x, const char *fmt, ...)
    WEFT_PRINTF(3, 4) WEFT__COLD;

/* A trace, which has a line for each place, in one line; `out` has `room` bytes for it. */
const char *weft__failure_trace(const char *trace, char *out, size_t room);
#endif
