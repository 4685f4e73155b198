/* The heap of timers by itself, with many more than a loop of a test has. */
#include <stdlib.h>
#include "scratch.h"
#include "task/timer.h"
#include "weft/check.h"

enum { MANY = 60000 };

static weft__timers heap;
static weft__timer *timers;
static uint64_t dice;
static int64_t last_at_ns;
static uint64_t last_order;
static int fired;

static uint32_t roll(uint32_t sides)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(dice >> 33) % sides;
}

static void fire(weft__timer *t)
{
    bool in_order = t->at_ns > last_at_ns || (t->at_ns == last_at_ns && t->order > last_order);
    if (!in_order) WEFT_CHECK(in_order);
    last_at_ns = t->at_ns;
    last_order = t->order;
    fired++;
}

static void begin(uint64_t seed)
{
    dice = seed;
    last_at_ns = -1;
    fired = 0;
    timers = scratch(MANY * sizeof *timers);
    for (int i = 0; i < MANY; i++) timers[i] = (weft__timer){ .fire = fire };
}

static int running(void)
{
    int n = 0;
    for (int i = 0; i < MANY; i++) n += timers[i].place != 0;
    return n;
}

/* Each running timer knows its entry, no entry is before its parent, and the stopped ones are counted. */
static void expect_a_heap(void)
{
    uint32_t stopped = 0, wrong = 0;
    for (uint32_t i = 0; i < heap.count; i++) {
        const weft__timer_entry *e = &heap.heap[i], *parent = &heap.heap[i ? (i - 1) / 4 : 0];
        stopped += !e->timer;
        wrong += e->timer && e->timer->place != i + 1;
        wrong += e->at_ns < parent->at_ns || (e->at_ns == parent->at_ns && e->order < parent->order);
    }
    WEFT_CHECK_EQ(wrong, 0);
    WEFT_CHECK_EQ(heap.stopped, stopped);
    WEFT_CHECK_EQ(heap.count - stopped, running());
}

static void set_and_stop(int times, uint32_t stop_percent)
{
    for (int i = 0; i < times; i++) {
        weft__timer *t = &timers[roll(MANY)];
        if (roll(100) < stop_percent) weft__timers_stop(&heap, t);
        else WEFT_NEED(weft__timers_start(&heap, t, roll(1000000)) == 0);
    }
}

static void fire_all(void)
{
    int expected = fired + running();
    while (running()) {
        int before = fired, n = weft__timers_fire(&heap, INT64_MAX - 1, 1000);
        WEFT_NEED(n > 0 && n == fired - before);
    }
    WEFT_CHECK_EQ(fired, expected);
    WEFT_CHECK_EQ(running(), 0);
}

WEFT_TEST(tens_of_thousands_of_timers_set_moved_and_stopped_fire_in_their_order)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        begin(seed);
        for (uint32_t percent = 10; percent <= 90; percent += 20) {
            set_and_stop(2 * MANY, percent);
            expect_a_heap();
        }
        set_and_stop(MANY, 5);
        fire_all();
        weft__timers_free(&heap);
    }
}

/* What a crowd of them wakes runs, and others between them. */
WEFT_TEST(of_many_that_are_due_together_some_fire_in_each_turn)
{
    enum { CROWD = 1000, IN_A_TURN = 7 };
    begin(1);
    for (int i = 0; i < CROWD; i++) WEFT_NEED(weft__timers_start(&heap, &timers[i], 7) == 0);
    WEFT_CHECK_EQ(weft__timers_fire(&heap, 6, IN_A_TURN), 0);
    for (int n, before; fired < CROWD; WEFT_CHECK_EQ(fired - before, n)) {
        WEFT_CHECK_EQ(weft__timers_next(&heap), 7);
        before = fired;
        n = weft__timers_fire(&heap, 7, IN_A_TURN);
        WEFT_NEED(n > 0 && n <= IN_A_TURN);
    }
    WEFT_CHECK_EQ(weft__timers_next(&heap), INT64_MAX);
    weft__timers_free(&heap);
}

/* Deadlines that come and go while many others wait: the places of those that went are used again. */
WEFT_TEST(stopped_timers_take_no_more_room_than_running_ones)
{
    begin(1);
    for (int i = 0; i < MANY / 2; i++) WEFT_NEED(weft__timers_start(&heap, &timers[i], roll(1000000)) == 0);
    for (int i = 0; i < 10 * MANY; i++) {
        weft__timer *t = &timers[MANY / 2 + (int)roll(100)];
        WEFT_NEED(weft__timers_start(&heap, t, roll(1000000)) == 0);
        weft__timers_stop(&heap, t);
        if (heap.count > 5 * MANY / 4) break;
    }
    WEFT_CHECK(heap.count <= 5 * MANY / 4);
    expect_a_heap();
    weft__timers_free(&heap);
}

/* After a burst a few starts do not find all of it, but those that follow do. */
WEFT_TEST(after_a_burst_of_timers_their_places_are_given_back_bit_by_bit)
{
    begin(1);
    for (int i = 0; i < MANY; i++) WEFT_NEED(weft__timers_start(&heap, &timers[i], roll(1000000)) == 0);
    for (int i = 0; i < MANY; i++) weft__timers_stop(&heap, &timers[i]);
    WEFT_NEED(weft__timers_start(&heap, &timers[0], 5) == 0);
    WEFT_CHECK(heap.count > MANY - 100);
    for (int i = 0; i < MANY / 4; i++) WEFT_NEED(weft__timers_start(&heap, &timers[roll(10)], 5) == 0);
    WEFT_CHECK(heap.count < 1000);
    expect_a_heap();
    fire_all();
    weft__timers_free(&heap);
}

/* ---- those that a place is kept for ---- */

static void *no_memory(void *ctx, void *old, size_t n)
{
    (void)ctx;
    if (!n) free(old);
    return NULL;
}

/* How many of all timers could be started before memory gave out. */
static int fill_without_memory(int from)
{
    int n = from;
    while (n < MANY && weft__timers_start(&heap, &timers[n], roll(1000000)) == 0) n++;
    return n - from;
}

WEFT_TEST(timers_that_a_place_is_kept_for_start_and_move_when_there_is_no_memory_for_any_other)
{
    begin(1);
    WEFT_NEED(weft__timers_keep(&heap) == 0 && weft__timers_keep(&heap) == 0);
    weft_set_allocator(no_memory, NULL);
    WEFT_CHECK(fill_without_memory(2) > 0);
    for (int i = 0; i < 10; i++) {
        weft__timers_start_kept(&heap, &timers[0], roll(1000000));
        weft__timers_start_kept(&heap, &timers[1], roll(1000000));
        expect_a_heap();
    }
    WEFT_CHECK_EQ(fill_without_memory(running()), 0);
    weft__timers_stop(&heap, &timers[0]);
    WEFT_CHECK_EQ(weft__timers_start(&heap, &timers[MANY - 1], 5), WEFT_ENOMEM);
    weft__timers_start_kept(&heap, &timers[0], 7);
    WEFT_CHECK(timers[0].place && timers[1].place);
    weft_set_allocator(NULL, NULL);
    int rest = MANY - running();
    WEFT_CHECK_EQ(fill_without_memory(MANY - rest), rest);
    expect_a_heap();
    fire_all();
    weft__timers_free(&heap);
}
