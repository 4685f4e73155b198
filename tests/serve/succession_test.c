/* Supervisors behind each other, played with processes that are only said to be: who goes when, however close reloads come. */
#include "serve/succession.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "weft/check.h"

enum { STOP_MS = 15000, WORKERS = 2 };

/* ---- one program after another ---- */

typedef struct played {
    weft__supervisor s;
    int64_t now;
    pid_t next_pid;
    struct { pid_t pid; int signal; } sent[256];
    int sent_count;
} played;

static pid_t start(void *ctx, unsigned slot) { (void)slot; return ++((played *)ctx)->next_pid; }
static void send_signal(void *ctx, pid_t pid, int signal)
{
    played *p = ctx;
    WEFT_NEED(p->sent_count < 256);
    p->sent[p->sent_count].pid = pid;
    p->sent[p->sent_count++].signal = signal;
}
static void say(void *ctx, const char *line) { (void)ctx; (void)line; }
static void tell_stack(void *ctx, unsigned number, pid_t pid, const weft__black_box *box) { (void)ctx; (void)number; (void)pid; (void)box; }
static uint64_t draw(void *ctx) { (void)ctx; return 0; }
static void nothing(void *ctx) { (void)ctx; }
static const weft__supervisor_ops ops = { start, send_signal, say, tell_stack, draw, nothing, nothing, nothing };

static void begin(played *p, const weft__handover *h)
{
    p->s = (weft__supervisor){ .ops = &ops, .ctx = p, .end_ms = STOP_MS };
    WEFT_NEED(weft__fleet_new(&p->s.fleet, &(weft__fleet_shape){ .workers = WORKERS }, NULL) == 0);
    if (h) weft__succession_take(&p->s, h, p->now);
    weft__supervisor_begin(&p->s, p->now);
}

static played *first(void)
{
    played *p = calloc(1, sizeof *p);
    WEFT_NEED(p != NULL);
    p->now = 1000;
    p->next_pid = 100;
    begin(p, NULL);
    return p;
}

static void end(played *p)
{
    weft__fleet_free(p->s.fleet);
    free(p);
}

static void pass(played *p, int64_t ms)
{
    for (int64_t until = p->now + ms; p->now < until;) {
        p->now += 100;
        WEFT_NEED(weft__supervisor_look(&p->s, p->now) >= 0);
    }
}

static void is_ready(played *p, unsigned slot) { weft__fleet_slot(p->s.fleet, slot)->state = WEFT__FLEET_READY; }
static void takes_over(played *p)
{
    for (unsigned i = 0; i < WORKERS; i++) is_ready(p, i);
    pass(p, 1200);
    WEFT_NEED(p->s.announced);
}

/* As words, as it is. */
static void is_replaced(played *p)
{
    char text[8192];
    weft__handover h = { .stop_ms = STOP_MS }, got = { 0 };
    weft__succession_give(&p->s, &h);
    WEFT_NEED((unsigned)h.elder_count == weft__succession_count(&p->s));
    WEFT_NEED(weft__handover_format("WEFT_TEST_SUCCESSION", &h, text, sizeof text));
    WEFT_NEED(setenv("WEFT_TEST_SUCCESSION", strchr(text, '=') + 1, 1) == 0);
    WEFT_NEED(weft__handover_take("WEFT_TEST_SUCCESSION", &got));
    weft__fleet_free(p->s.fleet);
    begin(p, &got);
}

static void has_ended(played *p, pid_t pid)
{
    weft__supervisor_heard(&p->s, &(weft__fleet_word){ .kind = WEFT__FLEET_ENDED, .pid = pid }, p->now);
}

static int count_sent(const played *p, pid_t pid, int signal)
{
    int n = 0;
    for (int i = 0; i < p->sent_count; i++) n += p->sent[i].pid == pid && p->sent[i].signal == signal;
    return n;
}

/* ---- how long ---- */

WEFT_TEST(a_worker_has_the_time_of_one_stop_however_often_the_program_is_replaced)
{
    played *p = first();
    takes_over(p);                                   /* 101 and 102 */
    is_replaced(p);
    takes_over(p);                                   /* 103 and 104; the others are told within these 1.2 s */
    WEFT_CHECK_EQ(count_sent(p, 101, SIGTERM), 1);
    int64_t told = p->now;
    for (int i = 0; i < 5; i++) {
        is_replaced(p);
        pass(p, 2500);
    }
    WEFT_CHECK_EQ(count_sent(p, 101, SIGKILL), 0);
    is_replaced(p);
    pass(p, told + STOP_MS - p->now);
    WEFT_CHECK_EQ(count_sent(p, 101, SIGTERM), 1);
    WEFT_CHECK(count_sent(p, 101, SIGKILL) >= 1 && count_sent(p, 102, SIGKILL) >= 1);
    end(p);
}

WEFT_TEST(of_a_program_that_was_told_to_go_earlier_the_workers_end_earlier)
{
    played *p = first();
    takes_over(p);
    is_replaced(p);
    takes_over(p);
    is_replaced(p);
    WEFT_CHECK_EQ(weft__succession_programs(&p->s), 2);
    pass(p, 5000);
    takes_over(p);
    WEFT_CHECK_EQ(count_sent(p, 103, SIGTERM), 1);
    WEFT_CHECK_EQ(weft__succession_programs(&p->s), 2);
    is_replaced(p);
    WEFT_CHECK_EQ(weft__succession_programs(&p->s), 3);
    pass(p, STOP_MS - 6000);
    WEFT_CHECK(count_sent(p, 101, SIGKILL) == 1 && count_sent(p, 103, SIGKILL) == 0);
    end(p);
}

/* Recycled, say: each was told for itself. */
WEFT_TEST(workers_of_one_program_that_go_at_times_of_their_own_are_of_one_program)
{
    played *p = first();
    takes_over(p);
    for (unsigned i = 0; i < WORKERS; i++) {
        weft__fleet_slot(p->s.fleet, i)->state = WEFT__FLEET_WISHES;
        pass(p, 500 * (1 + i));
        is_ready(p, WORKERS + i);
        pass(p, 100);
    }
    WEFT_NEED(count_sent(p, 101, SIGTERM) == 1 && count_sent(p, 102, SIGTERM) == 1);
    is_replaced(p);
    WEFT_CHECK_EQ(weft__succession_count(&p->s), 3 * WORKERS);
    WEFT_CHECK_EQ(weft__succession_programs(&p->s), 1);
    takes_over(p);
    WEFT_CHECK_EQ(weft__succession_programs(&p->s), 1);
    WEFT_CHECK(count_sent(p, 101, SIGTERM) == 1 && count_sent(p, 103, SIGTERM) == 1);
    is_replaced(p);
    WEFT_CHECK_EQ(weft__succession_programs(&p->s), 2);
    end(p);
}

/* ---- who never took over ---- */

WEFT_TEST(workers_of_a_program_that_never_took_over_go_when_it_is_replaced)
{
    played *p = first();
    takes_over(p);
    for (int i = 0; i < 10; i++) {
        is_replaced(p);
        WEFT_CHECK(weft__succession_programs(&p->s) <= 2);
        WEFT_CHECK_EQ(weft__supervisor_elders_that_serve(&p->s), WORKERS);
        pid_t last = p->next_pid;
        if (i) WEFT_CHECK(count_sent(p, last - 2, SIGTERM) == 1 && count_sent(p, last - 3, SIGTERM) == 1);
        if (i) has_ended(p, last - 2);
        if (i) has_ended(p, last - 3);
        is_ready(p, 0);                              /* the other one never */
        pass(p, 1500);
        WEFT_CHECK_EQ(count_sent(p, last, SIGTERM), 0);
    }
    WEFT_CHECK_EQ(count_sent(p, 101, SIGTERM), 0);
    WEFT_CHECK_EQ(weft__succession_count(&p->s), 2 * WORKERS);
    end(p);
}

WEFT_TEST(who_serves_in_the_place_of_an_old_worker_that_has_ended_stays)
{
    played *p = first();
    takes_over(p);
    is_replaced(p);                                  /* 103 serves, 104 does not */
    has_ended(p, 102);
    is_ready(p, 0);
    pass(p, 1500);
    is_replaced(p);
    WEFT_CHECK(count_sent(p, 101, SIGTERM) == 0 && count_sent(p, 103, SIGTERM) == 0);
    WEFT_CHECK_EQ(count_sent(p, 104, SIGTERM), 1);
    WEFT_CHECK_EQ(weft__supervisor_elders_that_serve(&p->s), 2);
    takes_over(p);
    WEFT_CHECK(count_sent(p, 101, SIGTERM) == 1 && count_sent(p, 103, SIGTERM) == 1);
    WEFT_CHECK_EQ(count_sent(p, 104, SIGTERM), 1);
    end(p);
}

WEFT_TEST(a_worker_that_took_over_serves_on_beside_the_next_program)
{
    played *p = first();
    is_ready(p, 0);
    pass(p, 200);
    is_replaced(p);                                  /* before it had all of its workers, with nobody before it */
    pass(p, 1500);
    WEFT_CHECK_EQ(p->sent_count, 0);
    takes_over(p);
    WEFT_CHECK(count_sent(p, 101, SIGTERM) == 1 && count_sent(p, 102, SIGTERM) == 1);
    end(p);
}
