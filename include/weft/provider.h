#ifndef WEFT_PROVIDER_H
#define WEFT_PROVIDER_H
/* What handlers depend on: how it is opened, who gets it, and how it is closed behind them.
 *
 *     static int session_open(const session_in *in, session **out) { ... }
 *     static int session_close(session *s, int rc) { return rc < 0 ? rollback(s) : commit(s); }
 *     const weft_provider db = WEFT_PROVIDER(session, session_in, session_open, session_close);
 *
 *     WEFT_INPUT(order_in, path(int64_t, id), depends(session, db, db));          in->db is a session *
 *
 * A provider per request is opened once for each request that needs it, however many ask for it, before the handler, and closed
 * when the handler has ended: on success, on failure, and when the client has left. Its input is declared as a handler's is, of
 * path, query, header, cookie, request, reply, depends and config, but for all of the body; the documentation of a route has its
 * parameters too. A provider may depend on others. One whose members do not fit is not opened, nor are those that depend on it, and the
 * client gets one 422 with the faults of all, those of providers first.
 *
 * What a handler on a thread (.run = WEFT_IN_THREAD) is given it shares with the loop, where all others use it: of what lives per worker it touches
 * only what threads may. One in a process is given nothing; guards of its route run on the loop.
 *
 * Order: .depends of the application, of the routers from the outside in, of the route; then the members of the route's input, as declared;
 * each behind those it depends on. The body is read before the first one that has a close, so that nothing is held while a client sends
 * slowly: what stands in front of it, a guard say, can refuse without it. Closed in the reverse order. See docs/order.md.
 *                                                                   Example: examples/dependencies.c  */
#include "weft/model.h"
#include "weft/task.h"

/* WEFT_PER_REQUEST: for each request anew. WEFT_PER_WORKER: when the program starts, before it listens, and until it stops: its
 * lifespan. Such a one depends on none but its like, and takes nothing of a request. */
typedef enum { WEFT_PER_REQUEST, WEFT_PER_WORKER } weft_lifetime;

/* One provider: a const at file scope, written with WEFT_PROVIDER or WEFT_GUARD.
 *
 * open    int open(const In *in, T **out). It may wait, and fail as a handler does: weft_fail(401, ...) is the answer then, the
 *         handler is not called, and what was opened before is closed. What it opened itself until then it closes itself.
 *         *out lives until it is closed; weft_new's does. NULL in it is a mistake (500), unless .may_be_null = true: then depends
 *         gives NULL, and nothing is closed. The route's .timeout_ms holds for all of them and the handler together.
 * close   int close(T *value, int rc), or NULL for none. rc is how the request has ended so far: 0, or the failure's code
 *         (weft_error_of tells it; 422 for an input that does not fit). < 0: that is how it ends now, so a commit that fails is
 *         an answer of its own. 0 or rc: as it was; no failure becomes a success. No cancel reaches it, so it may wait, for
 *         .close_timeout_ms at most, also while a server stops (serve.h has the sum). The output has been written by then, and has not been sent: headers can still be set, unless the
 *         answer is a stream. It is closed before its end then, which a failure breaks off. The body of a weft_reply is copied before: it may lie
 *         in what is closed. Background tasks begin behind all of it, also behind those with .after_reply, unless it failed before the answer went.
 *
 * Options by name: .per; .after_reply = true: closed once the answer is on its way, whose client then does not wait for it, and which it
 * cannot change any more: a failure is logged (also the next request of that connection waits for it); .open_timeout_ms (0: none of its own, per worker
 * 30 s); .close_timeout_ms (0: 5 s); .may_be_null; .depends = WEFT_DEPENDS(&guard): those it needs besides its members; WEFT_CONFIG, below.
 * Faults are told when the program starts: providers that need themselves, another type than depends says, lifetimes that do not fit. At
 * most 256 in an application. */
struct weft_provider {
    const char *type, *name;
    const weft_schema *in;
    weft__fn *open, *close;
    size_t checked;
    weft_lifetime per;
    bool after_reply, may_be_null;
    int open_timeout_ms, close_timeout_ms;
    const weft_provider *const *depends;
    const void *config;
    const char *config_type;
    bool guard;
};
#define WEFT_PROVIDER(T, In, open_, close_, ...) { .type = WEFT__STR(T), .name = #open_, .in = &weft_schema_##In, \
    .open = (weft__fn *)(open_), .close = (weft__fn *)(close_), \
    .checked = WEFT__MUST(WEFT__SAME(&(open_), int (*)(const In *, T **)), \
            "'" #open_ "' must be declared: int " #open_ "(const " #In " *in, " #T " **out)") + \
        WEFT__MUST(WEFT__SAME(close_, int (T *, int)) || WEFT__SAME(close_, void *), \
            "'" #close_ "' must be declared: int " #close_ "(" #T " *value, int rc), or NULL"), __VA_ARGS__ }

/* One that only looks: int check(const In *in) returns 0, or a failure that ends the request. For .depends. */
#define WEFT_GUARD(In, check_, ...) { .type = "nothing", .name = #check_, .in = &weft_schema_##In, .open = (weft__fn *)(check_), \
    .checked = WEFT__MUST(WEFT__SAME(&(check_), int (*)(const In *)), "'" #check_ "' must be declared: int " #check_ "(const " #In " *in)"), \
    .guard = true, __VA_ARGS__ }

/* For one function and several providers: config(needle, wanted) in its input is a const needle *, and each says what it points to:
 *
 *     const weft_provider has_bar = WEFT_GUARD(look_in, look, WEFT_CONFIG(needle, .text = "bar"));  */
#define WEFT_CONFIG(T, ...) .config = (const T[]){ { __VA_ARGS__ } }, .config_type = WEFT__STR(T)

/* .depends = WEFT_DEPENDS(&signed_in, &audit) of an application, a router, a route or a provider: opened though no member is given it. An
 * application's hold for its own routes, not for those of applications mounted in it, nor for its documentation; what lies in a
 * folder (WEFT_STATIC) is a route like others.
 * .starts = WEFT_STARTS(&pool) of an application: providers per worker that are opened although no route needs them. */
#define WEFT_DEPENDS(...) (const weft_provider *const[]){ __VA_ARGS__, 0 }
#define WEFT_STARTS(...) (const weft_provider *const[]){ __VA_ARGS__, 0 }
#endif
