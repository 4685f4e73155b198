#ifndef WEFT_SERVE_H
#define WEFT_SERVE_H
/* An application on a socket. */
#include "weft/limits.h"
#include "weft/web.h"

/* Serve until SIGTERM or SIGINT, then stop gracefully: no new connections, requests in flight finish (each
 * answer closes its connection) within grace_ms, then they are cancelled, and after hard_ms more their
 * connections are closed: so long an answer in one piece has to be taken, whenever it was made; one that is written over time (weft/stream.h), and a
 * file, ends with who is cancelled. Returns the exit status: 0; 1 when it cannot listen
 * or go on (said on stderr), or when a provider per worker was closed with a failure; 2 when the routes have faults, which are all printed
 * at once; 3 when such a provider cannot be opened: those before it are closed, and nothing listens. What runs even
 * after hard_ms is named on stderr, and the process ends here with status 1: it cannot be left.
 *
 * Signals, each one a step: the first begins unready_ms, or the stop when there is none; one while unready_ms runs begins the stop at once;
 * one while the stop runs skips grace_ms and background_ms. None skips hard_ms or the deadline of a close, and those behind change nothing. One that comes
 * before the server listens cancels what is being opened, and ends the program.
 *
 * A stop always ends, and takes at most, one behind the other:
 *     unready_ms + grace_ms + hard_ms                      requests, and their cancel
 *   + the close_timeout_ms of one request's providers      of the request with the most, when they are closed by then (5 000 each)
 *   + background_ms + hard_ms                              background tasks, and their cancel
 *   + the close_timeout_ms of the providers per worker     in the end (5 000 each)
 * and hard_ms where one of the closes ignores that its time is over. With what is said in limits.h alone that is 24 s, and 5 s for each provider that has a
 * close: whoever kills a program that stops for too long (TimeoutStopSec, terminationGracePeriodSeconds) is to wait for longer. A handler that blocks the loop keeps all of
 * it from happening, the watchdog names it. Of workers (limits.h) the supervisor kills one that takes 3 s longer than all of that.
 *
 * With .workers (2 and more; limits.h) this process becomes a supervisor, which must have no threads, and forks so many that serve: what is
 * said above then holds of each. One that crashes or is stuck is reported and replaced, at once or, when it does so again and again, later and later; a request that
 * crashed two is refused for 10 minutes. SIGTERM and SIGINT stop all of them, and whoever is left after all deadlines is killed. SIGHUP runs the program's file
 * anew in this process, if it starts: settings, certificates and code are new, nobody is refused. A stop while that program's main has not come to weft_serve
 * yet is done there; when it does not come within 2 s, or with a second signal, the old workers are told without it, have the time of a stop from the first signal
 * on, and the process ends by the signal. SIGQUIT and SIGUSR1 go to all. A supervisor that is killed takes its workers with it. docs/how-to/deployment.md has more.
 *
 *     int main(void) { return weft_serve(&app, .port = 8000); }                       Example: examples/deployed.c  */
#define weft_serve(app, ...) weft_serve_with((app), &(weft_serve_opts){ __VA_ARGS__ })
int weft_serve_with(const weft_app *app, const weft_serve_opts *opts);
#endif
