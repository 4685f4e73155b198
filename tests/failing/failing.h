#ifndef WEFT_TESTS_FAILING_STATE_H
#define WEFT_TESTS_FAILING_STATE_H

/* Shared between a test's process and the one that judges it. */
typedef struct failing_state {
    long calls, fail_at;             /* counted so far; which one fails, 0: none */
    const char *volatile failed;     /* the name of the one that did; NULL: the test never got there */
    int armed;
} failing_state;

extern failing_state *failing_now;
extern const char *failing_call;     /* only calls with this in their name count; NULL: all */
#endif
