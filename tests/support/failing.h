#ifndef WEFT_TESTS_FAILING_H
#define WEFT_TESTS_FAILING_H
/* An allocator that counts, and that can fail one allocation by its number: tests run the same code once
 * for each allocation it makes, with that one failing.
 *
 *     FAIL_EACH_IN_TURN(i) {
 *         int rc = work();
 *         WEFT_CHECK_EQ(rc, fails.failed ? WEFT_ENOMEM : 0);
 *     }
 *
 * The last round is the first in which nothing failed. Each round must leave no allocation behind. */
#include <stdlib.h>
#include "weft/check.h"

typedef struct failing { long made, fail_at, live; bool failed, always; } failing;
static failing fails __attribute__((unused));

/* Frees and shrinking never fail; a resize that fails leaves the old bytes as they are. */
static inline void *failing_resize(void *ctx, void *ptr, size_t size)
{
    failing *f = ctx;
    if (!size) {
        f->live -= ptr != NULL;
        free(ptr);
        return NULL;
    }
    f->made++;
    if (f->made == f->fail_at || (f->always && f->made > f->fail_at)) {
        f->failed = true;
        return NULL;
    }
    void *p = realloc(ptr, size);
    if (p) f->live += ptr == NULL;
    return p;
}

static inline void failing_from(long fail_at)
{
    fails = (failing){ .fail_at = fail_at };
    weft_set_allocator(failing_resize, &fails);
}

/* Ends a round: true when another one is due. */
static inline bool failing_next(const char *file, int line, long round)
{
    if (fails.live) weft__check_fail(file, line, "round %ld left %ld allocations behind", round, fails.live);
    if (round > 100000) weft__check_fail(file, line, "100000 rounds, and still an allocation fails");
    return fails.failed && round <= 100000;
}

#define FAIL_EACH_IN_TURN(i) \
    for (long i = 1, more_##i = 1; more_##i && (failing_from(i), 1); more_##i = failing_next(__FILE__, __LINE__, i), i++)
#endif
