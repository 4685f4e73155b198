/* What the scheduler owes to those who wait for sockets: no bytes, no descriptors and no wakes are lost. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "io/stream.h"
#include "task/world.h"

typedef struct pair { weft__stream client, server; } pair;

static int listen_here(weft__addr *at)
{
    weft__os *os = world_now.os;
    WEFT_NEED(weft__addr_parse(WEFT_S("127.0.0.1"), 0, at) == 0);
    int fd = os->ops->listen(os, at, 64);
    WEFT_NEED(fd >= 0);
    WEFT_NEED(os->ops->local(os, fd, at) == 0);
    return fd;
}

static int accept_from(int listener)
{
    weft__addr peer;
    int fd = -EAGAIN;
    for (int i = 0; i < 2000 && fd == -EAGAIN; i++) {
        fd = world_now.os->ops->accept(world_now.os, listener, &peer);
        if (fd == -EAGAIN) WEFT_NEED(weft_sleep_ms(1) == 0);
    }
    WEFT_NEED(fd >= 0);
    return fd;
}

static void pair_open(pair *p)
{
    weft__addr at;
    int listener = listen_here(&at);
    WEFT_NEED(weft__stream_connect(&p->client, world_now.loop, &at, INT64_MAX) == 0);
    WEFT_NEED(weft__stream_open(&p->server, world_now.loop, accept_from(listener)) == 0);
    world_now.os->ops->close(world_now.os, listener);
}

static void pair_close(pair *p)
{
    weft__stream_close(&p->client);
    weft__stream_close(&p->server);
}

static int send_text(weft__stream *s, const char *text)
{
    return weft__stream_send(s, &(struct iovec){ (void *)(uintptr_t)text, strlen(text) }, 1, INT64_MAX);
}

/* One read, into a buffer that outlives it. */
typedef struct read_in { weft__stream *from; char *to; size_t n; ssize_t *got; } read_in;
static int read_once(const read_in *in)
{
    *in->got = weft__stream_recv(in->from, in->to, in->n, INT64_MAX);
    return 0;
}

/* Reads until `n` bytes are there, or fails the test. */
static void read_all(weft__stream *s, char *to, size_t n)
{
    for (size_t have = 0; have < n;) {
        WEFT_SCOPE(patience, .timeout_ms = 5000);
        ssize_t got = weft__stream_recv(s, to + have, n - have, INT64_MAX);
        WEFT_NEED(got > 0);
        have += (size_t)got;
    }
}

/* ---- a cancel and an end at once ---- */

/* In round i the reader is cancelled before, while or after its bytes come: it has them, or the next has. */
TASK_TEST(b12_of_a_cancelled_read_and_the_next_one_exactly_one_has_each_byte)
{
    enum { ROUNDS = 60 };
    pair p;
    char got[8], all[ROUNDS * 4 + 1] = "", expected[ROUNDS * 4 + 1] = "";
    size_t len = 0;
    int cancelled = 0;
    pair_open(&p);
    for (int i = 0; i < ROUNDS; i++) {
        ssize_t n = 99;
        char text[16];
        snprintf(text, sizeof text, "%04d", i);
        strcat(expected, text);
        WEFT_SCOPE(s);
        weft_task *reader = weft_spawn(s, read_once, (&(read_in){ &p.server, got, 4, &n }));
        if (i % 3 > 0) WEFT_CHECK_EQ(weft_yield(), 0);
        if (i % 5 == 4) weft_task_cancel(reader);
        WEFT_CHECK_EQ(send_text(&p.client, text), 0);
        for (int k = 0; k < i % 4; k++) WEFT_CHECK_EQ(weft_yield(), 0);
        weft_task_cancel(reader);
        WEFT_CHECK_EQ(weft_await(reader), 0);
        WEFT_CHECK(n > 0 || n == WEFT_ECANCELED);
        cancelled += n == WEFT_ECANCELED;
        size_t have = n > 0 ? (size_t)n : 0;
        read_all(&p.server, got + have, 4 - have);
        memcpy(all + len, got, 4);
        len += 4;
    }
    WEFT_CHECK_STR(((weft_str){ all, len }), expected);
    WEFT_CHECK(cancelled > 0);
    pair_close(&p);
    return 0;
}

TASK_TEST(b12_a_read_that_timed_out_leaves_its_bytes_to_the_next)
{
    pair p;
    char got[16];
    pair_open(&p);
    for (int i = 0; i < 5; i++) {
        int64_t start = weft_now_ns();
        WEFT_CHECK_EQ(weft__stream_recv(&p.server, got, sizeof got, start + 3000000), WEFT_ETIMEDOUT);
        WORLD_TOOK(start, 3);
        WEFT_CHECK_EQ(send_text(&p.client, "late"), 0);
        read_all(&p.server, got, 4);
        WEFT_CHECK_STR(((weft_str){ got, 4 }), "late");
    }
    pair_close(&p);
    return 0;
}

TASK_TEST(b12_a_read_in_a_cancelled_scope_takes_no_bytes_that_it_does_not_report)
{
    pair p;
    char got[8] = "....";
    pair_open(&p);
    WEFT_CHECK_EQ(send_text(&p.client, "data"), 0);
    WEFT_CHECK_EQ(weft_sleep_ms(5), 0);
    ssize_t n;
    {
        WEFT_SCOPE(s);
        weft_cancel(s);
        n = weft__stream_recv(&p.server, got, 4, INT64_MAX);
    }
    WEFT_CHECK_EQ(n, WEFT_ECANCELED);
    WEFT_CHECK_STR(weft_str_of(got), "....");
    read_all(&p.server, got, 4);
    WEFT_CHECK_STR(((weft_str){ got, 4 }), "data");
    pair_close(&p);
    return 0;
}

/* ---- connects that are cancelled ---- */

typedef struct connect_in { weft__stream *s; const weft__addr *to; int *rc; } connect_in;
static int connect_once(const connect_in *in)
{
    *in->rc = weft__stream_connect(in->s, world_now.loop, in->to, INT64_MAX);
    return 0;
}

static int open_fds(void) { return world_now.virtual_time ? weft__sim_open_fds(world_now.os) : (int)world_fds(); }

static int drain_listener(int listener)
{
    weft__addr peer;
    int fd, n = 0;
    while ((fd = world_now.os->ops->accept(world_now.os, listener, &peer)) >= 0) {
        world_now.os->ops->close(world_now.os, fd);
        n++;
    }
    return n;
}

TASK_TEST(b13_a_connect_cancelled_at_any_turn_leaks_no_descriptor)
{
    weft__addr at;
    int listener = listen_here(&at), outcomes[2] = { 0 };
    for (int turns = 0; turns < 12; turns++) {
        int before = open_fds(), rc = 99;
        weft__stream stream;
        {
            WEFT_SCOPE(s);
            weft_task *t = weft_spawn(s, connect_once, (&(connect_in){ &stream, &at, &rc }));
            for (int k = 0; k < turns / 2; k++) WEFT_CHECK_EQ(weft_yield(), 0);
            weft_task_cancel(t);
            WEFT_CHECK_EQ(weft_await(t), 0);
        }
        WEFT_CHECK(rc == 0 || rc == WEFT_ECANCELED);
        outcomes[rc < 0]++;
        if (rc == 0) weft__stream_close(&stream);
        WEFT_CHECK_EQ(weft_sleep_ms(3), 0);
        drain_listener(listener);
        WEFT_CHECK_EQ(open_fds(), before);
    }
    WEFT_CHECK(outcomes[1] > 0);
    world_now.os->ops->close(world_now.os, listener);
    return 0;
}

TASK_TEST(b13_a_connect_that_is_refused_leaks_no_descriptor)
{
    weft__addr at;
    world_now.os->ops->close(world_now.os, listen_here(&at));      /* nobody listens there any more */
    int before = open_fds();
    weft__stream stream;
    WEFT_CHECK_EQ(weft__stream_connect(&stream, world_now.loop, &at, INT64_MAX), WEFT_ECONNREFUSED);
    WEFT_CHECK_EQ(open_fds(), before);
    return 0;
}

/* ---- two at one socket ---- */

TASK_TEST(b46_a_second_reader_is_told_busy_at_once_and_the_first_reads_on)
{
    pair p;
    char a[8], b[8];
    ssize_t n = 99;
    pair_open(&p);
    WEFT_SCOPE(s);
    weft_task *first = weft_spawn(s, read_once, (&(read_in){ &p.server, a, 4, &n }));
    WEFT_NEED(weft_sleep_ms(2) == 0 && !weft_task_done(first));
    int64_t start = weft_now_ns();
    WEFT_CHECK_EQ(weft__stream_recv(&p.server, b, 4, INT64_MAX), WEFT_EBUSY);
    WORLD_TOOK(start, 0);
    WEFT_NEED(send_text(&p.client, "mine") == 0);
    WEFT_CHECK_EQ(weft_await(first), 0);
    WEFT_NEED(n > 0 && n <= 4);
    WEFT_CHECK( memcmp(a, "mine", (size_t)n) == 0);
    read_all(&p.server, a + n, 4 - (size_t)n);
    WEFT_NEED(send_text(&p.client, "next") == 0);                /* and the place is free again */
    read_all(&p.server, b, 4);
    WEFT_CHECK_STR(((weft_str){ b, 4 }), "next");
    pair_close(&p);
    return 0;
}

enum { FLOOD = 32 << 20 };
typedef struct flood_in { weft__stream *to; int *rc; } flood_in;
static int flood(const flood_in *in)
{
    char *bytes = calloc(1, FLOOD);
    *in->rc = weft__stream_send(in->to, &(struct iovec){ bytes, FLOOD }, 1, INT64_MAX);
    free(bytes);
    return 0;
}

TASK_TEST(b46_a_second_writer_is_told_busy_and_a_reader_of_the_same_socket_is_not)
{
    pair p;
    char a[8];
    int rc = 99;
    ssize_t n = 99;
    pair_open(&p);
    WEFT_SCOPE(s);
    weft_task *writer = weft_spawn(s, flood, (&(flood_in){ &p.client, &rc }));
    weft_task *reader = weft_spawn(s, read_once, (&(read_in){ &p.client, a, 4, &n }));
    WEFT_CHECK_EQ(weft_sleep_ms(5), 0);
    WEFT_NEED(!weft_task_done(writer) && !weft_task_done(reader));
    WEFT_CHECK_EQ(send_text(&p.client, "x"), WEFT_EBUSY);
    WEFT_NEED(send_text(&p.server, "back") == 0);
    WEFT_CHECK_EQ(weft_await(reader), 0);
    WEFT_CHECK(n > 0);
    weft_task_cancel(writer);
    WEFT_CHECK_EQ(weft_await(writer), 0);
    WEFT_CHECK_EQ(rc, WEFT_ECANCELED);
    pair_close(&p);
    return 0;
}

/* ---- closing while others wait ---- */

TASK_TEST(b47_closing_a_socket_wakes_its_reader_and_its_writer)
{
    pair p;
    char a[8];
    int rc = 99;
    ssize_t n = 99;
    pair_open(&p);
    WEFT_SCOPE(s);
    weft_task *writer = weft_spawn(s, flood, (&(flood_in){ &p.client, &rc }));
    weft_task *reader = weft_spawn(s, read_once, (&(read_in){ &p.client, a, 4, &n }));
    WEFT_CHECK_EQ(weft_sleep_ms(5), 0);
    weft__stream_close(&p.client);
    weft__stream_close(&p.client);
    WEFT_CHECK_EQ(weft_await(reader), 0);
    WEFT_CHECK_EQ(weft_await(writer), 0);
    WEFT_CHECK_EQ(n, WEFT_ECLOSED);
    WEFT_CHECK_EQ(rc, WEFT_ECLOSED);
    WEFT_CHECK_EQ(weft__stream_recv(&p.client, a, 4, INT64_MAX), WEFT_ECLOSED);
    WEFT_CHECK_EQ(send_text(&p.client, "x"), WEFT_ECLOSED);
    pair_close(&p);
    return 0;
}

/* The number of the closed descriptor goes to another socket at once, with bytes to read. */
TASK_TEST(b47_whoever_waited_on_a_closed_socket_does_not_read_from_the_next_with_its_number)
{
    pair p, other;
    char a[8] = "", b[8] = "";
    ssize_t n = 99;
    pair_open(&p);
    pair_open(&other);
    WEFT_CHECK_EQ(send_text(&other.client, "theirs"), 0);
    WEFT_CHECK_EQ(weft_sleep_ms(5), 0);
    WEFT_SCOPE(s);
    weft_task *reader = weft_spawn(s, read_once, (&(read_in){ &p.server, a, 6, &n }));
    WEFT_CHECK_EQ(weft_sleep_ms(2), 0);
    weft__stream_close(&p.server);
    weft__addr at;
    int reused = listen_here(&at);
    WEFT_CHECK_EQ(weft_await(reader), 0);
    WEFT_CHECK_EQ(n, WEFT_ECLOSED);
    WEFT_CHECK_STR(weft_str_of(a), "");
    read_all(&other.server, b, 6);
    WEFT_CHECK_STR(((weft_str){ b, 6 }), "theirs");
    world_now.os->ops->close(world_now.os, reused);
    pair_close(&other);
    pair_close(&p);
    return 0;
}

/* Both have bytes in one turn of the poller; the first that is told closes and frees the other. */
typedef struct doomed { weft__stream stream; struct doomed *other; int *told; } doomed;
static void close_the_other(weft__stream *s, uint32_t events)
{
    (void)events;
    doomed *d = (doomed *)s;
    ++*d->told;
    if (!d->other) return;
    weft__stream_close(&d->other->stream);
    free(d->other);
    d->other = NULL;
}

TASK_TEST(b47_a_socket_closed_and_freed_while_its_event_is_on_the_way_is_left_in_peace)
{
    pair p[2];
    doomed *d[2];
    int told = 0;
    for (int i = 0; i < 2; i++) {
        d[i] = calloc(1, sizeof *d[i]);
        weft__addr at;
        int listener = listen_here(&at);
        WEFT_NEED(weft__stream_connect(&p[i].client, world_now.loop, &at, INT64_MAX) == 0);
        WEFT_NEED(weft__stream_open(&d[i]->stream, world_now.loop, accept_from(listener)) == 0);
        world_now.os->ops->close(world_now.os, listener);
    }
    WEFT_CHECK_EQ(weft_sleep_ms(5), 0);                            /* what comes with opening has been told */
    for (int i = 0; i < 2; i++) {
        d[i]->other = d[!i];
        d[i]->told = &told;
        d[i]->stream.idle = close_the_other;
    }
    for (int i = 0; i < 2; i++) WEFT_CHECK_EQ(send_text(&p[i].client, "now"), 0);
    doomed *left[2] = { d[0], d[1] };
    for (int i = 0; i < 500 && !told; i++) WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    WEFT_CHECK_EQ(weft_sleep_ms(5), 0);
    WEFT_CHECK(told >= 1);
    /* the one that is left is the one whose peer is gone */
    doomed *alive = NULL;
    for (int i = 0; i < 2; i++) {
        char byte;
        ssize_t n = weft__stream_recv(&p[i].client, &byte, 1, weft_now_ns() + 20000000);
        if (n == WEFT_ETIMEDOUT) alive = left[i];
    }
    WEFT_NEED(alive != NULL);
    weft__stream_close(&alive->stream);
    free(alive);
    for (int i = 0; i < 2; i++) weft__stream_close(&p[i].client);
    return 0;
}

/* ---- fairness ---- */

static bool arrived;
static int spin(void)
{
    int64_t end = world_real_ms() + 5000;
    while (!arrived && WEFT_CHECK(world_real_ms() < end)) WEFT_TRY(weft_sleep_ms(0));
    return 0;
}
static int read_and_note(weft__stream *const *s)
{
    char bytes[8];
    WEFT_CHECK(weft__stream_recv(*s, bytes, sizeof bytes, INT64_MAX) > 0);
    arrived = true;
    return 0;
}

TASK_TEST(b23_b38_tasks_that_are_always_ready_do_not_starve_io)
{
    pair p;
    arrived = false;
    pair_open(&p);
    WEFT_SCOPE(s);
    weft_spawn(s, read_and_note, (&(weft__stream *const){ &p.server }));
    for (int i = 0; i < 500; i++) weft_spawn(s, spin);
    WEFT_CHECK_EQ(weft_sleep_ms(0), 0);
    WEFT_CHECK_EQ(send_text(&p.client, "io"), 0);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK(arrived);
    pair_close(&p);
    return 0;
}
