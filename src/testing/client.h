#ifndef WEFT_SRC_TESTING_CLIENT_H
#define WEFT_SRC_TESTING_CLIENT_H
#include "os/os.h"
#include "task/loop.h"
#include "weft/test.h"

/* Below weft/test.h: several connections at the same time, any bytes, clients that leave. */

typedef struct weft__shot {
    weft_str bytes;                  /* what the client sends, as it is */
    bool to_head;                    /* it asks for a HEAD: no body follows */
    int start_ms;                    /* when it connects, from the call of weft__test_fire on */
    int leave_ms; /* > 0: it closes the connection so long after connecting, answered or not */
    weft_response answer;            /* status 0: none, or no HTTP; lives until the test ends */
    int64_t took_ms; /* from connecting until the answer was complete, or the connection closed */
} weft__shot;

/* Serve the application and all upstreams of this test, let every client act, and stop gracefully:
 * handlers that still run then do so in virtual time that weft_test_ms does not count. opts may be
 * NULL. False, with the test failed, when the application has faults or cannot be served. */
bool weft__test_fire(const weft_app *app, const weft_serve_opts *opts, weft__shot *shots, size_t n);

/* One client's task. */
typedef struct weft__going { weft__shot *shot; int port; } weft__going;
int weft__shot_go(const weft__going *in);

/* Servers go on from the first begin to the last end. In between one task does what the test asks for; time stands still
 * while it asks for nothing. */
void weft__live_begin(void);
void weft__live_end(void);
bool weft__live(void);
/* Leave the streams that nobody left: before the world ends. */
void weft__live_leave_all(void);
void weft__test_ws_leave_all(void);      /* ws.c */
/* Have the application served, live, say at which port, then run a call in that task. Its code. */
int weft__live_call(const weft_app *app, const weft_call *call, int *port);

/* ---- request.c ---- */

/* The bytes of a request, with the cookies that are kept for the application. 0, or a code: HTTP forbids it. */
int weft__test_request(weft__buf *out, const weft_app *app, const char *method, const char *path, const weft_header *headers, size_t count, const weft_str *body);
/* "Cookie: a=b; c=d\r\n" of those that go to this path; nothing when there is none. */
void weft__test_add_cookies(weft__buf *out, const weft_app *app, weft_str path);
/* Keep the cookies of an answer. */
void weft__test_keep_cookies(const weft_app *app, const char *path, const weft_response *r);
void **weft__test_jar(void);         /* where they are kept: in the world's arena */

weft__loop *weft__test_loop(void);
weft_arena *weft__test_arena(void);  /* of what lives until the test ends */
/* What weft_run is in a test's world: the exit status. */
int weft__test_program_run(weft_call call);

weft__os *weft__test_os(void);       /* the simulator of this test's world */
#endif
