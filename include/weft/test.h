#ifndef WEFT_TEST_H
#define WEFT_TEST_H
/* Tests of an application in process: no socket of the system's, no waiting for real. Each test has a world of
 * its own, with a virtual clock that jumps: a handler that sleeps two seconds costs microseconds. The bytes go
 * through the same server, parser and router as in production.      Example: examples/items_test.c  */
#include "weft/check.h"
#include "weft/serve.h"

/* Send one request to the application and wait, in virtual time, for the answer. Never fails: an application
 * whose routes have faults, or an answer that is no HTTP, fails the test and gives status 0. The answer
 * lives until the test ends. `path` is a target with its query: "/items/3?q=x".  */
weft_response weft_test_get(const weft_app *app, const char *path);
weft_response weft_test_post(const weft_app *app, const char *path, const char *json);

/* Any method, headers and body; body NULL for none. */
weft_response weft_test_send(const weft_app *app, const char *method, const char *path,
    const weft_header *headers, size_t header_count, const char *body);

/* Serve `upstream` under a host name (port 80 unless "name:port") for the rest of this test, so that what the
 * application fetches comes from there. */
void weft_test_upstream(const char *host, const weft_app *upstream);

/* Virtual milliseconds since the test's world began. */
int64_t weft_test_ms(void);

/* A handler that computes for long, or sits in a call that blocks, holds the loop: nobody else is served. Here that
 * fails the test after 100 ms (five times as many under sanitizers and valgrind) of processor time or of sleep in
 * calls, and tells function and line; what runs late on a busy machine does not. From here to its end this test
 * allows `ms` (those 100 at least; -1: any). Waits: never. */
void weft_test_allow_blocking(int ms);

/* The body is this JSON, compared by value: WEFT_CHECK_JSON(r.body, { "item_id": 3, "q": "x" }). */
#define WEFT_CHECK_JSON(body, ...) weft__check_json(__FILE__, __LINE__, (body), #__VA_ARGS__)
bool weft__check_json(const char *file, int line, weft_str body, const char *json);
#endif
