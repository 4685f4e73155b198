/* What waits between tasks, called on a thread where no task is: refused by name, nothing taken. */
#include <string.h>
#include "task/job.h"
#include "task/loop.h"
#include "weft/check.h"
#include "weft/sync.h"

static weft_channel(int) items;
static weft_mutex lock;
static weft_semaphore places = { .free = 1 };
static weft_cond cond;
static weft_flag flag;
static weft_once once;
static weft_local(int) value;

static int nothing(void) { return 0; }
static bool refused(int rc, const char *what)
{
    const weft_error *e = weft_error_of(rc);
    return rc == WEFT_EINVAL && strncmp(e->text, what, strlen(what)) == 0 && strstr(e->text, "inside weft_in_thread(try_all): nothing waits");
}

static int try_all(void)
{
    int item = 5;
    WEFT_CHECK(refused(weft_send(&items, 2), "weft_send"));
    WEFT_CHECK(refused(weft_recv(&items, &item), "weft_recv"));
    WEFT_CHECK(refused(weft_mutex_lock(&lock), "weft_mutex_lock"));
    WEFT_CHECK(refused(weft_semaphore_take(&places), "weft_semaphore_take"));
    WEFT_CHECK(refused(weft_cond_wait(&cond, &lock), "weft_cond_wait"));
    WEFT_CHECK(refused(weft_flag_wait(&flag), "weft_flag_wait"));
    WEFT_CHECK(refused(weft_once_do(&once, nothing), "weft_once_do"));
    WEFT_CHECK(refused(weft_race(weft_call(nothing)), "weft_gather"));
    WEFT_CHECK(refused(weft_quorum(1, weft_call(nothing)), "weft_gather"));
    WEFT_CHECK(refused(weft_start(NULL, nothing), "weft_start"));
    WEFT_CHECK_EQ(weft_local_set(&value, 5), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_local_get(&value, -1), -1);
    weft_started();
    WEFT_CHECK_EQ(item, 5);
    WEFT_CHECK_EQ(weft_channel_count(&items), 1);
    WEFT_CHECK(!weft_mutex_try_lock(&lock) && !lock.owner);
    WEFT_CHECK_EQ(places.free, 1);
    return 0;
}

WEFT_TEST(where_no_task_is_nothing_waits_for_others)
{
    weft_arena arena;
    weft__arena_init(&arena, NULL, 1 << 20);
    weft__job_context job = { .kind = "weft_in_thread", .name = "try_all", .arena = &arena,
        .instead = "nothing waits on a thread; call what blocks (sleep, read) instead" };
    WEFT_CHECK_EQ(weft_channel_open(&items, 2), 0);
    WEFT_CHECK_EQ(weft_try_send(&items, 1), 1);
    WEFT_CHECK_EQ(weft__job_run(&job, &weft_call(try_all)), 0);
    weft__job_end(&job);
    weft__arena_free(&arena);
    weft_channel_free(&items);
}
