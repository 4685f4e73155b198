/* A ring: one writes, others read, nobody waits. */
#define _GNU_SOURCE
#include "os/ring.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "weft/check.h"

static weft__ring *ring_new(void)
{
    weft__ring *r = mmap(NULL, sizeof *r, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    WEFT_NEED(r != MAP_FAILED);
    return r;
}

static void ring_drop(weft__ring *r) { munmap(r, sizeof *r); }

/* "the n-th", as long as it is: so that each length and each place of the wrap comes. */
static size_t make(char *to, unsigned n)
{
    size_t len = n % 700;
    for (size_t i = 0; i < len; i++) to[i] = (char)(n + i);
    return len;
}

typedef struct reading { weft__ring_reader me; weft__buf got; uint32_t topic; uint64_t lost; } reading;

static int next(const weft__ring *r, reading *in) { return weft__ring_read(r, &in->me, &in->got, &in->topic, &in->lost); }

static reading join(const weft__ring *r)
{
    reading in = { .topic = 0 };
    weft__buf_init(&in.got, WEFT__RING_MESSAGE_MAX);
    weft__ring_join(r, &in.me);
    return in;
}

WEFT_TEST(what_was_written_before_a_reader_came_is_not_for_it)
{
    weft__ring *r = ring_new();
    WEFT_CHECK_EQ(weft__ring_write(r, 1, WEFT_S("early")), 0);
    reading in = join(r);
    WEFT_CHECK_EQ(next(r, &in), 0);
    WEFT_CHECK_EQ(weft__ring_write(r, 7, WEFT_S("late")), 0);
    WEFT_CHECK_EQ(weft__ring_write(r, 8, WEFT_S("")), 0);
    WEFT_CHECK_EQ(next(r, &in), 1);
    WEFT_CHECK_STR(weft__buf_str(&in.got), "late");
    WEFT_CHECK_EQ(in.topic, 7);
    WEFT_CHECK_EQ(next(r, &in), 1);
    WEFT_CHECK_EQ(in.got.len, 0);
    WEFT_CHECK_EQ(in.topic, 8);
    WEFT_CHECK_EQ(next(r, &in), 0);
    WEFT_CHECK_EQ(in.lost, 0);
    weft__buf_free(&in.got);
    ring_drop(r);
}

WEFT_TEST(messages_of_every_length_come_whole_through_many_wraps)
{
    weft__ring *r = ring_new();
    reading in = join(r);
    char text[1024];
    bool same = true;
    for (unsigned n = 0; n < 20000; n++) {
        size_t len = make(text, n);
        same &= weft__ring_write(r, n & 0xffff, (weft_str){ text, len }) == 0;
        same &= next(r, &in) == 1 && in.topic == (n & 0xffff) && !in.lost && weft_str_equal(weft__buf_str(&in.got), (weft_str){ text, len });
    }
    WEFT_CHECK(same);
    weft__buf_free(&in.got);
    ring_drop(r);
}

WEFT_TEST(who_is_overtaken_is_told_how_many_he_lost_and_goes_on)
{
    weft__ring *r = ring_new();
    reading in = join(r);
    static char large[WEFT__RING_MESSAGE_MAX];
    WEFT_CHECK_EQ(weft__ring_write(r, 1, WEFT_S("seen")), 0);
    WEFT_CHECK_EQ(next(r, &in), 1);
    for (int i = 0; i < 40; i++) WEFT_CHECK_EQ(weft__ring_write(r, 2, (weft_str){ large, sizeof large }), 0);
    WEFT_CHECK_EQ(next(r, &in), 0);
    WEFT_CHECK_EQ(in.lost, 40);
    WEFT_CHECK_EQ(weft__ring_write(r, 3, WEFT_S("after")), 0);
    WEFT_CHECK_EQ(next(r, &in), 1);
    WEFT_CHECK_EQ(in.lost, 0);
    WEFT_CHECK_STR(weft__buf_str(&in.got), "after");
    weft__buf_free(&in.got);
    ring_drop(r);
}

WEFT_TEST(a_message_that_is_too_large_is_refused_and_the_largest_is_not)
{
    weft__ring *r = ring_new();
    reading in = join(r);
    static char large[WEFT__RING_MESSAGE_MAX + 1];
    WEFT_CHECK_EQ(weft__ring_write(r, 1, (weft_str){ large, sizeof large }), WEFT_ELIMIT);
    WEFT_CHECK_EQ(next(r, &in), 0);
    WEFT_CHECK_EQ(weft__ring_write(r, 1, (weft_str){ large, sizeof large - 1 }), 0);
    WEFT_CHECK_EQ(next(r, &in), 1);
    WEFT_CHECK_EQ(in.got.len, sizeof large - 1);
    weft__buf_free(&in.got);
    ring_drop(r);
}

WEFT_TEST(who_writes_behind_one_that_died_in_a_message_is_read)
{
    weft__ring *r = ring_new();
    reading in = join(r);
    WEFT_CHECK_EQ(weft__ring_write(r, 1, WEFT_S("whole")), 0);
    r->claimed += 4096;                              /* it had begun, and had overwritten some of it */
    memset(r->bytes + r->written, 0xff, 64);
    WEFT_CHECK_EQ(next(r, &in), 1);
    WEFT_CHECK_EQ(next(r, &in), 0);
    WEFT_CHECK_EQ(weft__ring_write(r, 2, WEFT_S("the next one")), 0);
    WEFT_CHECK_EQ(next(r, &in), 1);
    WEFT_CHECK_STR(weft__buf_str(&in.got), "the next one");
    WEFT_CHECK_EQ(in.lost, 0);
    weft__buf_free(&in.got);
    ring_drop(r);
}

WEFT_TEST(a_memory_that_holds_no_ring_is_left_and_not_followed)
{
    weft__ring *r = ring_new();
    reading in = join(r);
    r->written = r->claimed = 4096;                  /* all of it zeros, then ones: no head of a message that can be */
    memset(r->bytes, 0xff, 4096);
    WEFT_CHECK_EQ(next(r, &in), 0);
    WEFT_CHECK_EQ(in.me.at, 4096);
    weft__buf_free(&in.got);
    ring_drop(r);
}

/* Each message tells its number and repeats it: a mixture of two would show. */
static void write_numbers(weft__ring *r, uint64_t count)
{
    uint64_t words[64];
    for (uint64_t n = 1; n <= count; n++) {
        size_t len = 8 * (1 + n % 64);
        for (int i = 0; i < 64; i++) words[i] = n;
        if (weft__ring_write(r, 1, (weft_str){ (const char *)words, len }) < 0) _exit(1);
    }
}

WEFT_TEST(between_processes_no_message_is_mixed_and_all_are_read_or_told_as_lost)
{
    enum { COUNT = 200000 };
    weft__ring *r = ring_new();
    reading in = join(r);
    pid_t pid = fork();
    if (!pid) {
        write_numbers(r, COUNT);
        _exit(0);
    }
    uint64_t last = 0, seen = 0, lost = 0;
    int status = -1;
    bool mixed = false, backwards = false, over = false;
    while (!over) {
        over = waitpid(pid, &status, WNOHANG) == pid;    /* then all is there, and the next round reads it */
        for (int rc; (rc = next(r, &in)) == 1 || in.lost; lost += in.lost) {
            if (rc != 1) continue;
            uint64_t n, other;
            seen++;
            memcpy(&n, in.got.ptr, sizeof n);
            backwards |= n <= last;
            last = n;
            mixed |= in.got.len != 8 * (1 + n % 64);
            for (size_t i = 0; i < in.got.len; i += 8) {
                memcpy(&other, in.got.ptr + i, 8);
                mixed |= other != n;
            }
        }
    }
    WEFT_CHECK_EQ(status, 0);
    WEFT_CHECK(!mixed);
    WEFT_CHECK(!backwards);
    WEFT_CHECK_EQ(seen + lost, COUNT);
    weft__buf_free(&in.got);
    ring_drop(r);
}
