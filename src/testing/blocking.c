/* In tests what holds the loop is a failure: virtual time stands, and so would every other request. */
#include "testing/blocking.h"
#include "testing/verdict.h"
#include "weft/test.h"

enum { LIMIT_MS = 100 };

static int allowed_ms;                   /* 0: the usual limit; < 0: any time */

void weft_test_allow_blocking(int ms) { allowed_ms = ms; }
void weft__test_watch_reset(void) { allowed_ms = 0; }

static int limit_ms(void)
{
    int usual = LIMIT_MS * (int)weft__test_slower();
    return allowed_ms > usual ? allowed_ms : usual;
}

/* Told while it lasts when it lasts long, for a test that never ends is killed; else when it is over. What counts is how long
 * it computed or slept in calls: on a busy machine the loop may stand still and be blameless. */
static void told(void *ctx, const weft__block *b)
{
    static bool failed;                  /* the current block has; used by one watchdog at a time */
    (void)ctx;
    if (!failed && !b->starved && b->busy_ms >= limit_ms()) {
        failed = true;
        weft__check_fail("weft_test", 0, "the loop was blocked %lld ms: %s%s%s\n    Nothing else is served meanwhile. Move it off the loop, "
            "or say weft_test_allow_blocking(%lld) in this test.\n%s", (long long)b->busy_ms, b->work,
            b->place[0] ? " in " : "", b->place, (long long)b->busy_ms / 100 * 100 + 200, b->stack);
    }
    if (b->last) failed = false;
}

weft__watchdog *weft__test_watch(weft__loop *loop)
{
    return allowed_ms < 0 ? NULL : weft__watchdog_start(loop, limit_ms(), told, NULL);
}
