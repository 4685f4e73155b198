#ifndef WEFT_SERVE_H
#define WEFT_SERVE_H
/* An application on a socket. */
#include "weft/limits.h"
#include "weft/web.h"

/* Serve until SIGTERM or SIGINT, then stop gracefully: no new connections, requests in flight finish (each
 * answer closes its connection) within grace_ms, then they are cancelled, and after hard_ms more their
 * connections are closed; a second signal skips the grace. Returns the exit status: 0; 1 when it cannot listen
 * or go on (said on stderr), or when a provider per worker was closed with a failure; 2 when the routes have faults, which are all printed
 * at once; 3 when such a provider cannot be opened: those before it are closed, and nothing listens. Handlers that run even
 * after hard_ms are named on stderr, and the process ends here with status 1: they cannot be left.
 *
 *     int main(void) { return weft_serve(&app, .port = 8000); }  */
#define weft_serve(app, ...) weft_serve_with((app), &(weft_serve_opts){ __VA_ARGS__ })
int weft_serve_with(const weft_app *app, const weft_serve_opts *opts);
#endif
