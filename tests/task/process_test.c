/* Calls in other processes: real ones on epoll, simulated ones in the simulator. */
#define _GNU_SOURCE
#include "weft/process.h"
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/poison.h"
#include "task/process.h"
#include "world.h"

enum { SOCKET = 3 };                 /* a worker's */

WEFT_MODEL(Number, field(int64_t, n));
WEFT_MODEL(Parcel, field(weft_str, text), list(weft_str, parts), field(double, weight), hidden(weft_str, secret));

/* What jobs and tests see in common: processes too. */
static struct { atomic_int begun, ended, order[256]; atomic_long pid; } *shared;

static void processes_open(void)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    WEFT_NEED(shared != MAP_FAILED);
    WEFT_NEED(weft__process_start() == 0);
}

/* A body with real processes, after some options; and with simulated ones. */
#define REAL_TEST(name, ...) static int name(void); WEFT_TEST(name##__epoll) { \
    WEFT_NEED(weft_processes(__VA_ARGS__) == 0); \
    processes_open(); world_epoll(weft_call(name)); weft__zygote_stop(); } static int name(void)
#define BOTH_TEST(name, ...) static int name(void); WEFT_TEST(name##__sim) { \
    WEFT_NEED(weft_processes(__VA_ARGS__) == 0); processes_open(); world_sim(weft_call(name)); weft__zygote_stop(); } REAL_TEST(name, __VA_ARGS__)

static const char *text_of(int rc) { return weft_error_of(rc)->text; }
#define CHECK_FAILED(rc, code, said) do { int rc_ = (rc); WEFT_CHECK_EQ(rc_, (code)); \
    WEFT_CHECK_STR(weft_str_of(text_of(rc_)), (said)); } while (0)

static bool is_gone(long pid) { return kill((pid_t)pid, 0) < 0 && errno == ESRCH; }

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

static int pid_job(const int *in, int *out)
{
    *out = getpid();
    return *in;
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

static int plain_job(const int *in, int *out)
{
    *out = 5;
    return *in;
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

static int crash_job(const int *in, int *out)
{
    (void)out;
    if (*in < 0) exit(-*in);
    raise(*in);
    return 0;
}

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

static int slow_job(const int *ms, int *out)
{
    atomic_store(&shared->pid, getpid());
    atomic_fetch_add(&shared->begun, 1);
    usleep((useconds_t)*ms * 1000);
    atomic_fetch_add(&shared->ended, 1);
    *out = 1;
    return 0;
}

static int slow(const int *ms, int *out) { return weft_in_process(int, int, slow_job, ms, out); }

static int wait_begun(int n)
{
    for (int i = 0; i < 5000 && atomic_load(&shared->begun) < n; i++) WEFT_TRY(weft_sleep_ms(1));
    WEFT_CHECK_EQ(atomic_load(&shared->begun), n);
    return 0;
}

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

REAL_TEST(a_deadline_kills_the_process_and_is_named)
{
    int out = 0;
    int64_t began = world_real_ms();
    CHECK_FAILED(weft_in_process(int, int, slow_job, (&(int){ 60000 }), &out, .timeout_ms = 50), WEFT_ETIMEDOUT,
        "slow_job had not ended after 50 ms (timeout_ms), and was ended");
    WEFT_CHECK(world_real_ms() - began < 5000);
    WEFT_CHECK(is_gone(atomic_load(&shared->pid)));
    return 0;
}

static int ended_from_around(void)
{
    int out = 0;
    WEFT_SCOPE(s, .timeout_ms = 30);
    int rc = slow((&(int){ 60000 }), &out);
    WEFT_CHECK(weft_scope_caught(s));
    return rc;
}

REAL_TEST(a_deadline_around_the_caller_kills_the_process)
{
    WEFT_CHECK_EQ(ended_from_around(), WEFT_ETIMEDOUT);
    WEFT_CHECK(is_gone(atomic_load(&shared->pid)));
    return 0;
}

REAL_TEST(a_call_that_waits_for_a_process_is_cancelled_without_harm, .processes_max = 1)
{
    int out = 0, other = 0;
    WEFT_SCOPE(s);
    weft_task *first = weft_spawn(s, slow, (&(int){ 200 }), &out);
    WEFT_TRY(wait_begun(1));
    CHECK_FAILED(weft_in_process(int, int, slow_job, (&(int){ 1 }), &other, .timeout_ms = 20), WEFT_ETIMEDOUT,
        "slow_job had not ended after 20 ms (timeout_ms), and was ended");
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

static bool memory_can_be_limited(void)
{
    int status = 0;
    pid_t child = fork();
    if (!child) {
        setrlimit(RLIMIT_DATA, &(struct rlimit){ 1 << 20, 1 << 20 });
        _exit(mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    }
    return waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 0;
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

/* ---- processes that are broken ---- */

static int garbage_job(const int *in, int *out)
{
    weft__job_head head = { .mark = WEFT__ANSWER_MARK, .id = (uint64_t)*in / 8, .bytes = 40 };
    char bytes[200] = "";
    size_t n = sizeof head;
    (void)out;
    switch (*in % 8) {
    case 0: head.mark = 1; break;
    case 1: head.bytes = UINT64_MAX; break;
    case 2: n = sizeof head + 41; break;             /* a byte behind the answer */
    case 3: n = sizeof head + 40; break;             /* an answer without a value in it */
    case 4: n = 7; break;                            /* a part of a head, and the end */
    case 6: head.id++; n = sizeof head + 40; break;  /* the answer to another job */
    }
    memcpy(bytes, &head, sizeof head);
    if (*in % 8 == 5) close(SOCKET);
    else WEFT_CHECK_EQ(write(SOCKET, bytes, n), (ssize_t)n);
    if (*in % 8 == 4) _exit(0);
    pause();
    return 0;
}

REAL_TEST(what_a_broken_process_sends_is_refused_and_the_process_ended)
{
    static const int codes[] = { WEFT_EPROTO, WEFT_EPROTO, WEFT_EPROTO, WEFT_EPROTO, WEFT_ECRASHED, WEFT_ECRASHED, WEFT_EPROTO };
    for (int i = 0; i < 7; i++) {
        int out = 0, told = (2 * i + 1) * 8 + i;     /* the number of the job too */
        int rc = weft_in_process(int, int, garbage_job, &told, &out);
        WEFT_CHECK_EQ(rc, codes[i]);
        WEFT_CHECK(strstr(text_of(rc), "garbage_job") != NULL);
        WEFT_CHECK_EQ(weft_in_process(int, int, plain_job, (&(int){ 0 }), &out, .timeout_ms = 10000), 0);
    }
    return 0;
}

static int late_garbage_job(const int *in, int *out)
{
    (void)in;
    *out = getpid();
    pid_t child = fork();
    if (child) return 0;
    usleep(20000);
    world_ignore((int)write(SOCKET, "x", 1));
    _exit(0);
}

REAL_TEST(a_process_that_speaks_out_of_turn_is_ended, .processes_max = 1)
{
    int first = 0, second = 0;
    WEFT_CHECK_EQ(weft_in_process(int, int, late_garbage_job, (&(int){ 0 }), &first), 0);
    for (int i = 0; i < 500 && !is_gone(first); i++) WEFT_TRY(weft_sleep_ms(10));
    WEFT_CHECK(is_gone(first));
    WEFT_CHECK_EQ(weft_in_process(int, int, pid_job, (&(int){ 0 }), &second), 0);
    WEFT_CHECK(first != second);
    return 0;
}

/* Whatever bytes come as an answer: refused or read. */
WEFT_TEST(answers_of_any_bytes_are_refused_or_read)
{
    weft_arena arena;
    uint64_t seed = 1;
    char bytes[120];
    weft__arena_init(&arena, NULL, 1 << 20);
    for (int round = 0; round < 20000; round++) {
        size_t n = (size_t)round % sizeof bytes;
        for (size_t i = 0; i < n; i++) bytes[i] = (char)((seed = seed * 6364136223846793005u + 1442695040888963407u) >> 60);
        Parcel out;
        weft__errand e = { .schema = &weft_schema_Parcel, .out = &out };
        bool sound = weft__errand_read(&e, (weft_str){ bytes, n }, &arena);
        WEFT_CHECK(sound || !e.error);
        weft__record_free(e.error);
        weft__arena_free(&arena);
    }
}

/* ---- the zygote ---- */

static long child_of(pid_t parent, int nth)
{
    char path[64], text[256] = "";
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", parent, parent);
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = 0;
    fclose(f);
    char *at = text;
    for (long pid; (pid = strtol(at, &at, 10)) > 0; nth--)
        if (!nth) return pid;
    return 0;
}

static int loses_its_zygote(void)
{
    int out = 0;
    weft_error e;
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, slow, (&(int){ 60000 }), &out, .error = &e);
    WEFT_TRY(wait_begun(1));
    long zygote = child_of(getpid(), 0);
    WEFT_NEED(zygote > 0);
    kill((pid_t)zygote, SIGKILL);
    WEFT_CHECK_EQ(weft_await(t), WEFT_ENOENT);
    WEFT_CHECK_STR(weft_str_of(e.text), "slow_job lost its process with the zygote: it was ended by signal 9: no more "
        "processes can be started until the program is started anew");
    CHECK_FAILED(weft_in_process(int, int, plain_job, (&(int){ 0 }), &out), WEFT_ENOENT, "no process for plain_job; the "
        "zygote, which starts them: it was ended by signal 9: no more processes can be started until the program is started anew");
    for (int i = 0; i < 500 && !is_gone(atomic_load(&shared->pid)); i++) WEFT_TRY(weft_sleep_ms(10));
    WEFT_CHECK(is_gone(atomic_load(&shared->pid)));
    return 0;
}

/* Its socket is closed when its end is known. */
WEFT_TEST(a_zygote_that_is_killed_is_an_error_that_says_what_to_do)
{
    long fds = world_fds();
    processes_open();
    WEFT_CHECK_EQ(world_fds(), fds + 1);
    world_open_epoll();
    WEFT_CHECK_EQ(world_run(weft_call(loses_its_zygote)), 0);
    world_close();
    WEFT_CHECK_EQ(world_fds(), fds);
    WEFT_CHECK_EQ(weft__process_start(), 0);         /* as another weft_run would */
    weft__zygote_stop();
    WEFT_CHECK_EQ(world_fds(), fds);
}

EPOLL_TEST(without_a_zygote_a_call_says_why)
{
    int out = 0;
    CHECK_FAILED(weft_in_process(int, int, plain_job, (&(int){ 0 }), &out), WEFT_ENOENT, "no process for plain_job; the "
        "zygote, which starts them: it is started by weft_run and weft_serve, in programs that use weft_in_process");
    return 0;
}

/* As /proc has it: 0 under qemu-user. */
static int threads_told(void)
{
    char text[1024] = "";
    FILE *f = fopen("/proc/self/stat", "r");
    if (f && fread(text, 1, sizeof text - 1, f) == 0) text[0] = 0;
    if (f) fclose(f);
    int n = 0;
    const char *at = strrchr(text, ')');
    if (at) sscanf(at + 1, " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %d", &n);
    return n;
}

static void *wait_on_thread(void *arg)
{
    usleep(200000);
    return arg;
}

WEFT_TEST(a_process_with_threads_is_never_forked)
{
#ifdef WEFT__TSAN
    WEFT_SKIP("TSan has a thread of its own");
#endif
    pthread_t thread;
    WEFT_NEED(pthread_create(&thread, NULL, wait_on_thread, NULL) == 0);
    int rc = weft__process_start(), told = threads_told();
    pthread_join(thread, NULL);
    if (told == 0) WEFT_SKIP("nobody says how many threads there are");
    WEFT_CHECK_EQ(rc, WEFT_EBUSY);
    WEFT_CHECK_STR(weft_str_of(weft__zygote_why()), "a process with threads must not be forked, and this one had 1 when "
        "weft_run or weft_serve was called: start threads later, in what they call");
}

REAL_TEST(signals_for_all_of_a_group_do_not_end_a_job)
{
    int out = 0;
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, slow, (&(int){ 100 }), &out);
    WEFT_TRY(wait_begun(1));
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
    for (int i = 0; i < 4; i++) kill((pid_t)atomic_load(&shared->pid), signals[i]), kill((pid_t)child_of(getpid(), 0), signals[i]);
    WEFT_CHECK_EQ(weft_await(t), 0);
    WEFT_CHECK_EQ(out, 1);
    return 0;
}

/* ---- what a process is ---- */

static int look_job(const int *in, Parcel *out)
{
    char name[32] = "";
    DIR *d = opendir("/proc/self/fd");
    prctl(PR_GET_NAME, name);
    out->text = weft_format("%s", name);
    for (const struct dirent *e; d && (e = readdir(d));)
        if (atoi(e->d_name) > 2 && atoi(e->d_name) != dirfd(d)) out->weight++;
    closedir(d);
    return signal(SIGUSR1, SIG_DFL) == SIG_DFL ? *in : -1;
}

REAL_TEST(a_worker_has_a_name_and_no_descriptors_of_its_parent)
{
    Parcel out = { 0 };
    signal(SIGUSR1, SIG_IGN);
    WEFT_CHECK_EQ(weft_in_process(int, Parcel, look_job, (&(int){ 0 }), &out), 0);
    WEFT_CHECK_STR(out.text, "weft worker");
    WEFT_CHECK_EQ((int)out.weight, 2);               /* its socket, and where it reads what memory it has */
    return 0;
}

static int say_job(const int *in, int *out)
{
    printf("line %d", *in);
    usleep(1000);
    printf(" of a job\n");
    printf("half %d", *in);
    fprintf(stderr, "and an error of %d\n", *in);
    *out = 0;
    return 0;
}

static int say(const int *in, int *out) { return weft_in_process(int, int, say_job, in, out); }

WEFT_TEST(what_jobs_print_comes_out_in_whole_lines)
{
    int out[2];
    WEFT_NEED(pipe(out) == 0);
    pid_t child = fork();
    WEFT_NEED(child >= 0);
    if (!child) {
        dup2(out[1], 1);
        dup2(out[1], 2);
        printf("before ");
        weft_processes(.processes_max = 2);
        processes_open();
        world_open_epoll();
        static int results[20], numbers[20];
        weft_call calls[20];
        for (int i = 0; i < 20; i++) numbers[i] = i, calls[i] = weft_call(say, &numbers[i], &results[i]);
        for (int i = 0; i < 20; i++) world_ignore(world_run(calls[i]));
        weft__zygote_stop();
        _exit(0);
    }
    close(out[1]);
    static char text[8192];
    size_t n = 0;
    for (ssize_t got; (got = read(out[0], text + n, sizeof text - 1 - n)) > 0; n += (size_t)got) {}
    close(out[0]);
    waitpid(child, NULL, 0);
    WEFT_CHECK_EQ(world_count_in(text, "before "), 1);
    WEFT_CHECK_EQ(world_count_in(text, " of a job\n"), 20);
    WEFT_CHECK_EQ(world_count_in(text, "and an error of "), 20);
    for (int i = 0; i < 20; i++) {
        char line[64];
        snprintf(line, sizeof line, "line %d of a job\n", i);
        WEFT_CHECK_EQ(world_count_in(text, line), 1);
        snprintf(line, sizeof line, "half %d", i);
        WEFT_CHECK(world_count_in(text, line) >= 1);
    }
}

REAL_TEST(a_process_is_replaced_after_so_many_jobs, .processes_max = 1, .jobs_max = 3)
{
    int pids[9];
    for (int i = 0; i < 9; i++) WEFT_CHECK_EQ(weft_in_process(int, int, pid_job, (&(int){ 0 }), &pids[i]), 0);
    WEFT_CHECK(pids[0] == pids[2] && pids[2] != pids[3] && pids[3] == pids[5] && pids[5] != pids[6]);
    return 0;
}

REAL_TEST(a_process_with_nothing_to_do_ends, .idle_ms = 30)
{
    int pid = 0;
    WEFT_CHECK_EQ(weft_in_process(int, int, pid_job, (&(int){ 0 }), &pid), 0);
    for (int i = 0; i < 500 && !is_gone(pid); i++) WEFT_TRY(weft_sleep_ms(10));
    WEFT_CHECK(is_gone(pid));
    WEFT_CHECK_EQ(weft_in_process(int, int, pid_job, (&(int){ 0 }), &pid), 0);
    return 0;
}

REAL_TEST(a_worker_that_dies_while_it_has_nothing_to_do_harms_nobody, .processes_max = 1)
{
    int pid = 0, other = 0;
    for (int i = 0; i < 20; i++) {
        WEFT_CHECK_EQ(weft_in_process(int, int, pid_job, (&(int){ 0 }), &pid), 0);
        kill(pid, SIGKILL);
        while (!is_gone(pid)) {}                     /* the loop does not hear of it before the next call */
        WEFT_CHECK_EQ(weft_in_process(int, int, pid_job, (&(int){ 0 }), &other), 0);
        WEFT_CHECK(pid != other);
    }
    return 0;
}

REAL_TEST(more_calls_than_may_wait_are_refused_with_the_limits_name, .processes_max = 1, .queue_max = 2)
{
    weft_error errors[5] = { { 0 } };
    int out[5];
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < 5; i++) weft_spawn(s, slow, (&(int){ 20 }), &out[i], .error = &errors[i]);
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(errors[i].code, 0);
    for (int i = 3; i < 5; i++) {
        WEFT_CHECK_EQ(errors[i].code, WEFT_ELIMIT);
        WEFT_CHECK_EQ(errors[i].status, 503);
        WEFT_CHECK_STR(weft_str_of(errors[i].text), "no process for slow_job: 2 calls wait for one already (queue_max)");
    }
    return 0;
}

WEFT_TEST(options_of_the_pool_that_make_no_sense_are_refused_by_name)
{
    WEFT_CHECK_EQ(weft_processes(.processes_max = 129), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(text_of(WEFT_EINVAL)), "weft_processes: .processes_max is 129, expected 0 to 128");
    WEFT_CHECK_EQ(weft_processes(.idle_ms = -1), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(text_of(WEFT_EINVAL)), "weft_processes: .idle_ms is -1, expected 0 to 2147483647");
}

REAL_TEST(no_descriptor_is_left_behind, .processes_max = 2, .jobs_max = 2)
{
    int out = 0;
    world_ignore(weft_in_process(int, int, plain_job, (&(int){ 0 }), &out));
    long before = world_fds();
    for (int i = 0; i < 30; i++) {
        world_ignore(weft_in_process(int, int, plain_job, (&(int){ 0 }), &out));
        world_ignore(weft_in_process(int, int, crash_job, (&(int){ SIGKILL }), &out));
        world_ignore(weft_in_process(int, int, slow_job, (&(int){ 1000 }), &out, .timeout_ms = 1));
    }
    WEFT_CHECK(world_fds() <= before + 2);
    return 0;
}

/* ---- the life of a program ---- */

static int run_slow(void)
{
    int out;
    return slow((&(int){ 60000 }), &out);
}

WEFT_TEST(when_the_program_dies_no_process_of_it_remains)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t program = fork();
    WEFT_NEED(program >= 0);
    if (!program) _exit(weft_run(run_slow));
    for (int i = 0; i < 1000 && !atomic_load(&shared->begun); i++) usleep(10000);
    long worker = atomic_load(&shared->pid), zygote = child_of(program, 0);
    WEFT_NEED(worker > 0 && zygote > 0);
    kill(program, SIGKILL);
    waitpid(program, NULL, 0);
    for (int i = 0; i < 1000 && !(is_gone(worker) && is_gone(zygote)); i++) usleep(10000);
    WEFT_CHECK(is_gone(worker));
    WEFT_CHECK(is_gone(zygote));
}

static int run_quick(void)
{
    int out;
    atomic_store(&shared->pid, child_of(getpid(), 0));
    return weft_in_process(int, int, plain_job, (&(int){ 0 }), &out);
}

WEFT_TEST(weft_run_starts_and_ends_its_zygote)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 2; i++) {
        WEFT_CHECK_EQ(weft_run(run_quick), 0);
        WEFT_CHECK(atomic_load(&shared->pid) > 0);
        WEFT_CHECK(is_gone(atomic_load(&shared->pid)));
    }
    WEFT_CHECK_EQ(child_of(getpid(), 0), 0);
}

static int count_children(void) { return child_of(getpid(), 0) == 0 ? 0 : WEFT_EBUSY; }

WEFT_TEST(a_program_that_does_not_ask_for_processes_has_no_zygote)
{
    weft__process_wish(NULL, NULL);                  /* as in a program without weft_in_process */
    WEFT_CHECK_EQ(weft_run(count_children), 0);
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
        weft__loop *loop = weft__loop_new(os);
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
