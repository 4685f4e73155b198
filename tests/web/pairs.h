#ifndef WEFT_TESTS_WEB_PAIRS_H
#define WEFT_TESTS_WEB_PAIRS_H
#include <stdio.h>
#include <string.h>
#include "weft.h"
#include "support/headers.h"

/* A request and its answer. header: "Name: value", several divided by a line feed. json: NULL when the body is not
 * looked at. */
typedef struct pair {
    const char *method, *path, *header, *body;
    int status;
    const char *json;
} pair;

/* JSON as it reads, as a string. */
#define JSON(...) #__VA_ARGS__

static inline weft_response pair_send(const weft_app *app, const pair *p)
{
    weft_header headers[8] = { 0 };
    size_t n = headers_of(p->header, headers, weft_count(headers));
    return weft_test_send(app, p->method, p->path, headers, n, p->body);
}

static inline void pairs_hold(const char *file, int line, const weft_app *app, const pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        weft_response r = pair_send(app, &pairs[i]);
        bool ok = r.status == pairs[i].status;
        if (!ok) weft__check_fail(file, line, "expected status %d, got %d: %.*s", pairs[i].status, r.status, WEFT_FMT(r.body));
        if (pairs[i].json) ok &= weft__check_json(file, line, r.body, pairs[i].json);
        if (!ok) fprintf(stderr, "    by %s %s\n", pairs[i].method, pairs[i].path);
    }
}
#define PAIRS(app, ...) do { \
        static const pair pairs_[] = { __VA_ARGS__ }; \
        pairs_hold(__FILE__, __LINE__, (app), pairs_, weft_count(pairs_)); \
    } while (0)
#endif
