#ifndef WEFT_SRC_WEB_BACKGROUND_H
#define WEFT_SRC_WEB_BACKGROUND_H
/* Tasks that run when a request has been answered: one place for all of a loop, open around its servers. */
#include "http/server.h"
#include "weft/background.h"

typedef struct weft__background weft__background;

typedef struct weft__backgrounds {
    weft_scope scope;
    weft__loop *loop;
    weft__background *running;
    unsigned count, count_max;       /* that wait to start, or run */
    size_t bytes_max;                /* of each */
    int grace_ms, hard_ms;
    bool hurry;
    weft__fiber *closer;             /* waits in close */
    uint64_t started, failed;
} weft__backgrounds;

/* Open it in the running task, before a server that is served in that or in one below it. Only what they say of
 * background tasks is taken of the options. Waits: never. */
void weft__backgrounds_open(weft__backgrounds *b, const weft_serve_opts *opts);
/* Wait for those that still run, cancel them when their time is over. 0; WEFT_ETIMEDOUT: some do not end, they are named
 * in the log, and `b` has to stay. Waits: while one runs, whatever is cancelled. */
int weft__backgrounds_close(weft__backgrounds *b);
/* background_ms is over now; also before close. Waits: never. */
void weft__backgrounds_hurry(weft__backgrounds *b);
/* That of this loop; NULL: none is open. */
weft__backgrounds *weft__backgrounds_here(void);

/* The request has been answered: start what was asked for, if there was an answer. Waits: never. */
void weft__background_answered(weft__exchange *x) WEFT__COLD;
/* It failed: forget what was asked for so far. Waits: never. */
void weft__background_drop(weft__afterwards *a);
#endif
