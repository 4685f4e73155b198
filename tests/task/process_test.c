/* Calls in other processes: real ones on epoll, simulated ones in the simulator. */
#define _GNU_SOURCE
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "process_world.h"

WEFT_MODEL(Number, field(int64_t, n));
WEFT_MODEL(Parcel, field(weft_str, text), list(weft_str, parts), field(double, weight), hidden(weft_str, secret));

/* ---- jobs that do well ---- */

static int fib_job(const Number *in, Number *out)
{
    int64_t a = 0, b = 1;
    for (int64_t i = 0; i < in->n; i++) {
        int64_t next = a + b;
        a = b;
        b = next;
    }
    out->n = a;
    return 0;
}

BOTH_TEST(a_job_answers)
{
    Number n = { 45 }, out = { -1 };
    WEFT_CHECK_EQ(weft_in_process(Number, Number, fib_job, &n, &out), 0);
    WEFT_CHECK_EQ(out.n, 1134903170);
    return 0;
}

REAL_TEST(a_job_runs_in_another_process_which_stays_for_the_next)
{
    int first = 0, second = 0;
    WEFT_CHECK_EQ(weft_in_process(int, int, pid_job, (&(int){ 0 }), &first), 0);
    WEFT_CHECK_EQ(weft_in_process(int, int, pid_job, (&(int){ 7 }), &second), 7);
    WEFT_CHECK(first > 0 && first != getpid());
    WEFT_CHECK_EQ(first, second);
    return 0;
}

static int wrap_job(const Parcel *in, Parcel *out)
{
    WEFT_TEMP;
    *out = (Parcel){ .text = weft_format("%s and %s", in->text.ptr, in->secret.ptr), .weight = in->weight };
    for (uint32_t i = 0; i < in->parts.count; i++) weft_push(&out->parts, in->parts.items[in->parts.count - 1 - i]);
    return 0;
}

static int keep_job(const Parcel *in, Parcel *out)
{
    out->text = weft_format("%s and %s", in->text.ptr, in->secret.ptr);
    out->secret = WEFT_S("kept\0secret");
    out->weight = in->weight;
    for (uint32_t i = 0; i < in->parts.count; i++) weft_push(&out->parts, in->parts.items[in->parts.count - 1 - i]);
    return 0;
}

BOTH_TEST(all_of_a_value_crosses_and_comes_back)
{
    weft_str parts[] = { WEFT_S("a"), WEFT_S(""), WEFT_S("c\0d") };
    Parcel in = { WEFT_S("tea"), { parts, 3, 3 }, NAN, WEFT_S("milk") }, out = { 0 };
    WEFT_CHECK_EQ(weft_in_process(Parcel, Parcel, keep_job, &in, &out), 0);
    WEFT_CHECK_STR(out.text, "tea and milk");
    WEFT_CHECK(isnan(out.weight));
    WEFT_CHECK(weft_str_equal(out.secret, WEFT_S("kept\0secret")));
    WEFT_NEED(out.parts.count == 3);
    WEFT_CHECK(weft_str_equal(out.parts.items[0], parts[2]));
    return 0;
}

static int copy_job(const Parcel *in, Parcel *out)
{
    *out = *in;
    return 0;
}

BOTH_TEST(megabytes_cross_both_ways)
{
    size_t n = 3 << 20;
    char *bytes = weft_alloc(n + 1);
    WEFT_NEED(bytes != NULL);
    for (size_t i = 0; i < n; i++) bytes[i] = (char)(i * 7);
    Parcel in = { .text = { bytes, n } }, out = { 0 };
    WEFT_CHECK_EQ(weft_in_process(Parcel, Parcel, copy_job, &in, &out), 0);
    WEFT_CHECK(weft_str_equal(in.text, out.text) && in.text.ptr != out.text.ptr);
    return 0;
}

static int done_by(const Number *in, Number *out) { return weft_in_process(Number, Number, fib_job, in, out); }

BOTH_TEST(many_jobs_share_few_processes, .processes_max = 2)
{
    weft_call calls[200];
    Number in[200], out[200] = { { 0 } };
    for (int i = 0; i < 200; i++) {
        in[i].n = i % 40;
        calls[i] = weft_call(done_by, &in[i], &out[i]);
    }
    WEFT_CHECK_EQ(weft_gather_n(calls, 200), 0);
    for (int i = 0; i < 200; i++) WEFT_CHECK_EQ(out[i].n, ({ Number here; fib_job(&in[i], &here); here.n; }));
    return 0;
}

static int note_job(const int *in, int *out)
{
    shared->order[atomic_fetch_add(&shared->begun, 1)] = *in;
    *out = *in;
    return 0;
}

static int note(const int *in, int *out) { return weft_in_process(int, int, note_job, in, out); }

BOTH_TEST(jobs_begin_in_the_order_of_the_calls, .processes_max = 1)
{
    int in[50], out[50];
    atomic_store(&shared->begun, 0);
    WEFT_SCOPE(s);
    for (int i = 0; i < 50; i++) {
        in[i] = i;
        weft_spawn(s, note, &in[i], &out[i]);
    }
    WEFT_CHECK_EQ(weft_join(s), 0);
    for (int i = 0; world_now.fifo && i < 50; i++) WEFT_CHECK_EQ(shared->order[i], i);
    return 0;
}

/* ---- jobs that fail ---- */

static int missing_job(const Number *in, Number *out)
{
    out->n = 99;
    WEFT_TRY(weft_fail(404, "no item %lld", (long long)in->n), "while looking");
    return 0;
}

BOTH_TEST(what_a_job_fails_with_is_its_callers)
{
    Number in = { 7 }, out = { -1 };
    int rc = weft_in_process(Number, Number, missing_job, &in, &out);
    CHECK_FAILED(rc, WEFT_STATUS(404), "no item 7");
    const weft_error *e = weft_error_of(rc);
    WEFT_CHECK_EQ(e->status, 404);
    WEFT_CHECK(strstr(e->trace, ": while looking\nin a process, called at ") != NULL);
    WEFT_CHECK(strstr(e->trace, "process_test.c") != NULL);
    WEFT_CHECK(weft__error_shown(rc));
    WEFT_CHECK_EQ(out.n, -1);
    return 0;
}

BOTH_TEST(a_code_without_a_record_comes_back_with_its_general_text)
{
    int out = 1;
    CHECK_FAILED(weft_in_process(int, int, plain_job, (&(int){ WEFT_EPROTO }), &out), WEFT_EPROTO, "the peer broke its protocol");
    WEFT_CHECK_EQ(out, 1);
    return 0;
}

static int wait_job(const int *in, int *out)
{
    (void)out;
    if (*in == 1) return weft_yield();
    if (*in == 2) return weft_in_process(int, int, plain_job, in, out);
    return weft_sleep_ms(1);
}

BOTH_TEST(what_would_wait_in_a_process_fails_and_names_the_job)
{
    int out = 0;
    CHECK_FAILED(weft_in_process(int, int, wait_job, (&(int){ 0 }), &out), WEFT_EINVAL,
        "weft_sleep_ms inside weft_in_process(wait_job): nothing waits in a process; call what blocks (sleep, read) instead");
    CHECK_FAILED(weft_in_process(int, int, wait_job, (&(int){ 2 }), &out), WEFT_EINVAL,
        "weft_in_process inside weft_in_process(wait_job): nothing waits in a process; call what blocks (sleep, read) instead");
    weft__task_label("GET /fib/{n}");
    CHECK_FAILED(weft_in_process(int, int, wait_job, (&(int){ 1 }), &out), WEFT_EINVAL,
        "weft_yield inside weft_in_process(wait_job) for GET /fib/{n}: nothing waits in a process; "
        "call what blocks (sleep, read) instead");
    return 0;
}

static int temp_job(const Parcel *in, Parcel *out)
{
    weft_str kept = weft_format("%s", in->text.ptr);
    int rc = wrap_job(in, out);
    out->text = kept;
    out->parts.count = 0;
    return rc;
}

BOTH_TEST(a_temporary_arena_works_in_a_job)
{
    Parcel in = { .text = WEFT_S("t"), .secret = WEFT_S("s") }, out = { 0 };
    WEFT_CHECK_EQ(weft_in_process(Parcel, Parcel, temp_job, &in, &out), 0);
    WEFT_CHECK_STR(out.text, "t");
    return 0;
}

/* ---- jobs that crash ---- */

REAL_TEST(a_crash_is_an_error_that_names_function_and_signal)
{
    int out = 3;
    CHECK_FAILED(weft_in_process(int, int, crash_job, (&(int){ SIGSEGV }), &out), WEFT_ECRASHED,
        "crash_job ended by SIGSEGV in its process");
    CHECK_FAILED(weft_in_process(int, int, crash_job, (&(int){ SIGABRT }), &out, .memory_bytes_max = 1 << 30), WEFT_ECRASHED,
        "crash_job ended by SIGABRT in its process, which may allocate 1073741824 bytes (memory_bytes_max)");
    CHECK_FAILED(weft_in_process(int, int, crash_job, (&(int){ SIGRTMIN + 3 }), &out), WEFT_ECRASHED,
        "crash_job ended by signal 37 in its process");
    CHECK_FAILED(weft_in_process(int, int, crash_job, (&(int){ -3 }), &out), WEFT_ECRASHED,
        "crash_job ended its process with exit status 3: a job returns instead");
    WEFT_CHECK_EQ(weft_error_of(WEFT_ECRASHED)->status, 500);
    WEFT_CHECK_EQ(out, 3);
    return 0;
}

static int crashes(const int *in, int *out) { return weft_in_process(int, int, crash_job, in, out); }

REAL_TEST(a_crash_is_one_error_for_one_caller, .processes_max = 2)
{
    weft_error errors[30] = { { 0 } };
    weft_call calls[30];
    int in[30], out[30];
    for (int i = 0; i < 30; i++) {
        in[i] = i % 3 ? i : SIGKILL;
        calls[i] = i % 3 ? weft_call(note, &in[i], &out[i], .error = &errors[i]) : weft_call(crashes, &in[i], &out[i], .error = &errors[i]);
    }
    WEFT_CHECK_EQ(weft_gather_n(calls, 30), 0);
    for (int i = 0; i < 30; i++) WEFT_CHECK_EQ(errors[i].code, i % 3 ? 0 : WEFT_ECRASHED);
    return 0;
}

SIM_TEST(a_simulated_process_dies_at_the_nth_job)
{
    int out = 0;
    weft__sim_kill(world_now.os, 2, SIGSEGV);
    WEFT_CHECK_EQ(weft_in_process(int, int, plain_job, (&(int){ 0 }), &out), 0);
    CHECK_FAILED(weft_in_process(int, int, plain_job, (&(int){ 0 }), &out), WEFT_ECRASHED, "plain_job ended by SIGSEGV in its process");
    WEFT_CHECK_EQ(weft_in_process(int, int, plain_job, (&(int){ 0 }), &out), 0);
    return 0;
}

/* ---- jobs that are ended ---- */

REAL_TEST(a_cancel_kills_the_process_and_returns_when_it_is_gone)
{
    int out = 0;
    weft_error e;
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, slow, (&(int){ 60000 }), &out, .error = &e);
    WEFT_TRY(wait_begun(1));
    int64_t began = world_real_ms();
    weft_task_cancel(t);
    WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
    WEFT_CHECK(world_real_ms() - began < 2000);
    WEFT_CHECK(is_gone(atomic_load(&shared->pid)));
    WEFT_CHECK_EQ(atomic_load(&shared->ended), 0);
    WEFT_CHECK_EQ(out, 0);
    WEFT_CHECK_EQ(weft_in_process(int, int, plain_job, (&(int){ 0 }), &out), 0);
    return 0;
}

/* On a busy machine a process may take longer to begin than a deadline of `ms`: the next one is longer. */
static int began_before_its_deadline(int (*within)(const int *ms), int ms)
{
    for (atomic_store(&shared->begun, 0);; ms *= 2) {
        WEFT_CHECK_EQ(within(&ms), WEFT_ETIMEDOUT);
        if (atomic_load(&shared->begun)) return ms;
        WEFT_NEED(ms < 10000);
    }
}

static int timed_out(const int *ms)
{
    int out = 0;
    return weft_in_process(int, int, slow_job, (&(int){ 60000 }), &out, .timeout_ms = *ms);
}

REAL_TEST(a_deadline_kills_the_process_and_is_named)
{
    char text[100];
    int ms = began_before_its_deadline(timed_out, 50);
    snprintf(text, sizeof text, "slow_job had not ended after %d ms (timeout_ms), and was ended", ms);
    WEFT_CHECK_STR(weft_str_of(text_of(WEFT_ETIMEDOUT)), text);
    WEFT_CHECK(is_gone(atomic_load(&shared->pid)));
    WEFT_CHECK_EQ(atomic_load(&shared->ended), 0);
    return 0;
}

static int ended_from_around(const int *ms)
{
    int out = 0;
    WEFT_SCOPE(s, .timeout_ms = *ms);
    int rc = slow((&(int){ 60000 }), &out);
    WEFT_CHECK(weft_scope_caught(s));
    return rc;
}

REAL_TEST(a_deadline_around_the_caller_kills_the_process)
{
    began_before_its_deadline(ended_from_around, 30);
    WEFT_CHECK(is_gone(atomic_load(&shared->pid)));
    WEFT_CHECK_EQ(atomic_load(&shared->ended), 0);
    return 0;
}

/* Runs until the test lets go of it. */
static int held_job(const int *in, int *out)
{
    atomic_fetch_add(&shared->begun, 1);
    while (!atomic_load(&shared->order[*in])) usleep(1000);
    *out = 1;
    return 0;
}
static int hold(const int *in, int *out) { return weft_in_process(int, int, held_job, in, out); }

REAL_TEST(a_call_that_waits_for_a_process_is_cancelled_without_harm, .processes_max = 1)
{
    int out = 0, other = 0;
    WEFT_SCOPE(s);
    weft_task *first = weft_spawn(s, hold, (&(int){ 0 }), &out);
    WEFT_TRY(wait_begun(1));
    CHECK_FAILED(weft_in_process(int, int, slow_job, (&(int){ 1 }), &other, .timeout_ms = 20), WEFT_ETIMEDOUT,
        "slow_job had not ended after 20 ms (timeout_ms), and was ended");
    atomic_store(&shared->order[0], 1);
    WEFT_CHECK_EQ(weft_await(first), 0);
    WEFT_CHECK_EQ(out, 1);
    WEFT_CHECK_EQ(atomic_load(&shared->begun), 1);
    return 0;
}

BOTH_TEST(a_call_of_a_cancelled_task_begins_nothing)
{
    int out = 0;
    atomic_store(&shared->begun, 0);
    WEFT_SCOPE(s);
    weft_cancel(s);
    WEFT_CHECK_EQ(weft_in_process(int, int, note_job, (&(int){ 0 }), &out), WEFT_ECANCELED);
    WEFT_CHECK_EQ(atomic_load(&shared->begun), 0);
    return 0;
}

static int spin_job(const int *in, int *out)
{
    for (volatile long i = 0; *in; i++) {}
    *out = 1;
    return 0;
}

REAL_TEST(too_much_processor_time_ends_the_job_and_names_the_limit)
{
    int out = 0;
    CHECK_FAILED(weft_in_process(int, int, spin_job, (&(int){ 1 }), &out, .cpu_ms = 50), WEFT_ELIMIT,
        "spin_job took more than 50 ms of processor time (cpu_ms), and was ended");
    WEFT_CHECK_EQ(weft_in_process(int, int, slow_job, (&(int){ 150 }), &out, .cpu_ms = 50), 0);     /* sleeping is free */
    WEFT_CHECK_EQ(weft_in_process(int, int, spin_job, (&(int){ 0 }), &out), 0);
    return 0;
}

static int hungry_job(const int *in, int *out)
{
    size_t n = 0, piece = 1 << 20;
    for (char *p; n < (size_t)*in && (p = *out ? weft_alloc(piece) : malloc(piece)); n += piece) memset(p, 1, piece);
    if (n < (size_t)*in) return weft_fail(WEFT_ENOMEM, "no more than %zu MiB", n >> 20);
    return 0;
}

REAL_TEST(too_much_memory_is_an_error_that_names_the_limit)
{
    if (WORLD_SANITIZED) WEFT_SKIP("a sanitizer maps memory of its own and ends when it gets none");
    if (!memory_can_be_limited()) WEFT_SKIP("setrlimit takes RLIMIT_DATA and does nothing with it");
    int out = 0, most = 100 << 20;
    int rc = weft_in_process(int, int, hungry_job, &most, &out, .memory_bytes_max = 32 << 20);
    WEFT_CHECK_EQ(rc, WEFT_ELIMIT);
    int mib = 0;
    WEFT_CHECK_EQ(sscanf(text_of(rc), "hungry_job took more than 33554432 bytes of memory (memory_bytes_max): no more than %d MiB", &mib), 1);
    WEFT_CHECK(mib > 24 && mib <= 33);
    WEFT_CHECK_EQ(weft_in_process(int, int, hungry_job, &most, &out), 0);    /* the limit is gone with its job */
    return 0;
}

static int hoard_job(const int *in, weft_list_int *out)
{
    for (int i = 0; i < *in; i++) weft_push(out, i);
    return 0;
}

BOTH_TEST(a_list_past_the_limit_of_memory_is_an_error_that_names_the_limit)
{
    weft_list_int out = { 0 };
    int rc = weft_in_process(int, weft_list_int, hoard_job, (&(int){ 10 << 20 }), &out, .memory_bytes_max = 8 << 20);
    WEFT_CHECK_EQ(rc, WEFT_ELIMIT);
    WEFT_CHECK(strncmp(text_of(rc), "hoard_job took more than 8388608 bytes of memory (memory_bytes_max): ", 69) == 0);
    WEFT_CHECK_EQ(out.count, 0);
    return 0;
}

/* ---- virtual time ---- */

static weft__os *slow_sim(uint64_t seed)
{
    return weft__sim_new(&(weft__sim_opts){ .seed = seed, .job_min_ns = 100 * 1000000, .job_max_ns = 100 * 1000000 });
}

static int two_rounds(void)
{
    int64_t began = weft_now_ns();
    int in[4] = { 0 }, out[4];
    weft_call calls[4];
    for (int i = 0; i < 4; i++) calls[i] = weft_call(note, &in[i], &out[i]);
    WEFT_CHECK_EQ(weft_gather_n(calls, 4), 0);
    WEFT_CHECK_EQ((weft_now_ns() - began) / 1000000, 200);
    began = weft_now_ns();
    int rc = weft_in_process(int, int, note_job, &in[0], &out[0], .timeout_ms = 30);
    WEFT_CHECK_EQ(rc, WEFT_ETIMEDOUT);
    WEFT_CHECK_EQ((weft_now_ns() - began) / 1000000, 30);
    WEFT_CHECK_EQ(atomic_load(&shared->begun), 4);
    return 0;
}

WEFT_TEST(simulated_processes_take_virtual_time)
{
    processes_open();
    weft__zygote_stop();
    WEFT_NEED(weft_processes(.processes_max = 2) == 0);
    for (uint64_t seed = 0; seed < 3; seed++) {
        weft__os *os = slow_sim(seed);
        weft__loop *loop = os ? weft__loop_new(os) : NULL;
        WEFT_NEED(loop != NULL);
        atomic_store(&shared->begun, 0);
        WEFT_CHECK_EQ(weft__loop_run(loop, weft_call(two_rounds)), 0);
        weft__loop_free(loop);
        os->ops->free(os);
    }
}

static int one_job(void)
{
    Parcel in = { .text = WEFT_S("tea"), .secret = WEFT_S("milk") }, out = { 0 };
    int rc = weft_in_process(Parcel, Parcel, keep_job, &in, &out);
    if (rc == 0) WEFT_CHECK_STR(out.text, "tea and milk");
    return rc;
}

WEFT_TEST(without_memory_a_call_fails_and_loses_nothing)
{
    for (long n = 0;; n++) {
        world_open_sim(0);
        world_mem.fail_after = n;
        int rc = world_run(weft_call(one_job));
        bool failed = world_mem.failures > 0;
        world_mem.failures = 0;
        world_mem.fail_after = -1;
        world_close();
        WEFT_CHECK(rc == 0 || failed);
        if (!failed) break;
        WEFT_NEED(n < 1000);
    }
}
