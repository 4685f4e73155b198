#ifndef WEFT_SRC_WEB_ONION_H
#define WEFT_SRC_WEB_ONION_H
/* Middleware: the layers around a handler, made ready at the start, and one request's way through them and back. */
#include "base/buf.h"
#include "web/reply.h"
#include "web/request.h"
#include "weft/middleware.h"

/* ---- made ready (onion_make.c) ---- */

typedef struct weft__layer {
    weft_middleware *run;
    const void *config;              /* what weft_next_config gives; of one of weft's own, what its kind made */
    const char *name;
} weft__layer;

/* From the outermost on. */
typedef struct weft__layers {
    weft__layer *items;
    uint32_t count, room;
    bool looks_back;                 /* one of them looks at the request after weft_next_run: its head is kept */
} weft__layers;

/* Where a list stands, for faults: "application", "router /x", "route GET /x". */
typedef struct weft__layers_at { const char *what; weft_str name; bool of_app; } weft__layers_at;

/* What a kind is given to make a layer of its configuration. `made` lies in the arena, or goes by the kind's drop. */
typedef struct weft__layer_making {
    weft_arena *arena;               /* of the application */
    weft__buf *faults;
    const weft__layers_at *at;
    const struct weft__layer_kind *kind;
    void *made;
} weft__layer_making;
#define WEFT__LAYER_FAULT(m, fmt, ...) weft__buf_printf((m)->faults, "%s%s%.*s: %s: " fmt "\n", (m)->at->what, \
    (m)->at->name.len ? " " : "", WEFT_FMT((m)->at->name), (m)->kind->name __VA_OPT__(,) __VA_ARGS__)

/* One of weft's own. */
typedef struct weft__layer_kind {
    const char *name;                /* "weft_cors" */
    weft_middleware *run;
    /* Read the configuration, and say what is wrong with it. 0 or WEFT_ENOMEM. NULL: it is used as it is. */
    int (*make)(weft__layer_making *m, const void *config);
    void (*drop)(void *made);        /* when the application is freed; NULL: nothing to do */
    bool looks_back;                 /* it looks at the request after weft_next_run */
    bool of_app;                     /* it is for applications alone: it answers requests that no route fits */
} weft__layer_kind;

/* What is to be dropped with the application. */
typedef struct weft__made { const weft__layer_kind *kind; void *made; } weft__made;
typedef struct weft__mades { weft__made *items; uint32_t count, room; } weft__mades;

/* Those of `around` and behind them those of a list (NULL: none); what is wrong with it goes to `faults`. 0 or WEFT_ENOMEM. */
int weft__layers_make(weft__layers *out, const weft__layers *around, const weft_layer *list, const weft__layers_at *at,
    weft_arena *arena, weft__mades *mades, weft__buf *faults);
void weft__mades_drop(weft__mades *mades);

/* ---- what a layer puts into the way of an answer in parts ---- */

/* Makes other bytes of its parts, of WEFT__FILTER_PIECE at most. `out` is good until the next call. 0 or a code: the answer then
 * breaks off. Never waits, and runs on the loop's own stack now and then. */
enum { WEFT__FILTER_PIECE = 64 * 1024 };
typedef enum weft__filter_now { WEFT__FILTER_GATHER, WEFT__FILTER_FLUSH, WEFT__FILTER_LAST } weft__filter_now;
typedef struct weft__filter weft__filter;
struct weft__filter {
    int (*part)(weft__filter *f, weft_str in, weft__filter_now now, weft_str *out);
    void (*drop)(weft__filter *f);
};

/* In a weft_head_fn of an answer in parts: at most one, false when there is one already. It is dropped with the request. */
bool weft__onion_filter(weft_reply *r, weft__filter *f);

/* The whole body is what stands in `body`, which is the onion's from now on. */
void weft__onion_keep(weft_reply *r, weft__buf *body);

/* ---- one request ---- */

typedef struct weft__head_hook weft__head_hook;
struct weft__head_hook { weft__head_hook *next; weft_head_fn *fn; void *arg; };

/* The answer that a 304 stands for, which caches hold. */
typedef struct weft__whole { weft_str type; uint64_t bytes; bool known; } weft__whole;

typedef struct weft__onion weft__onion;
struct weft__onion {
    weft__taker taker;               /* of all answers from inside */
    weft__exchange *exchange;
    const weft__layers *layers;
    const struct weft__site *site;
    const struct weft__endpoint *endpoint;       /* NULL: no route */
    weft__fiber *task;
    void (*inner)(weft__onion *o);   /* what all of them stand around */
    const void *app, *match;         /* of `inner` */
    weft_request request;
    weft_reply reply;                /* what goes out: of the layers, and once there is one, of the answer */
    uint64_t of_answer;              /* which of its headers came with the answer */
    struct { weft_header *items; uint32_t count, room; } under;      /* what layers had said where the answer's headers stand */
    weft__whole stands_for;
    weft__head_hook *hooks;          /* the last one first */
    weft__filter *filter;
    weft__buf kept;                  /* the body, when it lies in a buffer of the loop's */
    int64_t length;                  /* of an answer in parts that begins: -1 when it is not known */
    uint64_t plain;                  /* bytes of it that have come, when there is a filter */
    bool in_parts;
    bool bare;                       /* a 500 without what layers said has gone */
    bool answered;                   /* `reply` is an answer */
    bool lost;                       /* the request's memory gave out, and the answer tells so */
    bool filtering;
    bool held;                       /* the filter has bytes that the client is to have soon */
};

/* Run the layers around `inner`, and send what comes of it. `o` has exchange, layers, site, endpoint and what inner needs; the rest is 0.
 * Waits: as they do. */
void weft__onion_run(weft__onion *o);

static inline const weft__http_head *weft__request_head(const weft_request *r) { return r->exchange->head; }

/* A middleware's answer has no body any more (304), and nothing that tells of one. */
void weft__reply_drop_body(weft_reply *r);

/* A 304 that is about to be given, by what has no such body, stands for an answer of this type and length. */
void weft__onion_stands_for(weft__exchange *x, weft_str type, uint64_t bytes);

/* Does the reply have this header? */
const weft_header *weft__reply_find(const weft_reply *r, weft_str name);
#endif
