/* From a call to a task: inputs, outputs, handles, names, stacks. */
#include "world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int triple(const int *in, int *out) { *out = *in * 3; return 0; }

TASK_TEST(an_input_is_copied_when_the_call_is_spawned)
{
    enum { N = 20 };
    int out[N] = { 0 };
    WEFT_SCOPE(s);
    int in = 0;
    for (int i = 0; i < N; i++) {
        in = i;
        weft_spawn(s, triple, &in, &out[i]);
        in = 999;
    }
    WEFT_CHECK_EQ(weft_join(s), 0);
    for (int i = 0; i < N; i++) WEFT_CHECK_EQ(out[i], i * 3);
    return 0;
}

typedef struct padded { _Alignas(64) char first; char bytes[60]; } padded;
static int sum_of_padded(const padded *in, int *out)
{
    WEFT_CHECK_EQ((uintptr_t)in % 64, 0);
    int sum = in->first;
    for (size_t i = 0; i < sizeof in->bytes; i++) sum += in->bytes[i];
    *out = sum;
    return 0;
}
typedef struct tiny { char c; } tiny;
static int code_of_tiny(const tiny *in, int *out) { *out = in->c; return 0; }

#define BIG(n) \
    typedef struct big##n { char bytes[n]; } big##n; \
    static int sum_of_##n(const big##n *in, long *out) \
    { \
        WEFT_TRY(weft_yield()); \
        WEFT_CHECK_EQ((uintptr_t)in % 16, 0); \
        *out = 0; \
        for (size_t i = 0; i < sizeof in->bytes; i++) *out += in->bytes[i]; \
        return 0; \
    }
BIG(4080) BIG(8192) BIG(8193) BIG(100000) BIG(1000000)
#define CHECK_BIG(n) do { \
    big##n *in = malloc(sizeof *in); \
    memset(in, 1, sizeof *in); \
    long out = 0; \
    weft_task *t = weft_spawn(s, sum_of_##n, in, &out); \
    memset(in, 2, sizeof *in); \
    free(in); \
    WEFT_CHECK_EQ(weft_await(t), 0); \
    WEFT_CHECK_EQ(out, n); \
} while (0)

TASK_TEST(inputs_of_all_sizes_arrive_whole_and_aligned)
{
    int out = 0;
    WEFT_SCOPE(s);
    WEFT_CHECK_EQ(weft_await(weft_spawn(s, code_of_tiny, (&(tiny){ 'x' }), &out)), 0);
    WEFT_CHECK_EQ(out, 'x');
    padded p = { .first = 1 };
    memset(p.bytes, 1, sizeof p.bytes);
    WEFT_CHECK_EQ(weft_await(weft_spawn(s, sum_of_padded, &p, &out)), 0);
    WEFT_CHECK_EQ(out, 61);
    CHECK_BIG(4080);
    CHECK_BIG(8192);
    CHECK_BIG(8193);
    CHECK_BIG(100000);
    CHECK_BIG(1000000);
    return 0;
}

static bool ran;
static int note_ran(void) { ran = true; return 0; }

TASK_TEST(a_spawned_task_runs_when_its_spawner_waits_and_not_before)
{
    ran = false;
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, note_ran);
    WEFT_CHECK(!ran && !weft_task_done(t));
    WEFT_CHECK_EQ(weft_yield(), 0);
    WEFT_CHECK(ran && weft_task_done(t));
    return 0;
}

static int return_it(const int *rc) { return *rc; }

TASK_TEST(an_await_returns_what_the_task_returned_again_and_again)
{
    static const int codes[] = { 0, 1, 42, INT32_MAX };
    WEFT_SCOPE(s);
    for (size_t i = 0; i < weft_count(codes); i++) {
        weft_task *t = weft_spawn(s, return_it, &codes[i]);
        for (int k = 0; k < 3; k++) WEFT_CHECK_EQ(weft_await(t), codes[i]);
    }
    WEFT_CHECK_EQ(weft_join(s), 0);
    return 0;
}

TASK_TEST(a_failed_task_can_be_awaited_again_and_again)
{
    int rc = -5;
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, return_it, &rc);
    for (int k = 0; k < 3; k++) WEFT_CHECK_EQ(weft_await(t), -5);
    return 0;
}

TASK_TEST(tasks_are_awaited_in_any_order)
{
    enum { N = 10 };
    int out[N] = { 0 };
    weft_task *t[N];
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    for (int i = 0; i < N; i++) t[i] = weft_spawn(s, sleep_for_and_tell, (&(int){ (i * 7) % N + 1 }), &out[i]);
    for (int i = N - 1; i >= 0; i--) WEFT_CHECK_EQ(weft_await(t[i]), 0);
    for (int i = 0; i < N; i++) WEFT_CHECK_EQ(out[i], (i * 7) % N + 1);
    WORLD_TOOK(start, N);
    return 0;
}

static int check_myself(weft_task **const *slot)
{
    WEFT_CHECK(weft_task_self() == **slot);
    WEFT_CHECK_STR(weft_str_of(weft_task_name(weft_task_self())), "check_myself");
    WEFT_CHECK_EQ(weft_yield(), 0);
    WEFT_CHECK(weft_task_self() == **slot);
    WEFT_CHECK(!weft_task_done(weft_task_self()));
    return 0;
}

TASK_TEST(a_task_knows_itself_its_name_and_where_it_was_spawned)
{
    weft_task *t = NULL, **slot = &t, *me = weft_task_self();
    WEFT_SCOPE(s);
    char place[64];
    snprintf(place, sizeof place, "spawn_test.c:%d", __LINE__ + 1);
    t = weft_spawn(s, check_myself, (&(weft_task **const){ slot }));
    WEFT_CHECK(strstr(weft_task_place(t), place) != NULL);
    WEFT_CHECK_STR(weft_str_of(weft_task_name(t)), "check_myself");
    WEFT_CHECK_EQ(weft_await(t), 0);
    WEFT_CHECK(me != NULL && me != t && weft_task_self() == me);
    WEFT_CHECK_STR(weft_str_of(weft_task_name(t)), "check_myself");
    return 0;
}

WEFT_TEST(outside_of_a_loop_no_task_is_running) { WEFT_CHECK(weft_task_self() == NULL); }

static int fail_at_once(const int *in, int *out)
{
    (void)in, (void)out;
    return -5;
}

TASK_TEST(the_output_of_a_task_that_fails_or_is_cancelled_is_untouched)
{
    int out[3] = { 71, 72, 73 };
    weft_error err[3];
    WEFT_SCOPE(s);
    weft_spawn(s, fail_at_once, (&(int){ 1 }), &out[0], .error = &err[0]);
    weft_spawn(s, sleep_for_and_tell, (&(int){ FOREVER }), &out[1], .error = &err[1], .timeout_ms = 2);
    weft_task *t = weft_spawn(s, sleep_for_and_tell, (&(int){ FOREVER }), &out[2], .error = &err[2]);
    WEFT_CHECK_EQ(weft_sleep_ms(5), 0);
    weft_task_cancel(t);
    WEFT_CHECK_EQ(weft_join(s), 0);
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(out[i], 71 + i);
    WEFT_CHECK_EQ(err[0].code, -5);
    WEFT_CHECK_EQ(err[1].code, WEFT_ETIMEDOUT);
    WEFT_CHECK_EQ(err[2].code, WEFT_ECANCELED);
    return 0;
}

/* ---- stacks and registers ---- */

static int use_stack(const int *kib)
{
    size_t n = (size_t)*kib * 1024;
    volatile char *bytes = __builtin_alloca(n);
    for (size_t i = 0; i < n; i += 512) bytes[i] = (char)(i / 512);
    WEFT_TRY(weft_yield());
    for (size_t i = 0; i < n; i += 512)
        if (!WEFT_CHECK_EQ(bytes[i], (char)(i / 512))) break;
    return 0;
}

TASK_TEST(a_task_may_use_most_of_its_256_kib_of_stack)
{
    WEFT_SCOPE(s);
    for (int i = 0; i < 20; i++) weft_spawn(s, use_stack, (&(int){ 100 + 3 * i }));
    WEFT_CHECK_EQ(weft_join(s), 0);
    return 0;
}

TASK_TEST(a_stack_is_aligned_for_vectors_and_variadic_floats)
{
    _Alignas(64) char aligned[64];
    _Alignas(16) float four[4] = { 1, 2, 3, 4 };
    char text[64];
    WEFT_CHECK_EQ((uintptr_t)aligned % 64, 0);
    WEFT_CHECK_EQ((uintptr_t)four % 16, 0);
    snprintf(text, sizeof text, "%.1f %.2f %Lf", 1.5, (double)four[3], 2.25L);
    WEFT_CHECK_STR(weft_str_of(text), "1.5 4.00 2.250000");
    return 0;
}

/* More live values than there are registers, of every kind, across switches to tasks that do the same. */
static __attribute__((noinline)) long busy_registers(long seed)
{
    long a = seed, b = seed * 3, c = seed * 5, d = seed * 7, e = seed * 11, f = seed * 13, g = seed * 17, h = seed * 19;
    double x = (double)seed, y = x * 2, z = x * 3, w = x * 4;
    long double q = (long double)seed * 0.5L;
    for (int i = 0; i < 50; i++) {
        if (weft_yield() < 0) return -1;
        a += b; b ^= c; c += d; d ^= e; e += f; f ^= g; g += h; h ^= a;
        x += y; y -= z * 0.5; z += w; w -= x * 0.25; q += 0.125L;
    }
    return a ^ b ^ c ^ d ^ e ^ f ^ g ^ h ^ (long)(x + y + z + w) ^ (long)q;
}
static int registers_task(const long *seed, long *out) { *out = busy_registers(*seed); return 0; }

TASK_TEST(a_switch_preserves_what_the_compiler_keeps_in_registers)
{
    enum { N = 8 };
    long together[N], alone;
    {
        WEFT_SCOPE(s);
        for (long i = 0; i < N; i++) weft_spawn(s, registers_task, &i, &together[i]);
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    for (long i = 0; i < N; i++) {
        WEFT_SCOPE(s);
        WEFT_CHECK_EQ(weft_await(weft_spawn(s, registers_task, &i, &alone)), 0);
        WEFT_CHECK_EQ(together[i], alone);
    }
    return 0;
}
