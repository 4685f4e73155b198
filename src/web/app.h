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
void weft__app_free(weft__app *app);

/* Does it, or an application in it, show what happens inside (.debug)? */
bool weft__app_debugs(const weft__app *app);

/* The folders that it serves, from *next = 0 on; NULL behind the last. */
const char *weft__app_folder_next(const weft__app *app, uint32_t *next);

/* Answers one request: a weft__http_handler with the compiled app as its ctx. */
void weft__app_handle(void *app, weft__exchange *x);
#endif
