#ifndef WEFT_SRC_WEB_ONION_H
#define WEFT_SRC_WEB_ONION_H
/* Middleware: the layers around a handler, made ready at the start, and one request's way through them and back. */
#include <string.h>
#include "base/buf.h"
#include "web/reply.h"
#include "web/request.h"
#include "weft/middleware.h"

/* ---- made ready (onion_make.c) ---- */

/* What one of weft's own does that does not stand around what is inside, and so takes no room on the task's stack: what others do before
 * weft_next_run. 0: go on; a failure; WEFT__LAYER_ANSWERED: the reply is the answer, and nothing inside runs. Waits: never. */
typedef int weft__layer_before(const weft_request *request, weft_reply *reply, const void *config);
enum { WEFT__LAYER_ANSWERED = 1 };

typedef struct weft__layer {
    weft_middleware *run;            /* NULL: it has `before` */
    weft__layer_before *before;
    const void *config;              /* what weft_next_config gives; of one of weft's own, what its kind made */
    const char *name;
    const struct weft__layer_kind *kind;         /* NULL: a function */
} weft__layer;

/* From the outermost on. */
typedef struct weft__layers {
    weft__layer *items;
    uint32_t count, room;
    bool looks_back;                 /* one of them looks at the request after weft_next_run: its head is kept */
    bool around;                     /* one of them has `run`: answers are held for it */
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
    weft_middleware *run;            /* one of these two */
    weft__layer_before *before;
    /* Read the configuration, and say what is wrong with it. 0 or WEFT_ENOMEM. NULL: it is used as it is. */
    int (*make)(weft__layer_making *m, const void *config);
    void (*drop)(void *made);        /* when the application is freed; NULL: nothing to do */
    /* What the workers of a machine keep together: how many bytes for so many of them, and where these are, zeroed, before any of them is there.
     * NULL: nothing. They may be those of the program before, with what lies in them: the fleet is `adopted` then, and workers of that program are at work there. */
    size_t (*shared_bytes)(const void *made, unsigned slots);
    void (*share)(void *made, void *memory, const struct weft__fleet *fleet);
    uint64_t (*layout)(const void *made, uint64_t h);        /* h, with all settings that what lies there depends on */
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
/* How much of a fleet's memory they want, and have it. */
struct weft__fleet;
size_t weft__mades_shared_bytes(const weft__mades *mades, unsigned slots);
void weft__mades_share(const weft__mades *mades, const struct weft__fleet *fleet);
uint64_t weft__mades_layout(const weft__mades *mades, uint64_t h);
uint64_t weft__layout_number(uint64_t h, uint64_t number);
uint64_t weft__layout_text(uint64_t h, weft_str text);

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

/* Of a layer with `before` that looks at the answer: called when it is there, or one in parts is over; the last one that was added first. It
 * changes nothing of the answer, does not wait, and leaves the exchange's scratch alone. */
typedef struct weft__behind weft__behind;
struct weft__behind { weft__behind *next; void (*look)(weft__behind *b, const weft_request *request, const weft_reply *reply); };

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
    weft_header first[4];            /* of the reply's headers, most often all */
    /* What follows is zeros at first. */
    weft_reply reply;                /* what goes out: of the layers, and once there is one, of the answer */
    uint64_t of_answer;              /* which of its headers came with the answer */
    struct { weft_header *items; uint32_t count, room; } under;      /* what layers had said where the answer's headers stand */
    weft__whole stands_for;
    weft__head_hook *hooks;          /* the last one first */
    weft__behind *behind;
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

/* Run the layers around `inner`, and send what comes of it. `o` has exchange, layers, site, endpoint and what inner needs; the rest may be
 * anything. Waits: as they do. */
void weft__onion_run(weft__onion *o);

/* In a `before`. */
static inline void weft__onion_behind(weft_reply *r, weft__behind *b)
{
    b->next = r->onion->behind;
    r->onion->behind = b;
}

/* A layer has set this header of its reply: it is the layer's from now on, and no longer the answer's. */
static inline void weft__onion_said(weft__onion *o, const weft_header *h)
{
    if (o->of_answer) o->of_answer &= ~(UINT64_C(1) << (h - o->reply.headers.items));
}

static inline const weft__http_head *weft__request_head(const weft_request *r) { return r->exchange->head; }

/* A middleware's answer has no body any more (304), and nothing that tells of one. */
void weft__reply_drop_body(weft_reply *r);

/* A 304 that is about to be given, by what has no such body, stands for an answer of this type and length. */
void weft__onion_stands_for(weft__exchange *x, weft_str type, uint64_t bytes);

/* Does the reply have this header? */
const weft_header *weft__reply_find(const weft_reply *r, weft_str name);
#endif
