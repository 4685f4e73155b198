/* Channels: order, room, closing, and what a cancel may not lose. */
#include "world.h"
#include <string.h>
#include "weft/sync.h"

typedef struct job { int id; char name[12]; } job;
typedef weft_channel(int) ints;
typedef weft_channel(job) jobs;

typedef struct sending { ints *to; int from, n; int *rc, *sent; } sending;
static int send_some(const sending *in)
{
    for (int i = 0; i < in->n; i++) {
        int rc = weft_send(in->to, in->from + i);
        if (in->rc) *in->rc = rc;
        if (rc < 0) return in->rc ? 0 : rc;          /* who asks for the code is told it, and nobody else */
        if (in->sent) ++*in->sent;
    }
    return 0;
}

typedef struct receiving { ints *from; int *item, *rc; } receiving;
static int receive_one(const receiving *in)
{
    *in->rc = weft_recv(in->from, in->item);
    return 0;
}
typedef struct got { int n, items[256], rc; } got;
typedef struct draining { ints *from; got *into; } draining;
static int receive_all(const draining *in)
{
    int item, rc;
    while ((rc = weft_recv(in->from, &item)) > 0) {
        in->into->items[in->into->n % 256] = item;
        in->into->n++;
    }
    in->into->rc = rc;
    return rc;
}

TASK_TEST(what_is_sent_is_received_in_order)
{
    ints ch;
    got all = { 0 };
    WEFT_TRY(weft_channel_open(&ch, 4));
    {
        WEFT_SCOPE(s);
        weft_spawn(s, receive_all, (&(draining){ &ch, &all }));
        for (int i = 0; i < 20; i++) WEFT_CHECK_EQ(weft_send(&ch, i), 0);
        weft_channel_close(&ch);
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    WEFT_CHECK_EQ(all.n, 20);
    for (int i = 0; i < 20; i++) WEFT_CHECK_EQ(all.items[i], i);
    WEFT_CHECK_EQ(all.rc, 0);
    weft_channel_free(&ch);
    return 0;
}

TASK_TEST(items_of_any_type_arrive_as_they_were_sent)
{
    jobs ch;
    WEFT_TRY(weft_channel_open(&ch, 2));
    job mine = { 7, "seven" }, out = { 0 };
    WEFT_CHECK_EQ(weft_send(&ch, mine), 0);
    mine.id = 8;                                     /* it was copied */
    WEFT_CHECK_EQ(weft_send(&ch, (job){ 9, "nine" }), 0);
    WEFT_CHECK_EQ(weft_recv(&ch, &out), 1);
    WEFT_CHECK_EQ(out.id, 7);
    WEFT_CHECK(strcmp(out.name, "seven") == 0);
    WEFT_CHECK_EQ(weft_recv(&ch, &out), 1);
    WEFT_CHECK(out.id == 9 && strcmp(out.name, "nine") == 0);
    weft_channel_free(&ch);

    weft_channel(const char *) texts;
    const char *text = NULL;
    WEFT_TRY(weft_channel_open(&texts, 1));
    WEFT_CHECK_EQ(weft_send(&texts, "hello"), 0);
    WEFT_CHECK_EQ(weft_recv(&texts, &text), 1);
    WEFT_CHECK_STR(weft_str_of(text), "hello");
    weft_channel_free(&texts);

    weft_channel(double) numbers;
    double number = 0;
    WEFT_TRY(weft_channel_open(&numbers, 1));
    WEFT_CHECK_EQ(weft_send(&numbers, 3), 0);
    WEFT_CHECK_EQ(weft_recv(&numbers, &number), 1);
    WEFT_CHECK(number == 3.0);
    weft_channel_free(&numbers);
    return 0;
}

TASK_TEST(a_send_waits_while_the_channel_is_full)
{
    ints ch;
    int sent = 0, item;
    WEFT_TRY(weft_channel_open(&ch, 2));
    WEFT_SCOPE(s);
    weft_spawn(s, send_some, (&(sending){ &ch, 10, 5, NULL, &sent }));
    WEFT_CHECK_EQ(weft_sleep_ms(2), 0);
    WEFT_CHECK_EQ(sent, 2);
    WEFT_CHECK_EQ(weft_channel_count(&ch), 2);
    WEFT_CHECK_EQ(weft_recv(&ch, &item), 1);
    WEFT_CHECK_EQ(item, 10);
    WEFT_CHECK_EQ(weft_channel_count(&ch), 2);       /* the one that waited was handed over at once */
    WEFT_CHECK_EQ(weft_sleep_ms(2), 0);
    WEFT_CHECK_EQ(sent, 3);
    for (int i = 11; i < 15; i++) {
        WEFT_CHECK_EQ(weft_recv(&ch, &item), 1);
        WEFT_CHECK_EQ(item, i);
    }
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(sent, 5);
    weft_channel_free(&ch);
    return 0;
}

TASK_TEST(without_room_a_send_ends_when_its_item_was_received)
{
    ints ch;
    int sent = 0, item;
    WEFT_TRY(weft_channel_open(&ch, 0));
    WEFT_CHECK_EQ(weft_try_send(&ch, 1), 0);
    WEFT_SCOPE(s);
    weft_spawn(s, send_some, (&(sending){ &ch, 10, 2, NULL, &sent }));
    WEFT_CHECK_EQ(weft_sleep_ms(2), 0);
    WEFT_CHECK_EQ(sent, 0);
    WEFT_CHECK_EQ(weft_channel_count(&ch), 0);
    WEFT_CHECK_EQ(weft_recv(&ch, &item), 1);
    WEFT_CHECK_EQ(item, 10);
    WEFT_CHECK_EQ(weft_recv(&ch, &item), 1);
    WEFT_CHECK_EQ(item, 11);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(sent, 2);
    weft_channel_free(&ch);
    return 0;
}

TASK_TEST(receivers_are_served_in_the_order_in_which_they_came)
{
    ints ch;
    int item[4] = { 0 }, rc[4] = { 0 };
    WEFT_TRY(weft_channel_open(&ch, 1));
    WEFT_SCOPE(s);
    for (int i = 0; i < 4; i++) {
        weft_spawn(s, receive_one, (&(receiving){ &ch, &item[i], &rc[i] }));
        WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    }
    for (int i = 0; i < 4; i++) WEFT_CHECK_EQ(weft_send(&ch, 20 + i), 0);
    WEFT_CHECK_EQ(weft_channel_count(&ch), 0);       /* all of them handed over, none kept */
    WEFT_CHECK_EQ(weft_join(s), 0);
    for (int i = 0; i < 4; i++) WEFT_CHECK(rc[i] == 1 && item[i] == 20 + i);
    weft_channel_free(&ch);
    return 0;
}

TASK_TEST(after_a_close_what_was_sent_before_is_still_received)
{
    ints ch;
    int item = 5;
    WEFT_TRY(weft_channel_open(&ch, 3));
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(weft_send(&ch, i), 0);
    weft_channel_close(&ch);
    weft_channel_close(&ch);
    WEFT_CHECK_EQ(weft_send(&ch, 9), WEFT_ECLOSED);
    WEFT_CHECK_EQ(weft_try_send(&ch, 9), WEFT_ECLOSED);
    for (int i = 0; i < 3; i++) {
        WEFT_CHECK_EQ(weft_recv(&ch, &item), 1);
        WEFT_CHECK_EQ(item, i);
    }
    for (int i = 0; i < 2; i++) WEFT_CHECK_EQ(weft_recv(&ch, &item), 0);
    WEFT_CHECK_EQ(weft_try_recv(&ch, &item), WEFT_ECLOSED);
    WEFT_CHECK_EQ(item, 2);
    weft_channel_free(&ch);
    return 0;
}

TASK_TEST(a_close_wakes_all_who_wait_and_those_who_send_keep_their_items)
{
    ints full, empty;
    int rc[3] = { 9, 9, 9 }, item[3] = { 5, 5, 5 }, got_rc[3] = { 9, 9, 9 }, left = 0;
    WEFT_TRY(weft_channel_open(&full, 1));
    WEFT_NEED(weft_channel_open(&empty, 1) == 0);
    WEFT_CHECK_EQ(weft_send(&full, 1), 0);
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < 3; i++) {
            weft_spawn(s, send_some, (&(sending){ &full, 50, 1, &rc[i], NULL }));
            weft_spawn(s, receive_one, (&(receiving){ &empty, &item[i], &got_rc[i] }));
        }
        WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
        weft_channel_close(&full);
        weft_channel_close(&empty);
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(rc[i], WEFT_ECLOSED);
    for (int i = 0; i < 3; i++) WEFT_CHECK(got_rc[i] == 0 && item[i] == 5);
    WEFT_CHECK_EQ(weft_recv(&full, &left), 1);
    WEFT_CHECK_EQ(left, 1);
    WEFT_CHECK_EQ(weft_recv(&full, &left), 0);
    weft_channel_free(&full);
    weft_channel_free(&empty);
    return 0;
}

static int free_it(ints *const *ch)
{
    weft_channel_free(*ch);
    memset(*ch, 0xee, sizeof **ch);                  /* as if its memory were another's now */
    return 0;
}

TASK_TEST(a_channel_may_be_freed_while_others_wait_even_if_a_cancel_reached_them_first)
{
    ints ch;
    int item, rc[2] = { 9, 9 };
    WEFT_TRY(weft_channel_open(&ch, 0));
    WEFT_SCOPE(s);
    weft_task *cancelled = weft_spawn(s, receive_one, (&(receiving){ &ch, &item, &rc[0] }));
    weft_spawn(s, receive_one, (&(receiving){ &ch, &item, &rc[1] }));
    WEFT_NEED(weft_sleep_ms(1) == 0);
    weft_task_cancel(cancelled);                     /* it has not run since, and is in the queue */
    WEFT_CHECK_EQ(free_it(&(ints *){ &ch }), 0);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(rc[0], WEFT_ECANCELED);
    WEFT_CHECK_EQ(rc[1], 0);
    const unsigned char *byte = (unsigned char *)&ch;
    for (size_t i = 0; i < sizeof ch; i++) WEFT_CHECK_EQ(byte[i], 0xee);    /* nobody touched it afterwards */
    return 0;
}

TASK_TEST(a_channel_that_is_not_open_is_closed)
{
    static ints ch;
    int item = 5;
    WEFT_CHECK_EQ(weft_send(&ch, 1), WEFT_ECLOSED);
    WEFT_CHECK_EQ(weft_recv(&ch, &item), 0);
    WEFT_CHECK_EQ(weft_try_recv(&ch, &item), WEFT_ECLOSED);
    WEFT_CHECK_EQ(weft_try_send(&ch, 1), WEFT_ECLOSED);
    weft_channel_free(&ch);
    WEFT_TRY(weft_channel_open(&ch, 1));
    WEFT_CHECK_EQ(weft_send(&ch, 1), 0);
    weft_channel_free(&ch);
    WEFT_CHECK_EQ(weft_send(&ch, 1), WEFT_ECLOSED);
    return 0;
}

TASK_TEST(what_can_be_done_without_waiting_is_tried)
{
    ints ch;
    int item = 0;
    WEFT_TRY(weft_channel_open(&ch, 2));
    WEFT_CHECK_EQ(weft_try_recv(&ch, &item), 0);
    WEFT_CHECK_EQ(weft_try_send(&ch, 1), 1);
    WEFT_CHECK_EQ(weft_try_send(&ch, 2), 1);
    WEFT_CHECK_EQ(weft_try_send(&ch, 3), 0);
    WEFT_CHECK_EQ(weft_try_recv(&ch, &item), 1);
    WEFT_CHECK_EQ(item, 1);
    WEFT_CHECK_EQ(weft_try_send(&ch, 4), 1);         /* round the ring */
    WEFT_CHECK_EQ(weft_try_recv(&ch, &item), 1);
    WEFT_CHECK_EQ(item, 2);
    WEFT_CHECK_EQ(weft_try_recv(&ch, &item), 1);
    WEFT_CHECK_EQ(item, 4);
    weft_channel_free(&ch);
    return 0;
}

TASK_TEST(a_channel_has_a_limit)
{
    ints ch;
    struct big { char bytes[4096]; };
    weft_channel(struct big) large;
    WEFT_CHECK_EQ(weft_channel_open(&ch, WEFT_CHANNEL_ROOM_MAX + 1), WEFT_ELIMIT);
    WEFT_CHECK(strstr(weft_error_of(WEFT_ELIMIT)->text, "1048577 items of 4 bytes") != NULL);
    WEFT_CHECK_EQ(weft_channel_open(&ch, SIZE_MAX), WEFT_ELIMIT);
    WEFT_CHECK_EQ(weft_channel_open(&large, WEFT_CHANNEL_ROOM_MAX), WEFT_ELIMIT);
    WEFT_CHECK_EQ(weft_send(&ch, 1), WEFT_ECLOSED);
    world_mem.fail_after = 0;
    WEFT_CHECK_EQ(weft_channel_open(&ch, 8), WEFT_ENOMEM);
    WEFT_CHECK_EQ(weft_send(&ch, 1), WEFT_ECLOSED);
    return 0;
}

/* ---- cancels and deadlines ---- */

TASK_TEST(b15_a_receive_that_is_cancelled_takes_no_message)
{
    ints ch;
    int item = 5, rc = 9;
    WEFT_TRY(weft_channel_open(&ch, 1));
    {
        WEFT_SCOPE(s);
        weft_task *t = weft_spawn(s, receive_one, (&(receiving){ &ch, &item, &rc }));
        WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
        weft_task_cancel(t);                         /* before it runs again, the item comes */
        WEFT_CHECK_EQ(weft_try_send(&ch, 1), 1);
        WEFT_CHECK_EQ(weft_await(t), 0);
    }
    WEFT_CHECK_EQ(rc, WEFT_ECANCELED);
    WEFT_CHECK_EQ(item, 5);
    WEFT_CHECK_EQ(weft_channel_count(&ch), 1);
    WEFT_CHECK_EQ(weft_try_recv(&ch, &item), 1);
    WEFT_CHECK_EQ(item, 1);
    weft_channel_free(&ch);
    return 0;
}

TASK_TEST(b15_an_item_for_a_cancelled_receiver_goes_to_the_next_who_waits)
{
    ints ch;
    int item[2] = { 5, 5 }, rc[2] = { 9, 9 };
    WEFT_TRY(weft_channel_open(&ch, 0));
    WEFT_SCOPE(s);
    weft_task *first = weft_spawn(s, receive_one, (&(receiving){ &ch, &item[0], &rc[0] }));
    WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    weft_spawn(s, receive_one, (&(receiving){ &ch, &item[1], &rc[1] }));
    WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    weft_task_cancel(first);
    WEFT_CHECK_EQ(weft_send(&ch, 7), 0);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(rc[0], WEFT_ECANCELED);
    WEFT_CHECK_EQ(rc[1], 1);
    WEFT_CHECK(item[0] == 5 && item[1] == 7);
    weft_channel_free(&ch);
    return 0;
}

TASK_TEST(b15_a_message_handed_over_before_the_cancel_is_received)
{
    ints ch;
    int item = 5, rc = 9;
    WEFT_TRY(weft_channel_open(&ch, 0));
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, receive_one, (&(receiving){ &ch, &item, &rc }));
    WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    WEFT_CHECK_EQ(weft_try_send(&ch, 8), 1);
    weft_task_cancel(t);
    WEFT_CHECK_EQ(weft_await(t), 0);
    WEFT_CHECK_EQ(rc, 1);
    WEFT_CHECK_EQ(item, 8);
    weft_channel_free(&ch);
    return 0;
}

/* Room 0 and 1: a sender that waits for a receiver, and one that waits for room. */
TASK_TEST(b15_a_send_that_is_cancelled_was_sent_or_not_and_tells_which)
{
    for (int room = 0; room < 2; room++) {
        for (int taken_first = 0; taken_first < 2; taken_first++) {
            ints ch;
            int item = 5, rc = 9;
            WEFT_TRY(weft_channel_open(&ch, (size_t)room));
            if (room) WEFT_CHECK_EQ(weft_send(&ch, 1), 0);
            WEFT_SCOPE(s);
            weft_task *t = weft_spawn(s, send_some, (&(sending){ &ch, 2, 1, &rc, NULL }));
            WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
            if (!taken_first) weft_task_cancel(t);
            if (room) WEFT_CHECK_EQ(weft_try_recv(&ch, &item), 1);
            else WEFT_CHECK_EQ(weft_try_recv(&ch, &item), taken_first);
            if (taken_first) weft_task_cancel(t);
            WEFT_CHECK_EQ(weft_await(t), 0);
            WEFT_CHECK_EQ(rc, taken_first ? 0 : WEFT_ECANCELED);
            if (room) WEFT_CHECK_EQ(weft_try_recv(&ch, &item), taken_first);
            WEFT_CHECK_EQ(item, taken_first ? 2 : room ? 1 : 5);
            WEFT_CHECK_EQ(weft_try_recv(&ch, &item), 0);
            weft_channel_free(&ch);
        }
    }
    return 0;
}

TASK_TEST(a_cancelled_sender_among_others_leaves_their_order_as_it_was)
{
    ints ch;
    int item, sent = 0;
    WEFT_TRY(weft_channel_open(&ch, 0));
    WEFT_SCOPE(s);
    weft_task *t[5];
    for (int i = 0; i < 5; i++) {
        t[i] = weft_spawn(s, send_some, (&(sending){ &ch, i, 1, NULL, &sent }));
        WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    }
    for (int i = 0; i < 5; i += 2) {                 /* the first, one in between, the last: each leaves the queue */
        weft_task_cancel(t[i]);
        WEFT_CHECK_EQ(weft_await(t[i]), WEFT_ECANCELED);
    }
    weft_spawn(s, send_some, (&(sending){ &ch, 5, 1, NULL, &sent }));
    WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    for (int i = 1; i < 6; i += 2) {
        WEFT_CHECK_EQ(weft_recv(&ch, &item), 1);
        WEFT_CHECK_EQ(item, i);
    }
    WEFT_CHECK_EQ(weft_try_recv(&ch, &item), 0);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(sent, 3);
    weft_channel_free(&ch);
    return 0;
}

TASK_TEST(a_deadline_ends_a_send_and_a_receive)
{
    ints ch;
    int item = 5;
    int64_t start = weft_now_ns();
    WEFT_TRY(weft_channel_open(&ch, 1));
    {
        WEFT_SCOPE(s, .timeout_ms = 10);
        WEFT_CHECK_EQ(weft_recv(&ch, &item), WEFT_ETIMEDOUT);
        WEFT_CHECK(weft_scope_caught(s));
    }
    WORLD_TOOK(start, 10);
    WEFT_CHECK_EQ(weft_send(&ch, 1), 0);
    {
        WEFT_SCOPE(s, .timeout_ms = 10);
        WEFT_CHECK_EQ(weft_send(&ch, 2), WEFT_ETIMEDOUT);
    }
    WORLD_TOOK(start, 20);
    WEFT_CHECK_EQ(weft_recv(&ch, &item), 1);
    WEFT_CHECK_EQ(item, 1);
    WEFT_CHECK_EQ(weft_try_recv(&ch, &item), 0);
    weft_channel_free(&ch);
    return 0;
}

TASK_TEST(in_a_cancelled_scope_nothing_is_sent_or_received)
{
    ints ch;
    int item = 5;
    WEFT_TRY(weft_channel_open(&ch, 2));
    WEFT_CHECK_EQ(weft_send(&ch, 1), 0);
    {
        WEFT_SCOPE(s);
        weft_cancel(s);
        for (int i = 0; i < 3; i++) {
            WEFT_CHECK_EQ(weft_send(&ch, 2), WEFT_ECANCELED);
            WEFT_CHECK_EQ(weft_recv(&ch, &item), WEFT_ECANCELED);
        }
    }
    WEFT_CHECK_EQ(item, 5);
    WEFT_CHECK_EQ(weft_channel_count(&ch), 1);
    weft_channel_free(&ch);
    return 0;
}

/* ---- fairness ---- */

static int count_turns(int *const *turns)
{
    for (;;) {
        WEFT_TRY(weft_yield());
        ++**turns;
    }
}

TASK_TEST(sending_and_receiving_that_never_waits_lets_others_run)
{
    ints ch;
    int turns = 0, item;
    WEFT_TRY(weft_channel_open(&ch, 1));
    WEFT_SCOPE(s);
    weft_spawn(s, count_turns, (&(int *){ &turns }));
    for (int i = 0; i < 5000; i++) {
        WEFT_CHECK_EQ(weft_send(&ch, i), 0);
        WEFT_CHECK_EQ(weft_recv(&ch, &item), 1);
    }
    WEFT_CHECK(turns >= 50);
    weft_cancel(s);
    weft_channel_free(&ch);
    return 0;
}

TASK_TEST(b39_a_loop_over_cancelled_sends_lets_others_run)
{
    ints ch;
    int turns = 0;
    WEFT_TRY(weft_channel_open(&ch, 1));
    WEFT_SCOPE(others);
    weft_spawn(others, count_turns, (&(int *){ &turns }));
    {
        WEFT_SCOPE(s);
        weft_cancel(s);
        for (int i = 0; i < 5000; i++) WEFT_CHECK_EQ(weft_send(&ch, i), WEFT_ECANCELED);
    }
    WEFT_CHECK(turns >= 50);
    weft_cancel(others);
    weft_channel_free(&ch);
    return 0;
}

enum { WORKERS = 5, EACH = 40 };

TASK_TEST(many_senders_and_receivers_pass_each_item_once)
{
    for (size_t room = 0; room < 4; room++) {
        static got into[WORKERS];
        int seen[WORKERS * EACH] = { 0 };
        ints ch;
        memset(into, 0, sizeof into);
        WEFT_TRY(weft_channel_open(&ch, room));
        WEFT_SCOPE(receivers);
        for (int i = 0; i < WORKERS; i++) weft_spawn(receivers, receive_all, (&(draining){ &ch, &into[i] }));
        {
            WEFT_SCOPE(senders);
            for (int i = 0; i < WORKERS; i++) weft_spawn(senders, send_some, (&(sending){ &ch, i * EACH, EACH, NULL, NULL }));
            WEFT_CHECK_EQ(weft_join(senders), 0);
        }
        weft_channel_close(&ch);
        WEFT_CHECK_EQ(weft_join(receivers), 0);
        for (int i = 0; i < WORKERS; i++) {
            WEFT_CHECK(into[i].n > 0 && into[i].n <= 256);
            for (int k = 0; k < into[i].n && k < 256; k++) seen[into[i].items[k]]++;
        }
        for (int i = 0; i < WORKERS * EACH; i++) WEFT_CHECK_EQ(seen[i], 1);
        weft_channel_free(&ch);
    }
    return 0;
}

TASK_TEST(a_channel_of_a_type_without_bytes_is_refused)
{
    typedef struct nothing { } nothing;
    weft_channel(nothing) ch;
    WEFT_CHECK_EQ(weft_channel_open(&ch, 4), WEFT_EINVAL);
    return 0;
}
