#ifndef WEFT_TESTS_WIRE_HTTP1_FEED_H
#define WEFT_TESTS_WIRE_HTTP1_FEED_H
/* Feeds heads to a parser, whole and in pieces, each time from a copy of its exact size, so that
 * ASan sees a read past either end. */
#include <stdlib.h>
#include <string.h>
#include "weft/check.h"
#include "wire/http1.h"

typedef int parse_request_fn(
    const char *, size_t, size_t *, const weft__http_limits *, weft__http_head *);

/* The same parser, built without vector instructions (http1_portable_test.c). */
int portable_parse_request(
    const char *, size_t, size_t *, const weft__http_limits *, weft__http_head *);

enum { FEED_HEADERS = 20 };

typedef struct answer { int rc, status; const char *fault; } answer;

static inline answer feed_once(
    parse_request_fn *parse, const char *bytes, size_t len, size_t *scanned)
{
    weft__http_header headers[FEED_HEADERS];
    weft__http_head head = { .headers = headers, .room = FEED_HEADERS };
    weft__http_limits limits = { .head_bytes_max = 4096, .target_bytes_max = 1024 };
    char *copy = malloc(len);
    memcpy(copy, bytes, len);
    int rc = parse(copy, len, scanned, &limits, &head);
    free(copy);
    if (rc >= 0) return (answer){ .rc = rc };
    return (answer){ rc, head.fault_status, head.fault };
}

static inline answer feed_whole(parse_request_fn *parse, const char *bytes, size_t len)
{
    size_t scanned = 0;
    return feed_once(parse, bytes, len, &scanned);
}

/* The first `cut` bytes, and then all of them unless that was enough for an answer. */
static inline answer feed_cut(parse_request_fn *parse, const char *bytes, size_t len, size_t cut)
{
    size_t scanned = 0;
    answer a = feed_once(parse, bytes, cut, &scanned);
    return a.rc ? a : feed_once(parse, bytes, len, &scanned);
}

/* One byte more each time. */
static inline answer feed_bytewise(parse_request_fn *parse, const char *bytes, size_t len)
{
    size_t scanned = 0;
    answer a = { 0 };
    for (size_t n = 1; n <= len && !a.rc; n++) a = feed_once(parse, bytes, n, &scanned);
    return a;
}

static inline bool same_answer(answer a, answer b)
{
    bool same_fault = a.fault == b.fault || (a.fault && b.fault && strcmp(a.fault, b.fault) == 0);
    return a.rc == b.rc && a.status == b.status && same_fault;
}

/* No empty line yet, and no LF that can only be a fault. */
static inline bool head_is_open(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != '\n') continue;
        if (i == 0 || bytes[i - 1] != '\r') return false;
        if (i >= 3 && memcmp(bytes + i - 3, "\r\n\r", 3) == 0) return false;
    }
    return true;
}

/* The answer to the whole, or, when the head has no end and is bad, still a wait. */
static inline bool pieces_agree(answer whole, answer pieces, const char *bytes, size_t len)
{
    bool waits = pieces.rc == 0 && whole.rc < 0 && head_is_open(bytes, len);
    return waits || same_answer(whole, pieces);
}
#endif
