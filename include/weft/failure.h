#ifndef WEFT_FAILURE_H
#define WEFT_FAILURE_H
/* What a client is told when its request fails, beyond weft_fail (task.h): details that are JSON, headers, and answers of
 * the application's own.                                              Example: examples/problems.c  */
#include "weft/model.h"
#include "weft/task.h"

/* ---- failing ---- */

/* Record a failure with a status (400 to 599) whose detail is a model, list, map or scalar instead of a text, and return its
 * code: return weft_fail_json(409, Taken, &(Taken){ .name = name }). The client is told {"detail": {...}}, the log the JSON. At most 64 KiB. A value
 * that cannot be written, or another status, is WEFT_EINVAL, recorded: 500. Waits: never. */
#define weft_fail_json(status, Model, ...) weft__fail_json(WEFT__HERE, (status), &weft_schema_##Model, (const Model *){ __VA_ARGS__ })
int weft__fail_json(const char *place, int status, const weft_schema *, const void *value) WEFT__COLD;

/* Give the newest failure of this code a header that goes out with it, and return the code:
 *
 *     return weft_fail_header(weft_fail(401, "Not authenticated"), "WWW-Authenticate", "Bearer");
 *
 * Another of the same name replaces it, and one that reply(name) has. For codes that a handler ends with, from however deep it
 * comes. Names and values are checked as weft_reply_header's are, and together take 8 KiB at most: else WEFT_EINVAL, recorded; also for
 * Content-Type, which the form of the answer says.
 * Waits: never. */
int weft_fail_header(int rc, const char *name, const char *fmt, ...) WEFT_PRINTF(3, 4) WEFT__COLD;

/* ---- answers of the application's own ---- */

/* A failure that is about to be answered: of a handler, or weft's own (404 without a route, 405, 422, 413 ...). Valid while it is
 * being answered. */
typedef struct weft_failure {
    int code;                        /* WEFT_STATUS(404), or the code that a handler ended with: WEFT_ETIMEDOUT */
    int status;                      /* that it is answered with */
    weft_str text;                   /* what the client would be told; for a detail that is no text, its JSON */
    weft_json detail;                /* the same as JSON: of a 422 the list of faults */
    weft_str body;                   /* of a 422: the body that came, when it was read in one piece; "" for none */
    const char *inside;              /* what happened, for the log and no client: text and trace; "" when nothing more is known */
    const char *trace;
    const char *route;               /* "GET /items/{item_id}"; "" without one */
    const weft_request *request;
} weft_failure;

/* Answers a failure: int not_found(const weft_failure *failure, weft_reply *out). The reply has the failure's status and headers
 * already (Allow of a 405, WWW-Authenticate), and no body; a file may be its body (weft_reply_file). It runs in the request's task, after the route's deadline, and may wait.
 * The log is told of the failure as it would be without it, with the failure's own status. When it fails itself, that is logged, and
 * the client gets the answer it would have got without it. It is not called when the
 * request is cancelled: the client has left, or the server stops. */
typedef int weft_failure_handler(const weft_failure *failure, weft_reply *out);

/* .on_failure = WEFT_ON_FAILURE({ 404, not_found }, { WEFT_ETIMEDOUT, late }, { WEFT_ANY_FAILURE, other }) of an application: for a
 * status, a code, or any other failure. A code comes before its status, and both before any. What a request is answered with before
 * there is one (malformed HTTP, 431) is not told. An application that is mounted has its own. */
enum { WEFT_ANY_FAILURE = 0 };
typedef struct weft_on_failure { int of; weft_failure_handler *handler; } weft_on_failure;
#define WEFT_ON_FAILURE(...) (const weft_on_failure[]){ __VA_ARGS__, { 0 } }
#endif
