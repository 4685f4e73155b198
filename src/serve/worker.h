#ifndef WEFT_SRC_SERVE_WORKER_H
#define WEFT_SRC_SERVE_WORKER_H
/* This process as one of a fleet: what it tells of itself, what it refuses, when it wishes to be replaced. */
#include "os/fleet.h"
#include "web/app.h"

typedef struct weft__serving_worker {
    weft__timer beat;
    weft__loop *loop;
    weft__fleet *fleet;
    weft__ship *me;
    weft__voice *voice;
    weft__app *app;
    uint64_t requests_max;           /* of this one; 0: any number */
} weft__serving_worker;

/* From a task of its loop, before anything is opened. 0 or WEFT_ENOMEM. */
int weft__serving_begin(weft__serving_worker *w, weft__fleet *fleet, weft__app *app, const weft_serve_opts *opts);
/* It accepts from now on. */
void weft__serving_ready(weft__serving_worker *w);
/* It was told to stop because another one takes its place: nobody is to notice. */
bool weft__serving_is_replaced(const weft__serving_worker *w);
/* It was, and all stop now: it gets a signal for either, and may have heard of both at once. */
bool weft__serving_was_replaced(const weft__serving_worker *w);
/* It stops: nobody gives it work any more. */
void weft__serving_leaves(weft__serving_worker *w);
void weft__serving_end(weft__serving_worker *w);
/* A weft__http_handler in the place of weft__app_handle, with the worker as its ctx. */
void weft__serving_handle(void *w, weft__exchange *x);

/* How many requests a worker answers of which `max` are wanted: a tenth fewer at most, so that workers that began together do not go together. */
uint64_t weft__serving_limit(int max, uint64_t random);

/* What one request is known by: its method, target, body, who sent it (the address, Cookie, Authorization), Content-Type. 0: it cannot be known, as not all
 * of its body is there. */
uint64_t weft__request_mark(const weft__exchange *x);
#endif
