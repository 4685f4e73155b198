#ifndef WEFT_SRC_TESTING_BLOCKING_H
#define WEFT_SRC_TESTING_BLOCKING_H
#include "task/watchdog.h"

/* Watch a loop of the in-process client: what holds it too long fails the test. NULL without memory, or when the test
 * allows anything. */
weft__watchdog *weft__test_watch(weft__loop *loop);

/* Limits as of weft_test_allow_blocking are the next test's again. */
void weft__test_watch_reset(void);
#endif
