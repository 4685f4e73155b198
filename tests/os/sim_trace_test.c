#include <errno.h>
#include <stdlib.h>
#include "net.h"

#define OPS (os->ops)

static weft__os *new_sim(const weft__sim_opts *opts)
{
    weft__os *os = weft__sim_new(opts);
    WEFT_NEED(os != NULL);
    return os;
}

static const int64_t MS = 1000000, S = 1000000000;

static weft__addr at(const char *host, int port)
{
    weft__addr a;
    WEFT_NEED(weft__addr_parse(weft_str_of(host), port, &a) == 0);
    return a;
}

/* Three clients that talk to a server, by whatever order the world chooses; the trace of it all. */
typedef struct talk { weft__os *os; int fds[8], count, listener, answered; } talk;

static void talk_add(talk *t, int fd)
{
    weft__os *os = t->os;
    if (fd < 0) return;
    OPS->watch(os, fd, (void *)(intptr_t)(fd + 1), false);
    t->fds[t->count++] = fd;
}

static void talk_event(talk *t, int fd)
{
    weft__os *os = t->os;
    weft__addr peer;
    char bytes[17] = "";
    if (fd == t->listener) {
        talk_add(t, OPS->accept(os, fd, &peer));
        return;
    }
    ssize_t n = OPS->recv(os, fd, bytes, 16);
    if (n < 0) n = 0;
    if (t->answered++ < 40) OPS->send(os, fd, &(struct iovec){ bytes, (size_t)n + 1 }, 1);
}

static uint64_t talk_once(weft__sim_opts opts)
{
    weft__os *os = new_sim(&opts);
    talk t = { .os = os };
    WEFT_NEED(os != NULL);
    weft__addr a = at("127.0.0.1", 80);
    t.listener = OPS->listen(os, &a, 8);
    WEFT_CHECK_EQ(OPS->watch(os, t.listener, (void *)(intptr_t)(t.listener + 1), true), 0);
    for (int i = 0; i < 3; i++) talk_add(&t, OPS->connect(os, &a));
    weft__event e[8];
    for (int n; (n = OPS->wait(os, e, 8, -1)) > 0;)
        for (int i = 0; i < n; i++) talk_event(&t, (int)(intptr_t)e[i].cookie - 1);
    for (int i = 0; i < t.count; i++) OPS->close(os, t.fds[i]);
    OPS->close(os, t.listener);
    WEFT_CHECK_EQ(weft__sim_open_fds(os), 0);
    WEFT_CHECK(weft__sim_events(os) > 50);
    uint64_t trace = weft__sim_trace(os);
    OPS->free(os);
    return trace;
}

static weft__sim_opts stormy(uint64_t seed)
{
    return (weft__sim_opts){ .seed = seed, .delay_max_ns = 3 * MS, .short_io_percent = 30, .reset_permille = 20,
        .refuse_permille = 50, .window = 32 };
}

WEFT_TEST(one_seed_gives_one_trace)
{
    for (uint64_t seed = 0; seed < 20; seed++) WEFT_CHECK(talk_once(stormy(seed)) == talk_once(stormy(seed)));
}

WEFT_TEST(another_seed_gives_another_trace)
{
    for (uint64_t seed = 1; seed < 20; seed++) WEFT_CHECK(talk_once(stormy(seed)) != talk_once(stormy(seed + 1)));
}

/* Without delays all happens at one time: the seed alone decides on the order. */
WEFT_TEST(a_seed_shuffles_what_happens_at_the_same_time)
{
    int same = 0;
    uint64_t plain = talk_once((weft__sim_opts){ .seed = 0 });
    for (uint64_t seed = 1; seed < 10; seed++) same += talk_once((weft__sim_opts){ .seed = seed }) == plain;
    WEFT_CHECK_EQ(same, 0);
}

/* Where memory lies must not matter: other blocks are taken in between. */
static void *shifting(void *ctx, void *ptr, size_t size)
{
    static void *kept[4096];
    static unsigned count;
    (void)ctx;
    if (size) {
        if (count < weft_count(kept)) kept[count] = malloc(16 + count * 40 % 700), count++;
        return realloc(ptr, size);
    }
    free(ptr);
    if (count > 2) free(kept[--count]);
    return NULL;
}

WEFT_TEST(the_trace_does_not_depend_on_where_memory_lies)
{
    uint64_t before = talk_once(stormy(5));
    weft_set_allocator(shifting, NULL);
    WEFT_CHECK(talk_once(stormy(5)) == before);
}

WEFT_TEST(the_contents_of_messages_are_in_the_trace)
{
    uint64_t traces[2];
    for (int i = 0; i < 2; i++) {
        weft__os *os = new_sim(&(weft__sim_opts){ 0 });
        weft__addr a = at("10.0.0.1", 80);
        int l = OPS->listen(os, &a, 8), c = OPS->connect(os, &a);
        weft__event e[4];
        OPS->watch(os, c, e, false);
        WEFT_CHECK_EQ(OPS->wait(os, e, 4, -1), 1);
        WEFT_CHECK_EQ(OPS->send(os, c, &(struct iovec){ i ? "0123456789a" : "0123456789b", 11 }, 1), 11);
        traces[i] = weft__sim_trace(os);
        OPS->close(os, c);
        OPS->close(os, l);
        OPS->free(os);
    }
    WEFT_CHECK(traces[0] != traces[1]);
}

WEFT_TEST(the_program_may_add_its_decisions_to_the_trace)
{
    weft__os *os = new_sim(&(weft__sim_opts){ .seed = 1 }), *other = new_sim(&(weft__sim_opts){ .seed = 1 });
    os->ops->trace(os, 1);
    other->ops->trace(other, 2);
    WEFT_CHECK(weft__sim_trace(os) != weft__sim_trace(other));
    OPS->free(os);
    other->ops->free(other);
}

WEFT_TEST(what_the_program_draws_does_not_disturb_the_world)
{
    int64_t times[2];
    for (int i = 0; i < 2; i++) {
        weft__os *os = new_sim(&(weft__sim_opts){ .seed = 9, .delay_max_ns = S });
        weft__addr a = at("10.0.0.1", 80);
        if (i) OPS->random(os);
        int c = OPS->connect(os, &a);
        weft__event e[4];
        OPS->watch(os, c, e, false);
        WEFT_CHECK_EQ(OPS->wait(os, e, 4, -1), 1);
        times[i] = OPS->now_ns(os);
        OPS->close(os, c);
        OPS->free(os);
    }
    WEFT_CHECK_EQ(times[0], times[1]);
}

WEFT_TEST(random_repeats_with_its_seed_and_with_no_other)
{
    weft__os *a = new_sim(&(weft__sim_opts){ .seed = 4 }), *b = new_sim(&(weft__sim_opts){ .seed = 4 });
    weft__os *c = new_sim(&(weft__sim_opts){ .seed = 5 });
    uint64_t first = a->ops->random(a);
    WEFT_CHECK(first == b->ops->random(b));
    WEFT_CHECK(first != c->ops->random(c));
    WEFT_CHECK(first != a->ops->random(a));
    a->ops->free(a);
    b->ops->free(b);
    c->ops->free(c);
}
