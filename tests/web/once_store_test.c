/* The store behind idempotency keys, whatever comes in which order. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "web/once_store.h"
#include "weft/check.h"

static uint64_t state;
static uint32_t draw(uint32_t n)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(state >> 33) % n;
}
static void name_to(uint8_t name[WEFT__ONCE_NAME], uint32_t n)
{
    memset(name, 0, WEFT__ONCE_NAME);
    memcpy(name, &n, sizeof n);
}

enum { OWNERS = 6, RUNNING = 64 };
static char bytes[3000], copied[4000];

/* What `who` keeps, found by walking; and that all sums hold. */
static uint32_t kept_by(const weft__once_store *s, uint64_t who, const weft__once_entry *any[OWNERS])
{
    uint32_t count = 0;
    for (const weft__once_entry *e = s->newest; e; e = e->older) {
        uint64_t owner;
        weft__once_copy(e, copied);
        memcpy(&owner, copied + e->lines_len + 1, sizeof owner);
        WEFT_CHECK(!memcmp(copied, "X: y\r\n", 7) && e->body_len >= 8 && !copied[e->lines_len + 1 + e->body_len]);
        WEFT_CHECK(e->body_len == 8 || copied[e->lines_len + e->body_len] == '!');
        if (owner == who) count++, any[who] = e;
    }
    return count;
}

WEFT_TEST(a_store_of_answers_holds_its_limits_and_takes_from_who_has_most)
{
    void *memory = calloc(1, weft__once_bytes(20, 12000));
    weft__once_entry *running[RUNNING];
    uint64_t whose[RUNNING];
    uint32_t count = 0;
    state = 7;
    WEFT_NEED(memory);
    weft__once_store *s = weft__once_lay_out(memory, 20, 12000, 1000);
    for (int64_t i = 0; i < 20000; i++) {
        uint8_t name[WEFT__ONCE_NAME];
        const weft__once_entry *any[OWNERS] = { NULL };
        uint32_t before[OWNERS], most = 0;
        uint64_t who = draw(100) < 60 ? 0 : draw(OWNERS);            /* one of them comes more often than all others */
        for (uint64_t k = 0; k < OWNERS; k++) {
            before[k] = kept_by(s, k, any);
            if (before[k] > most) most = before[k];
        }
        name_to(name, draw(1u << 30));
        WEFT_CHECK(weft__once_find(s, name, i) == NULL);
        for (uint64_t k = 0; k < OWNERS; k++) before[k] = kept_by(s, k, any);
        weft__once_entry *e = count < RUNNING ? weft__once_begin(s, name, who, 1) : NULL;
        if (e) {
            for (uint64_t k = 0; k < OWNERS; k++)
                if (k != who && kept_by(s, k, any) < before[k]) WEFT_CHECK(before[k] == most && before[k] > before[who]);
            WEFT_CHECK(weft__once_find(s, name, i) == e && !e->answered);
            running[count] = e;
            whose[count++] = who;
        }
        WEFT_CHECK(s->entries <= 20 && s->bytes <= 12000 + 20 * sizeof *e);
        if (count && draw(3)) {
            uint32_t at = draw(count);
            memcpy(bytes, &whose[at], sizeof whose[at]);
            uint32_t more = draw(2900);
            if (more) bytes[8 + more - 1] = '!';
            if (draw(4)) WEFT_CHECK(weft__once_keep(s, running[at], 200, WEFT_S("X: y\r\n"), (weft_str){ bytes, 8 + more }, i));
            else weft__once_forget(s, running[at]);
            running[at] = running[--count];
            whose[at] = whose[count];
        }
        WEFT_CHECK(s->entries <= 20 && s->bytes <= 12000 + count * sizeof *e && s->owners <= OWNERS);
    }
    while (count) weft__once_forget(s, running[--count]);
    while (s->oldest) weft__once_forget(s, s->oldest);
    WEFT_CHECK(s->entries == 0 && s->bytes == 0 && s->owners == 0 && !s->newest && s->blocks_fresh < s->blocks_max);
    free(memory);
}

static void keep_small(weft__once_store *s, uint32_t n, uint64_t who, int64_t now_ns)
{
    uint8_t name[WEFT__ONCE_NAME];
    name_to(name, n);
    weft__once_entry *e = weft__once_begin(s, name, who, 1);
    WEFT_NEED(e && weft__once_keep(s, e, 200, WEFT_S("X: y\r\n"), WEFT_S("small"), now_ns));
}

/* Others wait for the store meanwhile: each call forgets some hundred, in steps that do not depend on how many there are. */
WEFT_TEST(a_large_answer_pushes_out_many_small_ones_a_few_at_a_time)
{
    enum { ENTRIES = WEFT__ONCE_ENTRIES_LARGEST, LARGE = 4 << 20, TTL = 1000, SECONDS_MAX = 4 };
    size_t small = sizeof(weft__once_entry) + 6 + 5 + 2, all = small * (ENTRIES - 1);
    void *memory = calloc(1, weft__once_bytes(ENTRIES, all));
    char *large = calloc(1, LARGE);
    uint8_t name[WEFT__ONCE_NAME];
    WEFT_NEED(memory && large);
    clock_t began = clock();
    weft__once_store *s = weft__once_lay_out(memory, ENTRIES, all, TTL);
    for (uint32_t i = 0; i < ENTRIES - 1; i++) keep_small(s, i, i % 10 < 8 ? 1 : i, 0);     /* one of them has most, and very many have one each */
    name_to(name, ENTRIES);
    weft__once_entry *e = weft__once_begin(s, name, 1000000, 1);
    WEFT_NEED(e);
    int calls = 1;
    for (uint32_t before = s->entries; !weft__once_keep(s, e, 200, WEFT_S("X: y\r\n"), (weft_str){ large, LARGE }, 1); before = s->entries, calls++)
        WEFT_CHECK(before - s->entries <= 256);
    WEFT_CHECK(calls > 50 && e->answered && s->bytes <= all && s->entries > 20000);
    name_to(name, 9);
    WEFT_CHECK(weft__once_find(s, name, 1));         /* of who has one: it stays */
    for (uint32_t before = s->entries; s->oldest != e; before = s->entries) {       /* all are too old, and go a few at a time */
        name_to(name, 19);
        WEFT_CHECK(weft__once_find(s, name, TTL) == NULL);
        WEFT_NEED(before > s->entries && before - s->entries <= 257);
    }
    WEFT_CHECK_EQ(s->entries, 1);
    WEFT_CHECK((clock() - began) / CLOCKS_PER_SEC < SECONDS_MAX);
    free(large);
    free(memory);
}

static bool is_even(const void *ctx, uint64_t runner) { return (void)ctx, runner % 2 == 0; }

WEFT_TEST(what_was_being_answered_by_who_lives_no_more_counts_against_nobody)
{
    void *memory = calloc(1, weft__once_bytes(8, 4000));
    WEFT_NEED(memory);
    weft__once_store *s = weft__once_lay_out(memory, 8, 4000, 1000);
    uint8_t name[WEFT__ONCE_NAME];
    for (uint32_t i = 0; i < 4; i++) {
        name_to(name, i);
        WEFT_NEED(weft__once_begin(s, name, i / 2, i));
    }
    name_to(name, 9);
    WEFT_CHECK(!weft__once_begin(s, name, 0, 1));                    /* two are a quarter of eight */
    weft__once_sweep(s, is_even, NULL);
    for (uint32_t i = 0; i < 4; i++) {
        name_to(name, i);
        weft__once_entry *e = weft__once_find(s, name, 0);
        WEFT_CHECK(i % 2 ? !e : e && e->runner == i);
    }
    name_to(name, 9);
    WEFT_CHECK(weft__once_begin(s, name, 0, 1) != NULL);
    free(memory);
}

WEFT_TEST(a_store_that_was_emptied_gives_no_ticket_again)
{
    void *memory = calloc(1, weft__once_bytes(4, 4000));
    WEFT_NEED(memory);
    weft__once_store *s = weft__once_lay_out(memory, 4, 4000, 1000);
    uint8_t name[WEFT__ONCE_NAME];
    name_to(name, 1);
    weft__once_entry *e = weft__once_begin(s, name, 1, 1);
    WEFT_NEED(e);
    uint64_t ticket = e->ticket;
    e->in_bucket = e;                    /* whoever died in the middle may have left that */
    s->by_kept.count = s->by_bytes.count = 77;
    weft__once_reset(s);
    WEFT_CHECK(!weft__once_find(s, name, 0) && !s->entries && !s->owners && !s->bytes);
    WEFT_CHECK(e->ticket != ticket);
    e = weft__once_begin(s, name, 1, 1);
    WEFT_CHECK(e && e->ticket != ticket);
    free(memory);
}
