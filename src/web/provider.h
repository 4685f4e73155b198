#ifndef WEFT_SRC_WEB_PROVIDER_H
#define WEFT_SRC_WEB_PROVIDER_H
/* Providers: checked and joined into a graph when an application is compiled, opened and closed for each request or worker. */
#include "web/endpoint_make.h"
#include "web/input.h"
#include "web/request.h"
#include "weft/provider.h"

enum {
    WEFT__PROVIDERS_MAX = 256,           /* of an application */
    WEFT__WORKER_OPEN_MS = 30000,
    WEFT__CLOSE_MS = 5000
};

/* ---- the graph: provider.c ---- */

/* A member of an input that is given what a provider opened. */
typedef struct weft__link { size_t offset; struct weft__provided *from; } weft__link;
typedef struct weft__links { weft__link *items; uint32_t count, room; } weft__links;

/* One provider of an application, whose faults have been told. */
typedef struct weft__provided {
    const weft_provider *provider;       /* in a test perhaps another than the one that was asked for */
    weft__from_head head;                /* what its input takes of the head, but for the path, which is the route's matter */
    weft__links links;
    struct { struct weft__provided **items; uint32_t count, room; } before;   /* that it depends on, in their order */
    uint32_t life;                       /* of one per worker: which of the application's lives */
    bool making;                         /* it is being made: who finds it now has found a circle */
} weft__provided;

/* In tests: what stands in the place of a provider. */
typedef struct weft__override { const weft_provider *of, *instead; } weft__override;
typedef struct weft__overrides { const weft__override *items; size_t count; } weft__overrides;

/* All providers of an application, while it is compiled. */
struct weft__graph {
    weft_arena *arena;
    weft__buf *faults;
    const weft__overrides *overrides;    /* NULL: none */
    weft__lives *lives;
    weft__provided *all[WEFT__PROVIDERS_MAX];
    uint32_t count;
    const weft__provided *path[WEFT__PROVIDERS_MAX];     /* those being made, the outermost first */
    uint32_t deep;
    /* Checks the types of an input. 0 or a code. */
    int (*check)(void *ctx, const weft_schema *in);
    void *check_ctx;
    int failed;                          /* WEFT_ENOMEM, or what `check` said */
};

/* The provider, made the first time. NULL: with its faults told, or without memory. */
weft__provided *weft__provided_of(weft__graph *graph, const weft_provider *p);

/* What a depends member asks for, added to `links`. NULL: it cannot have it; the fault begins with `what` and the name. */
weft__provided *weft__graph_link(weft__graph *graph, const weft_schema *in, const weft_field *f, const char *what, weft_str name,
    weft__links *links);

/* .starts of an application. */
void weft__graph_starts(weft__graph *graph, const weft_provider *const *starts);

/* ---- what a route needs: provider_plan.c ---- */

/* One provider per request in the plan of a route. */
typedef struct weft__need {
    const weft__provided *of;
    weft__from_head head;                /* with what it takes of this route's path */
    size_t in_at;                        /* where its input lies in a request's block */
} weft__need;

typedef struct weft__needs {
    weft__need *items;                   /* in the order of opening */
    uint32_t count, room;
    weft__links links;                   /* members of the route's own input */
    size_t bytes;                        /* of the inputs */
    uint32_t body_at;                    /* the body is read before this one is opened; `count`: right before the handler */
    bool closes;                         /* some are closed before the answer goes out */
    bool request, reply;                 /* an input has it: the route's or a provider's */
} weft__needs;

/* Find out what the route needs, and tell its faults: m->e->needs. */
void weft__needs_make(weft__making *m, weft__graph *graph);
/* Is this parameter of the path taken by a provider's input? `needs` may be NULL. */
bool weft__needs_take(const weft__needs *needs, unsigned param);
/* Which of them it is; -1: none. */
int weft__needs_find(const weft__needs *needs, const weft__provided *p);

/* ---- one request: provider_run.c ---- */

struct weft__given {
    weft__after after;                   /* the first member: what is closed behind the answer */
    const weft__endpoint *e;
    weft__exchange *x;
    weft__reading reading;
    weft_request request;
    weft_reply beside, *reply;           /* NULL: nobody has one */
    int64_t deadline_ns;                 /* of the route; INT64_MAX: none */
    int refused;                         /* the code that stands for an input that does not fit; 0: it does */
    int refusal;                         /* what reading it returned */
    int rc;                              /* how the request ended, for those that are closed behind it */
    weft__buf kept;                      /* the output, when it lies in a buffer of the loop's */
    bool late, closed;
    void **values;                       /* of the needs; NULL: not open */
    bool *open, *skipped;
    char *inputs;
};

/* Make ready for a request of a route that needs providers. NULL: no memory. Waits: never. */
weft__given *weft__given_new(const weft__endpoint *e, weft__exchange *x, char *in);
/* Read all that the inputs take, and open: 0 when the handler can be called. Else its code, and given->late when the route's
 * deadline ended it, given->refused when the input does not fit. Waits: for the body, and as opens do. */
int weft__given_open(weft__given *g, const weft__match *m);
/* What is left of the route's timeout_ms for the handler: 0: there is none, -1: it is over. */
int weft__given_left_ms(const weft__given *g);
/* How the request has ended once its handler has, as a code: a failure that has none of its own (late: the route's deadline) gets one. */
int weft__given_outcome(weft__given *g, int rc, bool late);
/* A mistake in the program, which the client is told nothing of: its code, recorded. */
#define weft__given_mistake(...) weft__fail_as(NULL, WEFT_STATUS(500), 500, __VA_ARGS__)
/* Close what is closed before the answer, in the reverse order; `rc` is how the request has ended so far. Returns how it ends. Again: nothing
 * is done. Waits: as closes do. */
int weft__given_close(weft__given *g, int rc);

/* For a route that needs nothing per request: what lives per worker, for its input. */
void weft__give_lives(const weft__endpoint *e, char *in);

/* What WEFT_CONFIG of the provider says, for its input. */
void weft__give_config(const weft_provider *p, char *in);

/* Open and close one, under its own deadlines; texts and traces name it. In *out what it gives. Wait: as they do. */
int weft__provider_open(const weft_provider *p, const void *in, void **out);
int weft__provider_close_ms(const weft_provider *p);
/* Returns what the close did, or `rc` when that was nothing to speak of. */
int weft__provider_close(const weft_provider *p, void *value, int rc, weft_str whose);
#endif
