/* A word that one process of a fleet holds at a time, whatever becomes of who holds it. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "os/fleet.h"
#include "weft/check.h"

enum { ROUNDS = 20000 };

static weft__fleet *fleet_of_two(void)
{
    weft__fleet *c = NULL;
    WEFT_NEED(weft__fleet_new(&c, &(weft__fleet_shape){ .workers = 2, .common_bytes = 4096 }, NULL) == 0);
    for (unsigned i = 0; i < 2; i++) {
        weft__fleet_slot(c, i)->incarnation = 1;
        weft__fleet_slot(c, i)->state = WEFT__FLEET_READY;
    }
    c->mine = 0;
    return c;
}

WEFT_TEST(what_one_worker_holds_another_does_not_get)
{
    weft__fleet *c = fleet_of_two();
    weft__fleet_lock *lock = weft__fleet_common(c);
    WEFT_CHECK_EQ(weft__fleet_lock_take(c, lock), WEFT__FLEET_HELD);
    c->mine = 1;
    int64_t began = weft__fleet_now_ms();
    WEFT_CHECK_EQ(weft__fleet_lock_take(c, lock), WEFT__FLEET_BUSY);
    WEFT_CHECK(weft__fleet_now_ms() - began >= 4);
    weft__fleet_lock_give(lock);
    WEFT_CHECK_EQ(weft__fleet_lock_take(c, lock), WEFT__FLEET_HELD);
    weft__fleet_free(c);
}

WEFT_TEST(what_a_dead_worker_held_is_told_to_be_broken_once)
{
    weft__fleet *c = fleet_of_two();
    weft__fleet_lock *lock = weft__fleet_common(c);
    WEFT_CHECK_EQ(weft__fleet_lock_take(c, lock), WEFT__FLEET_HELD);
    uint64_t dead = weft__fleet_who(c), generation = weft__fleet_generation(c);
    WEFT_CHECK(weft__fleet_lives(c, dead));
    weft__fleet_slot(c, 0)->state = WEFT__FLEET_FREE;
    WEFT_CHECK(!weft__fleet_lives(c, dead));
    weft__fleet_slot(c, 0)->incarnation++;           /* another one is there in its place, and holds nothing */
    weft__fleet_slot(c, 0)->state = WEFT__FLEET_READY;
    WEFT_CHECK(!weft__fleet_lives(c, dead) && weft__fleet_who(c) != dead && weft__fleet_generation(c) != generation);
    c->mine = 1;
    WEFT_CHECK_EQ(weft__fleet_lock_take(c, lock), WEFT__FLEET_BROKEN);
    weft__fleet_lock_give(lock);
    WEFT_CHECK_EQ(weft__fleet_lock_take(c, lock), WEFT__FLEET_HELD);
    WEFT_CHECK(!weft__fleet_lives(c, 0) && !weft__fleet_lives(c, UINT64_MAX));
    weft__fleet_free(c);
}

/* Two words that are to be the same whenever nobody holds the lock. */
typedef struct guarded { weft__fleet_lock lock; volatile uint64_t a, b; volatile uint32_t torn; } guarded;

static void count_up(const weft__fleet *c, guarded *g)
{
    for (int i = 0; i < ROUNDS; i++) {
        while (weft__fleet_lock_take(c, &g->lock) == WEFT__FLEET_BUSY) continue;
        if (g->a != g->b) g->torn = 1;
        g->a = g->a + 1;
        g->b = g->b + 1;
        weft__fleet_lock_give(&g->lock);
    }
}

WEFT_TEST(two_processes_never_hold_it_at_once)
{
    weft__fleet *c = fleet_of_two();
    guarded *g = weft__fleet_common(c);
    int status = -1;
    pid_t pid = fork();
    WEFT_NEED(pid >= 0);
    if (pid == 0) {
        c->mine = 1;
        count_up(c, g);
        _exit(0);
    }
    count_up(c, g);
    WEFT_CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    WEFT_CHECK_EQ(g->a, 2 * ROUNDS);
    WEFT_CHECK(g->a == g->b && !g->torn);
    weft__fleet_free(c);
}
