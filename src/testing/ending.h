#ifndef WEFT_SRC_TESTING_ENDING_H
#define WEFT_SRC_TESTING_ENDING_H
/* While a test waits for something of its world to end: what ignores its cancel fails the test. */
#include "task/loop.h"

typedef struct weft__ending {
    weft__hook hook;
    weft__timer overdue;
    weft__loop *loop;
    const char *what;                    /* "a handler ignores its cancel" */
    const char *(*name)(const void *of); /* of what exactly, asked for when it has failed; NULL: nobody knows better */
    const void *of;
    int64_t at_ns;
    unsigned turns;
} weft__ending;

/* Whoever waits has a limit of its own, or weft__ending_limit sets one, of virtual time. Wait: never. */
void weft__ending_begin(weft__ending *e, weft__loop *loop, const char *what);
void weft__ending_limit(weft__ending *e, int64_t ms);
void weft__ending_end(weft__ending *e);

/* What ignores its cancel cannot be left, and stands on memory of who wanted to leave it: nothing that the test does from here on would mean anything. So it
 * ends here, failed, with a list of its tasks. */
_Noreturn void weft__ending_failed(const weft__ending *e);
#endif
