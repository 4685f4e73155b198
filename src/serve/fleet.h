#ifndef WEFT_SRC_SERVE_FLEET_H
#define WEFT_SRC_SERVE_FLEET_H
/* The process that was started, as a supervisor of others that serve. */
#include "os/fleet.h"
#include "web/app.h"

typedef struct weft__fleet_job {
    const weft_serve_opts *opts;
    const weft__app *app;
    const char *title;                               /* NULL: none */
    int (*work)(void *ctx, weft__fleet *fleet);      /* a worker's life; its exit status */
    void *ctx;
} weft__fleet_job;

/* How many workers are wanted: what the environment's WEFT_WORKERS says, or else the options. 0: this process serves alone. Also 1, of one that was
 * run in the place of a supervisor. */
unsigned weft__fleet_wanted(const weft_serve_opts *opts);
/* Is what the environment says of it neither? Then that was said. */
bool weft__fleet_wants_nonsense(void);
/* Supervise until all is over; the exit status. Waits: always, and without a loop. */
int weft__fleet_run(const weft__fleet_job *job);

/* This process only tries whether the program would start, for a supervisor that is to be run anew with it. */
bool weft__fleet_is_trial(void);
/* Of such a one: all that a supervisor does before it forks, and a worker before it opens the application: options, listening where nobody does yet, becoming
 * the user, the sandbox. 0, or an exit status, and why was said. */
int weft__fleet_try(const weft__fleet_job *job);
enum { WEFT__TRIAL_GOOD = 93 };
#endif
