/* A background task is asked for, with each allocation failed in turn. */
#include "os/sim.h"
#include "support/failing.h"
#include "task/fiber.h"
#include "web/background.h"

WEFT_DECLARE(Leaf);
WEFT_DEFINE(Leaf, field(weft_str, text), list(Leaf, below), ref(Leaf, other));
static int count_leaf(const Leaf *in) { return in->below.count == 2 ? 0 : WEFT_EINVAL; }

/* ---- without memory ---- */

static int asks_without_memory(void)
{
    weft__backgrounds all;
    weft__afterwards a = { .newest = NULL };
    Leaf below[] = { { .text = WEFT_S("a") }, { .text = WEFT_S("b") } }, top = { .text = WEFT_S("top"), .below = { below, 2, 2 } };
    weft__backgrounds_open(&all, &(weft_serve_opts){ .background_ms = 1 });
    weft__task_work(&a);
    (void)weft_fail(WEFT_EINVAL, "so that the task has room for failures");
    weft__errors_clear();
    FAIL_EACH_IN_TURN(i) {
        int rc = weft_background(Leaf, count_leaf, &top);
        WEFT_CHECK_EQ(rc, fails.failed ? WEFT_ENOMEM : 0);
        WEFT_CHECK_EQ(all.count, rc == 0);
        weft__background_drop(&a);
        WEFT_CHECK_EQ(all.count, 0);
        weft__errors_clear();
    }
    weft_set_allocator(NULL, NULL);
    weft__task_work(NULL);
    return weft__backgrounds_close(&all);
}

WEFT_TEST(without_memory_who_asks_is_told_and_nothing_is_left)
{
    weft__os *os = weft__sim_new(&(weft__sim_opts){ .wall_us = 0 });
    weft__loop *loop = os ? weft__loop_new(os) : NULL;
    WEFT_NEED(loop != NULL);
    loop->blocks.keep_max = 0;
    WEFT_CHECK_EQ(weft__loop_run(loop, weft_call(asks_without_memory)), 0);
    weft__loop_free(loop);
    os->ops->free(os);
}
