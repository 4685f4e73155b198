#ifndef WEFT_SRC_WEB_APP_H
#define WEFT_SRC_WEB_APP_H
/* An application made ready to serve: its routes checked and compiled. */
#include "http/server.h"
#include "weft/web.h"

typedef struct weft__app weft__app;

/* Check every route and model and build the router. 0 and *out; WEFT_EINVAL when there are faults,
 * with all of them in `faults`, a line each: what was expected, what came, where. WEFT_ENOMEM.
 * Waits: never. */
int weft__app_compile(const weft_app *app, weft__app **out, weft__buf *faults);
/* The same with other providers in the place of some (provider.h; NULL: none), for tests. */
struct weft__overrides;
int weft__app_compile_with(const weft_app *app, const struct weft__overrides *overrides, weft__app **out, weft__buf *faults);
/* After weft__app_stop, if it was started. */
void weft__app_free(weft__app *app);

/* Open the providers per worker, those that others need first. 0; else the code of the first that failed, with those before it closed
 * and a line in `why`. From a task; what they allocate is of its arena. Waits: as they do. */
int weft__app_start(weft__app *app, weft__buf *why);
/* Close them in the reverse order; those that fail are told in `why`, a line each, and do not keep the others. 0, or the code of the
 * first. Does nothing to one that was not started. Waits: as they do. */
int weft__app_stop(weft__app *app, weft__buf *why);
/* The most that the closes of those which are open, or being closed, may take, one behind the other. Waits: never. */
int64_t weft__app_close_ms(const weft__app *app);
/* The most that all closes may take when a server stops: those of the request that has the most, and then those per worker. For one that is
 * compiled. Waits: never. */
int64_t weft__app_stop_ms(const weft__app *app);
/* The name of the one that is being opened or closed, and in *what which of both: "opening", "closing". "": none is. */
const char *weft__app_busy(const weft__app *app, const char **what);

/* What its middleware keeps for the workers of a machine together: how many bytes of a fleet's memory, and have it there, before any of them is
 * forked. Wait: never. */
struct weft__fleet;
size_t weft__app_shared_bytes(const weft__app *app, unsigned slots);
/* What lies in all of that memory, as a number: another one for other routes, or other settings of what its middleware keeps there. */
uint64_t weft__app_layout(const weft__app *app);
void weft__app_share(const weft__app *app, const struct weft__fleet *fleet);

/* Does it, or an application in it, show what happens inside (.debug)? */
bool weft__app_debugs(const weft__app *app);

/* The folders that it serves, from *next = 0 on; NULL behind the last. */
const char *weft__app_folder_next(const weft__app *app, uint32_t *next);

/* Answers one request: a weft__http_handler with the compiled app as its ctx. */
void weft__app_handle(void *app, weft__exchange *x);
#endif
