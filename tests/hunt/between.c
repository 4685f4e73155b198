/* A workshop: makers put items into a channel, workers take a machine (a semaphore) and a shelf (a mutex) for each and pass
 * it on, keepers put them down and tell a clerk (a condition). Some lose patience, some are cancelled. What was said to
 * be handed over arrives once, nothing stays locked, and who waits is woken: else the simulator ends the run as a deadlock. */
#include <string.h>
#include "hunt.h"
#include "weft/sync.h"

enum { MAKERS = 3, EACH = 8, ITEMS = MAKERS * EACH, WORKERS = 5, KEEPERS = 2, SHELVES = 2, TASKS = MAKERS + WORKERS + KEEPERS };

typedef weft_channel(int) ints;
static struct {
    ints orders, done;
    weft_semaphore machines;
    weft_mutex shelf[SHELVES], book;
    weft_cond written;
    weft_flag closing;
    unsigned machine_count, machines_busy;
    int inside[SHELVES], kept, told;
    bool book_closed;
    int ordered[ITEMS], taken[ITEMS], passed[ITEMS], arrived[ITEMS];
} shop;

/* ---- makers ---- */

static int order(int item)
{
    WEFT_SCOPE(patience, .timeout_ms = patience_ms(3));
    int rc = weft_send(&shop.orders, item);
    shop.ordered[item] = rc == 0;
    return unless_caught(patience, rc);
}

static int maker(const int *me)
{
    for (int i = 0; i < EACH; i++) {
        WEFT_TRY(pause_somehow());
        WEFT_TRY(order(*me * EACH + i));
    }
    return 0;
}

/* ---- workers ---- */

static int on_shelf(int s)
{
    WEFT_LOCKED(&shop.shelf[s]);
    WEFT_CHECK_EQ(shop.inside[s]++, 0);
    int rc = pause_somehow();
    WEFT_CHECK_EQ(--shop.inside[s], 0);
    return rc;
}

static int at_machine(int item)
{
    WEFT_TAKEN(&shop.machines);
    WEFT_CHECK(++shop.machines_busy <= shop.machine_count);
    int rc = pause_somehow();
    if (rc == 0) rc = on_shelf(item % SHELVES);
    shop.machines_busy--;
    return rc;
}

/* An item whose worker lost patience is thrown away. */
static int work(int item)
{
    WEFT_SCOPE(patience, .timeout_ms = patience_ms(6));
    int rc = at_machine(item);
    if (rc == 0) rc = weft_send(&shop.done, item);
    shop.passed[item] = rc == 0;
    return unless_caught(patience, rc);
}

static int worker(void)
{
    int item, rc;
    while ((rc = weft_recv(&shop.orders, &item)) > 0) {
        WEFT_CHECK_EQ(shop.taken[item]++, 0);
        WEFT_TRY(work(item));
    }
    return rc;
}

/* ---- keepers and the clerk ---- */

static int note(void)
{
    WEFT_SCOPE(ends, .shield = true);                /* what was taken is written down, also by one that was cancelled */
    WEFT_LOCKED(&shop.book);
    WEFT_TRY(pause_somehow());
    shop.kept++;
    weft_cond_signal(&shop.written);
    return 0;
}

static int keeper(void)
{
    int item, rc;
    while ((rc = weft_recv(&shop.done, &item)) > 0) {
        shop.arrived[item]++;
        WEFT_TRY(note());
    }
    return rc;
}

static int clerk(void)
{
    WEFT_LOCKED(&shop.book);
    while (!shop.book_closed || shop.told < shop.kept) {
        while (shop.told == shop.kept && !shop.book_closed) WEFT_TRY(weft_cond_wait(&shop.written, &shop.book));
        shop.told = shop.kept;
    }
    return 0;
}

static int guard(void)
{
    WEFT_TRY(weft_flag_wait(&shop.closing));
    WEFT_LOCKED(&shop.book);
    shop.book_closed = true;
    weft_cond_broadcast(&shop.written);
    return 0;
}

/* ---- a day ---- */

static int begin(void)
{
    memset(&shop, 0, sizeof shop);
    shop.machines.free = shop.machine_count = 1 + roll(2);
    WEFT_TRY(weft_channel_open(&shop.orders, roll(4)));
    return weft_channel_open(&shop.done, roll(3));
}

static void drain(ints *ch, int *arrived)
{
    int item;
    while (weft_try_recv(ch, &item) > 0) arrived[item]++;
    WEFT_CHECK(!ch->core.senders.first && !ch->core.receivers.first);
    weft_channel_free(ch);
}

static void expect_all_in_its_place(void)
{
    drain(&shop.orders, shop.taken);
    drain(&shop.done, shop.arrived);
    for (int i = 0; i < ITEMS; i++) {
        WEFT_CHECK_EQ(shop.taken[i], shop.ordered[i]);
        WEFT_CHECK_EQ(shop.arrived[i], shop.passed[i]);
    }
    for (int i = 0; i < SHELVES; i++) WEFT_CHECK(!shop.shelf[i].owner && !shop.shelf[i].waiting.first);
    WEFT_CHECK(!shop.book.owner && !shop.book.waiting.first && !shop.written.waiting.first);
    WEFT_CHECK_EQ(shop.machines.free, shop.machine_count);
    WEFT_CHECK_EQ(shop.told, shop.kept);
}

/* Of makers and workers one each, and of keepers one, are never cancelled. */
static int day(void)
{
    WEFT_TRY(begin());
    {
        weft_task *tasks[TASKS];
        int n = 0;
        WEFT_SCOPE(helpers);
        WEFT_SCOPE(keepers);
        WEFT_SCOPE(workers);
        WEFT_SCOPE(makers);
        weft_task *clerks = weft_spawn(helpers, clerk);
        weft_spawn(helpers, guard);
        weft_spawn(keepers, keeper);
        weft_spawn(workers, worker);
        for (int i = 0; i < MAKERS; i++) tasks[n++] = weft_spawn(makers, maker, &i);
        for (int i = 1; i < WORKERS; i++) tasks[n++] = weft_spawn(workers, worker);
        for (int i = 1; i < KEEPERS; i++) tasks[n++] = weft_spawn(keepers, keeper);
        weft_spawn(helpers, cancel_some, (&(victims){ tasks, n, 4, 8 }));
        WEFT_TRY(weft_join(makers));
        weft_channel_close(&shop.orders);
        WEFT_TRY(weft_join(workers));
        weft_channel_close(&shop.done);
        WEFT_TRY(weft_join(keepers));
        weft_flag_raise(&shop.closing);
        WEFT_TRY(weft_await(clerks));
        WEFT_TRY(weft_join(helpers));
    }
    expect_all_in_its_place();
    return 0;
}

static void run(uint64_t seed) { hunt_world(&(weft__sim_opts){ .seed = seed }, weft_call(day)); }

const scenario hunt_between = { "between", "channels, mutexes, a semaphore, a condition and a flag, with cancels and deadlines", run };
