/* What a supervisor decides, played with processes that are only said to be: hours of it take no time. */
#include "serve/supervisor.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "weft/check.h"

enum { STOP_MS = 15000 };

typedef struct played {
    weft__supervisor s;
    int64_t now;
    pid_t next_pid;
    int started, stuck_told, reloads, readies, ends, stacks;
    int started_before_stack;            /* when the last stack was told */
    bool told_full;                      /* ... the box was as it had been left */
    int fail_starts;                     /* how many forks fail from now on */
    struct { pid_t pid; int signal; } sent[256];
    int sent_count;
    char said[8192];
} played;

static pid_t start(void *ctx, unsigned slot)
{
    played *p = ctx;
    (void)slot;
    if (p->fail_starts > 0 && p->fail_starts--) return WEFT_ELIMIT;
    p->started++;
    return ++p->next_pid;
}
static void send_signal(void *ctx, pid_t pid, int signal)
{
    played *p = ctx;
    WEFT_NEED(p->sent_count < 256);
    p->sent[p->sent_count].pid = pid;
    p->sent[p->sent_count++].signal = signal;
}
static void say(void *ctx, const char *line)
{
    played *p = ctx;
    size_t n = strlen(p->said);
    snprintf(p->said + n, sizeof p->said - n, "%s\n", line);
}
static void tell_stack(void *ctx, unsigned number, pid_t pid, const weft__black_box *box)
{
    (void)number;
    (void)pid;
    ((played *)ctx)->told_full = box->full;
    ((played *)ctx)->stacks++;
    ((played *)ctx)->started_before_stack = ((played *)ctx)->started;
}
static uint64_t draw(void *ctx) { (void)ctx; return 0; }
static void all_ready(void *ctx) { ((played *)ctx)->readies++; }
static void ends(void *ctx) { ((played *)ctx)->ends++; }
static void reload(void *ctx) { ((played *)ctx)->reloads++; }
static const weft__supervisor_ops ops = { start, send_signal, say, tell_stack, draw, all_ready, ends, reload };

static played *begin(unsigned workers)
{
    played *p = calloc(1, sizeof *p);
    WEFT_NEED(p != NULL);
    WEFT_NEED(weft__fleet_new(&p->s.fleet, &(weft__fleet_shape){ .workers = workers }, NULL) == 0);
    p->s.ops = &ops;
    p->s.ctx = p;
    p->s.stuck_ms = 30000;
    p->s.end_ms = STOP_MS;
    p->now = 1000;
    p->next_pid = 100;
    weft__supervisor_begin(&p->s, p->now);
    return p;
}

static void end(played *p)
{
    weft__fleet_free(p->s.fleet);
    free(p);
}

static weft__ship *ship(played *p, unsigned slot) { return weft__fleet_slot(p->s.fleet, slot); }
static void is_ready(played *p, unsigned slot) { ship(p, slot)->state = WEFT__FLEET_READY; }

/* Time passes; loops of those in `turning` (bits) turn meanwhile. */
static void pass(played *p, int64_t ms, unsigned turning)
{
    for (int64_t until = p->now + ms; p->now < until;) {
        p->now += 100;
        for (unsigned i = 0; i < p->s.fleet->slots; i++)
            if (turning >> i & 1) ship(p, i)->beats++;
        int wait = weft__supervisor_look(&p->s, p->now);
        WEFT_NEED(wait >= 0 && wait <= 500);
    }
}

static void dies(played *p, pid_t pid, int status)
{
    weft__supervisor_heard(&p->s, &(weft__fleet_word){ .kind = WEFT__FLEET_ENDED, .pid = pid, .status = status }, p->now);
    (void)weft__supervisor_look(&p->s, p->now);
}

static void hears(played *p, int signal, bool by_terminal)
{
    weft__supervisor_heard(&p->s, &(weft__fleet_word){ .kind = WEFT__FLEET_SIGNAL, .signal = signal, .by_terminal = by_terminal }, p->now);
    (void)weft__supervisor_look(&p->s, p->now);
}

static int count_sent(const played *p, pid_t pid, int signal)
{
    int n = 0;
    for (int i = 0; i < p->sent_count; i++) n += p->sent[i].pid == pid && p->sent[i].signal == signal;
    return n;
}

static const unsigned ALL = ~0U;
static int exited(int status) { return status << 8; }

WEFT_TEST(it_serves_when_each_worker_is_ready_and_says_so_once)
{
    played *p = begin(2);
    WEFT_CHECK_EQ(p->started, 2);
    is_ready(p, 0);
    pass(p, 200, ALL);
    WEFT_CHECK_EQ(p->readies, 0);
    is_ready(p, 1);
    pass(p, 200, ALL);
    WEFT_CHECK_EQ(p->readies, 1);
    dies(p, 101, SIGKILL);
    pass(p, 1000, ALL);
    WEFT_CHECK_EQ(p->started, 3);
    WEFT_CHECK_EQ(p->readies, 1);
    end(p);
}

WEFT_TEST(one_that_lived_long_is_started_again_at_once)
{
    played *p = begin(2);
    is_ready(p, 0);
    is_ready(p, 1);
    pass(p, 20000, ALL);
    dies(p, 101, SIGSEGV);
    WEFT_CHECK_EQ(p->started, 3);
    WEFT_CHECK(strstr(p->said, "worker 1 (pid 101) was ended by SIGSEGV after 20.0 s") != NULL);
    WEFT_CHECK_EQ(p->s.fleet->head->restarts, 1);
    end(p);
}

WEFT_TEST(one_that_crashes_at_its_start_is_tried_less_and_less_often_and_that_is_said)
{
    played *p = begin(1);
    is_ready(p, 0);
    pass(p, 100, ALL);
    int before = 0;
    for (int i = 0; i < 20; i++) {
        before = p->started;
        dies(p, p->next_pid, SIGSEGV);
        for (int k = 0; k < 1000 && p->started == before; k++) pass(p, 100, ALL);
        WEFT_CHECK_EQ(p->started, before + 1);
    }
    WEFT_CHECK_EQ(p->s.workers[1].fails, 20);
    WEFT_CHECK(strstr(p->said, "worker 1 has ended 5 times in a row") != NULL);
    /* In the hour that follows it is tried about every 15 to 45 s, not more often. */
    int starts = p->started;
    for (int64_t until = p->now + 3600 * 1000; p->now < until;) {
        pass(p, 100, ALL);
        if (p->s.workers[1].slot >= 0) dies(p, p->next_pid, SIGSEGV);
        p->said[0] = 0;
    }
    WEFT_CHECK(p->started - starts <= 3600 / 15 + 1);
    WEFT_CHECK(p->started - starts >= 3600 / 46);
    end(p);
}

/* Whoever can end a worker that serves could else have all of them away for half a minute. */
WEFT_TEST(one_that_was_ready_is_away_for_half_a_second_at_most_however_often_it_ends)
{
    played *p = begin(1);
    for (int i = 0; i < 20; i++) {
        is_ready(p, (unsigned)p->s.workers[1].slot);
        pass(p, 1000, ALL);
        int before = p->started;
        dies(p, p->next_pid, SIGSEGV);
        pass(p, 600, ALL);
        WEFT_CHECK_EQ(p->started, before + 1);
    }
    WEFT_CHECK_EQ(p->s.workers[1].fails, 20);
    end(p);
}

WEFT_TEST(a_fork_that_fails_is_tried_again)
{
    played *p = begin(1);
    is_ready(p, 0);
    pass(p, 20000, ALL);
    p->fail_starts = 3;
    dies(p, 101, SIGKILL);
    WEFT_CHECK_EQ(p->started, 1);
    pass(p, 3000, ALL);
    WEFT_CHECK_EQ(p->started, 2);
    WEFT_CHECK(strstr(p->said, "could not be started: a limit was passed; tried again") != NULL);
    end(p);
}

WEFT_TEST(a_worker_that_cannot_start_at_all_ends_the_program_with_its_status)
{
    played *p = begin(2);
    dies(p, 101, exited(3));
    WEFT_CHECK(p->s.ending);
    WEFT_CHECK_EQ(count_sent(p, 102, SIGTERM), 1);
    dies(p, 102, SIGTERM);
    WEFT_CHECK(p->s.over);
    WEFT_CHECK_EQ(p->s.status, 3);
    end(p);
}

WEFT_TEST(once_it_has_served_a_start_that_fails_does_not_end_the_program)
{
    played *p = begin(1);
    is_ready(p, 0);
    pass(p, 20000, ALL);
    dies(p, 101, SIGKILL);
    dies(p, 102, exited(3));
    pass(p, 2000, ALL);
    WEFT_CHECK(!p->s.ending);
    WEFT_CHECK_EQ(p->started, 3);
    WEFT_CHECK(strstr(p->said, "ended with status 3") != NULL);
    end(p);
}

WEFT_TEST(a_loop_that_does_not_turn_is_made_to_say_where_and_then_killed)
{
    played *p = begin(2);
    is_ready(p, 0);
    is_ready(p, 1);
    pass(p, 29000, 2);
    WEFT_CHECK_EQ(count_sent(p, 101, SIGABRT), 0);
    pass(p, 2000, 2);
    WEFT_CHECK_EQ(count_sent(p, 101, SIGABRT), 1);
    WEFT_CHECK_EQ(count_sent(p, 101, SIGKILL), 0);
    WEFT_CHECK_EQ(count_sent(p, 102, SIGABRT), 0);
    pass(p, 3000, 2);
    WEFT_CHECK(count_sent(p, 101, SIGKILL) > 0);
    WEFT_CHECK(strstr(p->said, "worker 1 (pid 101) has been stuck for 30 s and is replaced") != NULL);
    dies(p, 101, SIGKILL);
    WEFT_CHECK_EQ(p->started, 3);
    end(p);
}

WEFT_TEST(who_was_suspended_with_all_others_is_not_stuck)
{
    played *p = begin(1);
    is_ready(p, 0);
    pass(p, 1000, ALL);
    for (int i = 0; i < 5; i++) {
        p->now += 3600 * 1000;                       /* the supervisor stood still, too */
        (void)weft__supervisor_look(&p->s, p->now);
        pass(p, 1000, ALL);
    }
    WEFT_CHECK_EQ(p->sent_count, 0);
    end(p);
}

WEFT_TEST(who_wishes_to_go_goes_when_the_one_in_its_place_is_ready)
{
    played *p = begin(2);
    is_ready(p, 0);
    is_ready(p, 1);
    pass(p, 1000, ALL);
    ship(p, 0)->state = WEFT__FLEET_WISHES;
    pass(p, 1000, ALL);
    WEFT_CHECK_EQ(p->started, 3);
    WEFT_CHECK_EQ(count_sent(p, 101, SIGTERM), 0);
    unsigned slot = 2;
    is_ready(p, slot);
    pass(p, 200, ALL);
    WEFT_CHECK_EQ(count_sent(p, 101, SIGTERM), 1);
    WEFT_CHECK_EQ(ship(p, 0)->patient, 1);
    pass(p, 1000, ALL);
    dies(p, 101, 0);
    pass(p, 1000, ALL);
    WEFT_CHECK_EQ(p->started, 3);
    WEFT_CHECK_STR(weft_str_of(p->said), "");
    WEFT_CHECK_EQ(p->s.fleet->head->restarts, 0);
    end(p);
}

WEFT_TEST(all_who_wish_to_go_at_once_are_replaced_and_none_is_forgotten)
{
    played *p = begin(3);
    for (unsigned i = 0; i < 3; i++) is_ready(p, i);
    pass(p, 500, ALL);
    for (unsigned began = 0; began < 6; began += 3) {
        for (unsigned i = began; i < began + 3; i++) ship(p, i)->state = WEFT__FLEET_WISHES;
        pass(p, 500, ALL);
        WEFT_CHECK_EQ(p->started, (int)began + 6);
        for (unsigned i = began + 3; i < began + 6; i++) is_ready(p, i);
        pass(p, 500, ALL);
    }
    for (pid_t pid = 101; pid <= 106; pid++) WEFT_CHECK_EQ(count_sent(p, pid, SIGTERM), 1);
    /* Nobody has gone yet, and the new ones wish to go already: one slot is left. */
    for (unsigned i = 6; i < 9; i++) ship(p, i)->state = WEFT__FLEET_WISHES;
    pass(p, 1000, ALL);
    WEFT_CHECK_EQ(p->started, 10);
    for (pid_t pid = 101; pid <= 103; pid++) dies(p, pid, 0);
    pass(p, 1000, ALL);
    WEFT_CHECK_EQ(p->started, 12);
    end(p);
}

WEFT_TEST(a_stop_is_passed_on_and_always_ends)
{
    played *p = begin(2);
    is_ready(p, 0);
    is_ready(p, 1);
    pass(p, 1000, ALL);
    hears(p, SIGTERM, false);
    WEFT_CHECK_EQ(p->ends, 1);
    WEFT_CHECK_EQ(p->s.fleet->head->ending, 1);
    WEFT_CHECK_EQ(count_sent(p, 101, SIGTERM), 1);
    dies(p, 101, 0);
    pass(p, STOP_MS - 1000, ALL);
    WEFT_CHECK_EQ(count_sent(p, 102, SIGKILL), 0);
    pass(p, 2000, ALL);
    WEFT_CHECK(count_sent(p, 102, SIGKILL) > 0);
    dies(p, 102, SIGKILL);
    WEFT_CHECK(p->s.over);
    WEFT_CHECK_EQ(p->s.status, 1);
    WEFT_CHECK_EQ(p->started, 2);
    end(p);
}

WEFT_TEST(a_second_stop_is_passed_on_too_and_a_hundredth_is_not)
{
    played *p = begin(1);
    is_ready(p, 0);
    pass(p, 1000, ALL);
    for (int i = 0; i < 100; i++) hears(p, SIGINT, true);
    WEFT_CHECK(count_sent(p, 101, SIGTERM) >= 2);
    WEFT_CHECK(count_sent(p, 101, SIGTERM) <= 3);
    dies(p, 101, 0);
    WEFT_CHECK(p->s.over);
    WEFT_CHECK_EQ(p->s.status, 0);
    end(p);
}

WEFT_TEST(a_crash_while_it_stops_is_not_followed_by_a_start)
{
    played *p = begin(2);
    is_ready(p, 0);
    is_ready(p, 1);
    pass(p, 1000, ALL);
    hears(p, SIGTERM, false);
    dies(p, 101, SIGSEGV);
    pass(p, 5000, ALL);
    WEFT_CHECK_EQ(p->started, 2);
    dies(p, 102, 0);
    WEFT_CHECK(p->s.over);
    WEFT_CHECK_EQ(p->s.status, 1);
    end(p);
}

WEFT_TEST(a_hangup_of_the_terminal_stops_and_one_that_somebody_sends_reloads)
{
    played *p = begin(1);
    is_ready(p, 0);
    pass(p, 1000, ALL);
    hears(p, SIGHUP, false);
    WEFT_CHECK_EQ(p->reloads, 1);
    WEFT_CHECK(!p->s.ending);
    hears(p, SIGHUP, true);
    WEFT_CHECK(p->s.ending);
    hears(p, SIGHUP, false);
    WEFT_CHECK_EQ(p->reloads, 1);
    end(p);
}

WEFT_TEST(what_a_terminal_sends_to_everybody_is_not_sent_twice)
{
    played *p = begin(1);
    is_ready(p, 0);
    pass(p, 1000, ALL);
    hears(p, SIGQUIT, true);
    WEFT_CHECK_EQ(count_sent(p, 101, SIGQUIT), 0);
    hears(p, SIGQUIT, false);
    hears(p, SIGUSR1, false);
    WEFT_CHECK_EQ(count_sent(p, 101, SIGQUIT), 1);
    WEFT_CHECK_EQ(count_sent(p, 101, SIGUSR1), 1);
    end(p);
}

WEFT_TEST(a_request_that_crashed_two_workers_is_known)
{
    played *p = begin(2);
    is_ready(p, 0);
    is_ready(p, 1);
    pass(p, 20000, ALL);
    for (int i = 0; i < 2; i++) {
        ship(p, (unsigned)i)->box.full = 1;
        ship(p, (unsigned)i)->box.mark = 4711;
        strcpy(ship(p, (unsigned)i)->box.work, "GET /crash");
        WEFT_CHECK_EQ(p->s.fleet->head->poisons, 0);
        dies(p, 101 + i, SIGSEGV);
    }
    WEFT_CHECK_EQ(p->s.fleet->head->poisons, 1);
    WEFT_CHECK_EQ(p->stacks, 2);
    WEFT_CHECK(strstr(p->said, "GET /crash has crashed two workers") != NULL);
    end(p);
}

/* A disk that stands still makes both stand still in the same request. */
WEFT_TEST(a_request_that_workers_were_stuck_in_is_not_blamed)
{
    played *p = begin(2);
    is_ready(p, 0);
    is_ready(p, 1);
    pass(p, 1000, ALL);
    pass(p, 32000, 0);
    for (pid_t pid = 101; pid <= 102; pid++) {
        WEFT_CHECK_EQ(count_sent(p, pid, SIGABRT), 1);
        weft__black_box *box = &ship(p, (unsigned)(pid - 101))->box;
        box->full = 1;
        box->signal = SIGABRT;
        box->mark = 77;
        dies(p, pid, SIGABRT);
    }
    WEFT_CHECK_EQ(p->stacks, 2);
    WEFT_CHECK_EQ(p->s.fleet->head->poisons, 0);
    for (int i = 0; i < WEFT__POISON_MAX; i++) WEFT_CHECK(p->s.fleet->head->poison[i].mark != 77);
    end(p);
}

static played *begin_after(unsigned workers, int elders)
{
    played *p = begin(workers);
    for (int i = 0; i < elders; i++) p->s.elders[i].pid = 51 + i;
    p->s.elder_count = (unsigned)elders;
    return p;
}

WEFT_TEST(workers_of_the_program_before_go_when_all_new_ones_have_served_for_a_second)
{
    played *p = begin_after(2, 3);
    pass(p, 1000, ALL);
    WEFT_CHECK_EQ(p->sent_count, 0);
    is_ready(p, 0);
    pass(p, 30000, ALL);
    WEFT_CHECK_EQ(p->sent_count, 0);
    is_ready(p, 1);
    pass(p, 1000, ALL);
    WEFT_CHECK_EQ(p->sent_count, 0);
    WEFT_CHECK_EQ(p->readies, 0);
    pass(p, 200, ALL);
    WEFT_CHECK_EQ(p->readies, 1);
    WEFT_CHECK_EQ(p->sent_count, 3);
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(count_sent(p, 51 + i, SIGTERM), 1);
    pass(p, STOP_MS + 1000, ALL);
    WEFT_CHECK(count_sent(p, 51, SIGKILL) > 0);
    end(p);
}

/* They live on in the memory that was handed over: nobody gets their slots before they have ended. */
WEFT_TEST(a_slot_of_a_worker_of_the_program_before_is_free_when_that_has_ended)
{
    played *p = calloc(1, sizeof *p);
    WEFT_NEED(p && weft__fleet_new(&p->s.fleet, &(weft__fleet_shape){ .workers = 2 }, NULL) == 0);
    p->s.ops = &ops;
    p->s.ctx = p;
    p->s.end_ms = STOP_MS;
    p->now = 1000;
    p->next_pid = 100;
    for (unsigned i = 0; i < 5; i++) {
        p->s.elders[i].pid = ship(p, i)->pid = 51 + (pid_t)i;
        ship(p, i)->state = WEFT__FLEET_READY;
        ship(p, i)->incarnation = 7;
    }
    p->s.elder_count = 5;
    weft__supervisor_begin(&p->s, p->now);
    WEFT_CHECK_EQ(p->started, 2);
    for (unsigned i = 0; i < 5; i++) WEFT_CHECK(ship(p, i)->pid == 51 + (pid_t)i && ship(p, i)->incarnation == 7);
    WEFT_CHECK(ship(p, 5)->pid == 101 && ship(p, 6)->pid == 102);
    dies(p, 101, SIGSEGV);                           /* its own slot is the only one there is */
    pass(p, 10000, ALL);
    WEFT_CHECK_EQ(p->started, 3);
    WEFT_CHECK_EQ(ship(p, 5)->pid, 103);
    ship(p, 1)->box.mark = 9;
    ship(p, 1)->box.full = 1;
    dies(p, 52, SIGSEGV);
    WEFT_CHECK_EQ(ship(p, 1)->state, WEFT__FLEET_FREE);
    WEFT_CHECK_EQ(ship(p, 1)->pid, 0);
    WEFT_CHECK_EQ(ship(p, 0)->state, WEFT__FLEET_READY);
    WEFT_CHECK_EQ(p->s.fleet->head->poison[0].mark, 9);      /* what crashed it counts for the new ones */
    dies(p, 102, SIGSEGV);
    pass(p, 10000, ALL);
    WEFT_CHECK_EQ(p->started, 4);
    end(p);
}

WEFT_TEST(one_that_cannot_start_beside_one_that_serves_is_tried_again)
{
    played *p = begin(2);
    is_ready(p, 0);
    pass(p, 200, ALL);
    dies(p, 102, exited(3));
    WEFT_CHECK(!p->s.ending);
    pass(p, 2000, ALL);
    WEFT_CHECK_EQ(p->started, 3);
    WEFT_CHECK_EQ(count_sent(p, 101, SIGTERM), 0);
    end(p);
}

WEFT_TEST(the_next_one_is_started_before_a_stack_is_told)
{
    played *p = begin(2);
    is_ready(p, 0);
    is_ready(p, 1);
    pass(p, 20000, ALL);
    ship(p, 0)->box.full = 1;
    dies(p, 101, SIGSEGV);
    WEFT_CHECK_EQ(p->stacks, 1);
    WEFT_CHECK_EQ(p->started_before_stack, 3);
    end(p);
}

/* Elders have all the others: it would write there while it is told. */
WEFT_TEST(the_next_one_does_not_begin_in_a_slot_whose_stack_is_told)
{
    played *p = begin(1);
    for (unsigned i = 1; i < p->s.fleet->slots; i++) is_ready(p, i);
    is_ready(p, 0);
    pass(p, 20000, ALL);
    ship(p, 0)->box.full = 1;
    weft__supervisor_heard(&p->s, &(weft__fleet_word){ .kind = WEFT__FLEET_ENDED, .pid = 101, .status = SIGSEGV }, p->now);
    WEFT_CHECK_EQ(p->stacks, 1);
    WEFT_CHECK(p->told_full);
    WEFT_CHECK_EQ(p->started_before_stack, 1);
    pass(p, 1000, ALL);
    WEFT_CHECK_EQ(p->started, 2);
    end(p);
}

WEFT_TEST(who_begins_is_not_sent_what_it_has_no_handler_for)
{
    played *p = begin(2);
    is_ready(p, 0);
    pass(p, 200, ALL);
    hears(p, SIGUSR1, false);
    hears(p, SIGQUIT, false);
    WEFT_CHECK_EQ(count_sent(p, 101, SIGUSR1), 1);
    WEFT_CHECK_EQ(count_sent(p, 101, SIGQUIT), 1);
    WEFT_CHECK_EQ(count_sent(p, 102, SIGUSR1) + count_sent(p, 102, SIGQUIT), 0);
    end(p);
}

/* A worker may write anything there: also a text that does not end. */
WEFT_TEST(what_a_worker_says_it_worked_on_may_have_no_end)
{
    played *p = begin(1);
    for (pid_t pid = 101; pid <= 102; pid++) {
        weft__black_box *box = &ship(p, (unsigned)(pid - 101))->box;
        is_ready(p, (unsigned)(pid - 101));
        pass(p, 20000, ALL);
        memset(box->work, 'w', sizeof box->work);
        memset(box->task, 't', sizeof box->task);
        box->full = 1;
        box->mark = 5;
        dies(p, pid, SIGSEGV);
    }
    WEFT_CHECK(strstr(p->said, "wwww has crashed two workers") != NULL);
    WEFT_CHECK(strstr(p->said, "wt") == NULL);
    end(p);
}

/* They take the first signal for being replaced, and have no word of the stop but a second one. */
WEFT_TEST(a_stop_urges_workers_of_the_program_before_and_once_only)
{
    played *p = begin(1);
    for (int i = 0; i < 2; i++) p->s.elders[i].pid = 51 + i;
    p->s.elders[0].told = true;                      /* by the program before */
    p->s.elders[0].kill_ms = p->now + STOP_MS;
    p->s.elder_count = 2;
    pass(p, 500, ALL);
    WEFT_CHECK_EQ(p->sent_count, 0);
    hears(p, SIGTERM, false);
    WEFT_CHECK_EQ(count_sent(p, 51, SIGTERM), 1);
    WEFT_CHECK_EQ(count_sent(p, 52, SIGTERM), 1);
    pass(p, 1000, ALL);
    WEFT_CHECK_EQ(count_sent(p, 51, SIGTERM), 1);
    WEFT_CHECK_EQ(count_sent(p, 52, SIGTERM), 2);
    end(p);
}

/* While its program had not come to weft_serve yet: who asked for it has waited since then. */
WEFT_TEST(a_stop_from_before_there_was_a_supervisor_has_its_time_from_then)
{
    played *p = begin(1);
    p->s.elders[0].pid = 51;
    p->s.elder_count = 1;
    p->s.stop_came_ms = p->now - STOP_MS + 3000;
    hears(p, SIGTERM, false);
    pass(p, 2800, ALL);
    WEFT_CHECK_EQ(count_sent(p, 51, SIGKILL) + count_sent(p, 101, SIGKILL), 0);
    pass(p, 300, ALL);
    WEFT_CHECK_EQ(count_sent(p, 51, SIGKILL), 1);
    WEFT_CHECK_EQ(count_sent(p, 101, SIGKILL), 1);
    end(p);
}

/* They see that all end in the memory that they share: a second signal would hurry them. */
WEFT_TEST(a_stop_tells_workers_of_the_program_before_in_the_same_memory_once)
{
    played *p = begin(1);
    for (unsigned i = 0; i < 2; i++) {
        p->s.elders[i].pid = ship(p, i + 1)->pid = 51 + (pid_t)i;
        ship(p, i + 1)->state = WEFT__FLEET_READY;
    }
    p->s.elders[1].told = true;                      /* to be replaced, before the stop */
    p->s.elders[1].kill_ms = p->now + STOP_MS;
    p->s.elder_count = 2;
    hears(p, SIGTERM, false);
    pass(p, 1000, ALL);
    WEFT_CHECK_EQ(count_sent(p, 51, SIGTERM), 1);
    WEFT_CHECK_EQ(count_sent(p, 52, SIGTERM), 1);
    end(p);
}

/* Of two programs before: what they see of a stop lies in a memory of their own. */
WEFT_TEST(a_stop_urges_who_knows_another_memory_too)
{
    played *p = begin(1);
    p->s.elders[0].pid = ship(p, 1)->pid = 51;
    ship(p, 1)->state = WEFT__FLEET_ELSEWHERE;
    p->s.elder_count = 1;
    hears(p, SIGTERM, false);
    pass(p, 1000, ALL);
    WEFT_CHECK_EQ(count_sent(p, 51, SIGTERM), 2);
    end(p);
}

WEFT_TEST(a_worker_of_the_program_before_that_was_stuck_is_held_against_no_request)
{
    played *p = begin(1);
    p->s.elders[0].pid = ship(p, 1)->pid = 51;
    ship(p, 1)->state = WEFT__FLEET_READY;
    ship(p, 1)->box.mark = 9;
    ship(p, 1)->box.signal = SIGABRT;
    ship(p, 1)->box.full = 1;
    p->s.elder_count = 1;
    dies(p, 51, SIGABRT);
    WEFT_CHECK_EQ(ship(p, 1)->state, WEFT__FLEET_FREE);
    WEFT_CHECK(p->s.fleet->head->poison[0].mark != 9);
    end(p);
}

WEFT_TEST(while_the_new_program_does_not_start_the_old_workers_stay)
{
    played *p = begin(1);
    p->s.elders[0].pid = 51;
    p->s.elder_count = 1;
    for (int i = 0; i < 5; i++) {
        dies(p, p->next_pid, exited(3));
        for (int k = 0; k < 100 && p->s.workers[1].slot < 0; k++) pass(p, 100, ALL);
    }
    WEFT_CHECK(!p->s.ending);
    WEFT_CHECK_EQ(count_sent(p, 51, SIGTERM), 0);
    hears(p, SIGTERM, false);
    WEFT_CHECK_EQ(count_sent(p, 51, SIGTERM), 1);
    dies(p, p->next_pid, 0);
    WEFT_CHECK(!p->s.over);
    dies(p, 51, 0);
    WEFT_CHECK(p->s.over);
    end(p);
}

WEFT_TEST(a_process_that_nobody_knows_may_end)
{
    played *p = begin(1);
    is_ready(p, 0);
    pass(p, 1000, ALL);
    dies(p, 4711, SIGSEGV);
    WEFT_CHECK_EQ(p->started, 1);
    WEFT_CHECK_STR(weft_str_of(p->said), "");
    end(p);
}

/* ---- a program that does not start as a whole ---- */

WEFT_TEST(of_a_program_only_some_of_whose_workers_start_none_of_the_program_before_goes)
{
    played *p = begin_after(2, 2);
    is_ready(p, 0);
    for (int i = 0; i < 12; i++) {
        int before = p->started;
        dies(p, p->next_pid, exited(3));
        for (int k = 0; k < 1000 && p->started == before; k++) pass(p, 100, ALL);
    }
    WEFT_CHECK_EQ(p->sent_count, 0);
    WEFT_CHECK_EQ(p->readies, 0);
    WEFT_CHECK(strstr(p->said, "the program is not replaced yet: 1 of its 2 new workers serve; the 2 of the program before serve on until all do") != NULL);
    for (unsigned i = 1; i < p->s.fleet->slots; i++)
        if (ship(p, i)->state == WEFT__FLEET_STARTING) is_ready(p, i);       /* what it lacked is there */
    pass(p, 1200, ALL);
    WEFT_CHECK_EQ(p->readies, 1);
    WEFT_CHECK_EQ(count_sent(p, 51, SIGTERM) + count_sent(p, 52, SIGTERM), 2);
    end(p);
}

/* An end may be heard of before anybody has looked at who is ready. */
WEFT_TEST(who_serves_is_counted_by_its_own_word)
{
    played *p = begin_after(2, 2);
    is_ready(p, 0);
    dies(p, 102, exited(3));
    WEFT_CHECK(strstr(p->said, "the program is not replaced yet: 1 of its 2 new workers serve") != NULL);
    end(p);
}

WEFT_TEST(of_a_program_whose_workers_crash_as_soon_as_they_serve_none_of_the_program_before_goes)
{
    played *p = begin_after(2, 2);
    for (int i = 0; i < 20; i++) {
        int before = p->started;
        for (unsigned k = 0; k < p->s.fleet->slots; k++)
            if (ship(p, k)->state == WEFT__FLEET_STARTING) is_ready(p, k);
        pass(p, 900, ALL);
        dies(p, p->next_pid, SIGSEGV);
        for (int k = 0; k < 1000 && p->started == before; k++) pass(p, 100, ALL);
    }
    WEFT_CHECK_EQ(p->readies, 0);
    WEFT_CHECK_EQ(p->sent_count, 0);
    end(p);
}

WEFT_TEST(who_hangs_while_it_starts_is_started_anew_where_others_serve_on)
{
    played *p = begin_after(2, 2);
    is_ready(p, 0);
    pass(p, 59000, ALL);
    WEFT_CHECK_EQ(p->sent_count, 0);
    pass(p, 1500, ALL);
    WEFT_CHECK_EQ(count_sent(p, 102, SIGABRT), 1);
    WEFT_CHECK(strstr(p->said, "worker 2 (pid 102) has not started within 60 s and is started anew; the workers of the program before serve on") != NULL);
    pass(p, 2500, ALL);
    WEFT_CHECK(count_sent(p, 102, SIGKILL) > 0);
    dies(p, 102, SIGKILL);
    WEFT_CHECK_EQ(p->started, 3);
    WEFT_CHECK_EQ(count_sent(p, 51, SIGTERM) + count_sent(p, 52, SIGTERM), 0);
    end(p);
}

WEFT_TEST(a_first_start_may_take_its_time_and_that_is_said_once)
{
    played *p = begin(1);
    pass(p, 600000, ALL);
    WEFT_CHECK_EQ(p->sent_count, 0);
    WEFT_CHECK_STR(weft_str_of(p->said), "worker 1 (pid 101) has not started within 60 s; it is waited for\n");
    end(p);
}

/* It serves on, or was told to go: both are to turn. Of the second one nothing is known, but for when it should have ended. */
WEFT_TEST(a_worker_of_the_program_before_that_is_stuck_is_ended)
{
    played *p = begin_after(1, 3);
    for (unsigned i = 1; i < 3; i++) {
        ship(p, i)->pid = 50 + (pid_t)i;
        ship(p, i)->state = i == 1 ? WEFT__FLEET_READY : WEFT__FLEET_ELSEWHERE;
    }
    for (int s = 0; s < 29; s++) {
        weft__fleet_voice(p->s.fleet, 1)->beats++;
        pass(p, 1000, ALL);
    }
    WEFT_CHECK_EQ(p->sent_count, 0);
    for (int s = 0; s < 20; s++) {
        weft__fleet_voice(p->s.fleet, 1)->beats++;
        pass(p, 1000, ALL);
    }
    WEFT_CHECK_EQ(count_sent(p, 51, SIGABRT), 0);
    WEFT_CHECK_EQ(count_sent(p, 52, SIGABRT), 1);
    WEFT_CHECK(count_sent(p, 52, SIGKILL) > 0);
    WEFT_CHECK_EQ(count_sent(p, 53, SIGABRT) + count_sent(p, 53, SIGKILL), 0);
    WEFT_CHECK(strstr(p->said, "a worker of the program before (pid 52) has been stuck for 30 s and is ended") != NULL);
    dies(p, 52, SIGKILL);
    is_ready(p, 0);
    pass(p, 1200, ALL);
    WEFT_CHECK_EQ(count_sent(p, 51, SIGTERM), 1);
    pass(p, 12000, ALL);
    WEFT_CHECK_EQ(count_sent(p, 51, SIGKILL), 0);
    pass(p, 20000, ALL);
    WEFT_CHECK(count_sent(p, 51, SIGKILL) > 0);
    WEFT_CHECK(strstr(p->said, "a worker of the program before (pid 51) does not end, and is killed") != NULL);
    end(p);
}
