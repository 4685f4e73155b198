/* What goes wrong between a program, its zygote and its workers; and what a job may do to the next one. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "model/pack.h"
#include "process_world.h"
#include "testing/verdict.h"

/* A program of its own, as far as that goes: its exit status, or -1 when it took longer than 10 s. */
static int in_a_program(int (*body)(void))
{
    pid_t child = fork();
    WEFT_NEED(child >= 0);
    if (!child) {
        alarm(10 * weft__test_slower());
        _exit(body());
    }
    int status = 0;
    WEFT_NEED(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int answers(void)
{
    int out = 0;
    WEFT_TRY(weft_in_process(int, int, plain_job, (&(int){ 0 }), &out, .timeout_ms = 5000));
    return out == 5 ? 0 : WEFT_EPROTO;
}

/* ---- the zygote's end ---- */

static int loses_rights(void)
{
    processes_open();
    long zygote = child_of(getpid(), 0);
    if (setgid(65534) < 0 || setuid(65534) < 0) return 2;
    weft__zygote_stop();
    return is_gone(zygote) ? 0 : 1;
}

WEFT_TEST(a_program_that_has_lost_the_right_to_kill_its_zygote_ends_it)
{
    if (getuid() != 0) WEFT_SKIP("only root can give up its rights");
    WEFT_CHECK_EQ(in_a_program(loses_rights), 0);
}

/* Dead, and nobody has told the loop: that comes with its next turn. */
static void zygote_dies(void)
{
    pid_t zygote = (pid_t)child_of(getpid(), 0);
    siginfo_t gone;
    WEFT_NEED(zygote > 0 && kill(zygote, SIGKILL) == 0);
    WEFT_NEED(waitid(P_PID, (id_t)zygote, &gone, WEXITED | WNOWAIT) == 0);
}

/* Its descriptor is closed by its end: as many are left as there were before it. */
static void loses_its_zygote(weft_call body)
{
    long fds = world_fds();
    processes_open();
    world_open_epoll();
    WEFT_CHECK_EQ(world_run(body), 0);
    world_close();
    WEFT_CHECK_EQ(world_fds(), fds);
}

static int finds_it_dead(void)
{
    int out = 0;
    zygote_dies();
    CHECK_FAILED(weft_in_process(int, int, plain_job, (&(int){ 0 }), &out), WEFT_ENOENT, "plain_job lost its process with "
        "the zygote: it was ended by signal 9: no more processes can be started until the program is started anew");
    WEFT_CHECK_EQ(weft_error_of(WEFT_ENOENT)->status, 503);   /* and no 404: it is not the caller who asked for what is not there */
    WEFT_CHECK_EQ(weft_in_process(int, int, plain_job, (&(int){ 0 }), &out), WEFT_ENOENT);
    WEFT_CHECK_EQ(weft_error_of(WEFT_ENOENT)->status, 503);
    return 0;
}

WEFT_TEST(the_call_that_finds_the_zygote_dead_says_how_it_ended) { loses_its_zygote(weft_call(finds_it_dead)); }

static int many_at_once(void)
{
    int in[20], out[20] = { 0 };
    weft_error errors[20] = { { 0 } };
    WEFT_SCOPE(s);
    for (int i = 0; i < 20; i++) {
        in[i] = 60000;
        weft_spawn(s, slow, &in[i], &out[i], .error = &errors[i]);
    }
    WEFT_TRY(wait_begun(2));
    zygote_dies();
    WEFT_CHECK_EQ(weft_join(s), 0);
    for (int i = 0; i < 20; i++) {
        WEFT_CHECK_EQ(errors[i].code, WEFT_ENOENT);
        WEFT_CHECK(strstr(errors[i].text, "slow_job lost its process with the zygote: it was ended by signal 9") != NULL);
    }
    return 0;
}

WEFT_TEST(all_who_wait_when_the_zygote_dies_are_told_once_each)
{
    WEFT_NEED(weft_processes(.processes_max = 2) == 0);
    loses_its_zygote(weft_call(many_at_once));
}

/* With SIGCHLD ignored the kernel waits for the zygote, and its number may be another's by then. */
static int ignores_children(void)
{
    signal(SIGCHLD, SIG_IGN);
    processes_open();
    world_open_epoll();
    pid_t zygote = (pid_t)child_of(getpid(), 0);
    int rc = world_run(weft_call(answers));
    kill(zygote, SIGKILL);
    while (!is_gone(zygote)) usleep(1000);
    int after = world_run(weft_call(answers));
    WEFT_CHECK_STR(weft_str_of(weft__zygote_why()), "it ended, and nobody knows how (SIGCHLD is ignored): no more "
        "processes can be started until the program is started anew");
    world_close();
    weft__zygote_stop();
    return rc == 0 && after == WEFT_ENOENT ? 0 : 1;
}

WEFT_TEST(a_program_that_ignores_sigchld_has_processes_and_hears_of_their_end)
{
    WEFT_CHECK_EQ(in_a_program(ignores_children), 0);
}

REAL_TEST(a_zygote_that_is_stopped_by_a_signal_takes_its_orders_later)
{
    pid_t zygote = (pid_t)child_of(getpid(), 0);
    WEFT_NEED(zygote > 0 && kill(zygote, SIGSTOP) == 0);
    int out = 0;
    weft_error e = { 0 };
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, slow, (&(int){ 1 }), &out, .error = &e);
    WEFT_TRY(weft_sleep_ms(20));
    kill(zygote, SIGCONT);
    WEFT_CHECK_EQ(weft_await(t), 0);
    return 0;
}

/* ---- several loops ---- */

static int begins_again(void)
{
    int ms = 100, out = 0;
    return slow(&ms, &out);
}

WEFT_TEST(a_loop_hears_nothing_of_the_workers_of_the_loop_before_it)
{
    processes_open();
    for (int i = 0; i < 5; i++) {
        world_open_epoll();
        WEFT_CHECK_EQ(world_run(weft_call(begins_again)), 0);
        world_close();
    }
    weft__zygote_stop();
}

static int nothing(void) { return 0; }

static void *runs_another(void *arg)
{
    *(int *)arg = weft_run(nothing);
    return NULL;
}

static int beside_another(void)
{
    pthread_t thread;
    int status = -1;
    WEFT_TRY(answers());
    WEFT_NEED(pthread_create(&thread, NULL, runs_another, &status) == 0);
    pthread_join(thread, NULL);
    WEFT_CHECK_EQ(status, 0);
    return answers();
}

WEFT_TEST(a_weft_run_on_a_thread_leaves_the_zygote_to_the_one_that_began_it)
{
    share_memory();
    WEFT_CHECK_EQ(weft_run(beside_another), 0);
    WEFT_CHECK_EQ(child_of(getpid(), 0), 0);
}

/* ---- descriptors ---- */

static int without_descriptors(void)
{
    struct rlimit usual, low;
    int out = 0;
    getrlimit(RLIMIT_NOFILE, &usual);
    low = usual;
    low.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &low);
    int rc = weft_in_process(int, int, plain_job, (&(int){ 0 }), &out, .timeout_ms = 5000);
    setrlimit(RLIMIT_NOFILE, &usual);
    CHECK_FAILED(rc, -EMFILE, "no process for plain_job could be started: Too many open files");
    return answers();
}

REAL_TEST(without_a_free_descriptor_a_call_fails_and_says_so) { return without_descriptors(); }

static int zygote_looks(void)
{
    int fds = 0;
    char path[64], to[64];
    for (int fd = 0; fd < 64; fd++) {
        snprintf(path, sizeof path, "/proc/%ld/fd/%d", child_of(getpid(), 0), fd);
        fds += readlink(path, to, sizeof to) > 0;
    }
    return fds;
}

WEFT_TEST(the_zygote_has_no_descriptors_of_its_program)
{
    int others[2];
    WEFT_NEED(pipe(others) == 0);                    /* without CLOEXEC */
    processes_open();
    world_open_epoll();
    WEFT_CHECK_EQ(world_run(weft_call(answers)), 0);
    /* 0, 1, 2, its socket, and where it hears of children; the worker's socket it closes when it has passed it on. */
    for (int i = 0; i < 500 && zygote_looks() != 5; i++) usleep(10000);
    WEFT_CHECK_EQ(zygote_looks(), 5);
    world_close();
    weft__zygote_stop();
    close(others[0]);
    close(others[1]);
}

static int loud_job(const int *in, int *out)
{
    printf("printed\n");
    fflush(stdout);
    world_ignore((int)write(2, "said\n", 5));
    *out = 5;
    return *in;
}

static int loud(void)
{
    int out = 0;
    WEFT_TRY(weft_in_process(int, int, loud_job, (&(int){ 0 }), &out, .timeout_ms = 5000));
    WEFT_TRY(weft_in_process(int, int, loud_job, (&(int){ 0 }), &out, .timeout_ms = 5000));
    return out == 5 ? 0 : WEFT_EPROTO;
}

static int speaks_to_nobody(void)
{
    for (int fd = 0; fd < 3; fd++) close(fd);
    processes_open();
    world_open_epoll();
    int rc = world_run(weft_call(loud));
    world_close();
    weft__zygote_stop();
    return rc == 0 ? 0 : 1;
}

WEFT_TEST(jobs_of_a_program_without_stdout_print_into_nothing)
{
    WEFT_CHECK_EQ(in_a_program(speaks_to_nobody), 0);
}

/* ---- what a job leaves behind ---- */

static int deaf_job(const int *in, int *out)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    signal(SIGPROF, SIG_IGN);
    *out = 0;
    return *in;
}

static int spin_job(const int *in, int *out)
{
    for (volatile long i = 0; *in; i++) {}
    *out = 1;
    return 0;
}

REAL_TEST(a_limit_on_processor_time_holds_whatever_a_job_did_to_signals, .processes_max = 1)
{
    int out = 0;
    WEFT_CHECK_EQ(weft_in_process(int, int, deaf_job, (&(int){ 0 }), &out), 0);
    CHECK_FAILED(weft_in_process(int, int, spin_job, (&(int){ 1 }), &out, .cpu_ms = 50, .timeout_ms = 5000), WEFT_ELIMIT,
        "spin_job took more than 50 ms of processor time (cpu_ms), and was ended");
    return 0;
}

static int twice_job(const int *in, int *out)
{
    *out = getpid();
    pid_t child = fork();
    if (child > 0) waitpid(child, NULL, 0);
    return *in;
}

REAL_TEST(a_job_that_returns_in_a_fork_too_answers_once, .processes_max = 1)
{
    int first = 0, next = 0;
    WEFT_CHECK_EQ(weft_in_process(int, int, twice_job, (&(int){ 0 }), &first, .timeout_ms = 5000), 0);
    for (int i = 0; i < 10; i++) {
        WEFT_CHECK_EQ(weft_in_process(int, int, pid_job, (&(int){ 0 }), &next), 0);
        WEFT_CHECK_EQ(next, first);
    }
    return 0;
}

static int lower_job(const int *in, int *out)
{
    struct rlimit r = { RLIM_INFINITY, RLIM_INFINITY };
    getrlimit(RLIMIT_DATA, &r);
    if (*in) setrlimit(RLIMIT_DATA, &(struct rlimit){ (rlim_t)1 << 45, (rlim_t)1 << 45 });
    *out = r.rlim_cur > (rlim_t)1 << 40 ? -1 : (int)(r.rlim_cur >> 20);
    return 0;
}

static int is_limited(void)
{
    int without = 0, with = 0;
    WEFT_TRY(weft_in_process(int, int, lower_job, (&(int){ 1 }), &without, .memory_bytes_max = SIZE_MAX));
    WEFT_TRY(weft_in_process(int, int, lower_job, (&(int){ 0 }), &with, .memory_bytes_max = 64 << 20));
    WEFT_CHECK_EQ(without, -1);
    WEFT_CHECK(with >= 64);
    return 0;
}

static int limits_as_nobody(void)
{
    if (setgid(65534) < 0 || setuid(65534) < 0) return 2;
    WEFT_NEED(weft_processes(.processes_max = 1) == 0);
    processes_open();
    world_open_epoll();
    int rc = world_run(weft_call(is_limited));
    world_close();
    weft__zygote_stop();
    return rc == 0 ? 0 : 1;
}

WEFT_TEST(a_limit_on_memory_holds_after_a_job_that_lowered_the_hard_one)
{
    if (WORLD_SANITIZED) WEFT_SKIP("a sanitizer maps more than any limit");
    if (!memory_can_be_limited()) WEFT_SKIP("setrlimit takes RLIMIT_DATA and does nothing with it");
    if (getuid() != 0) WEFT_SKIP("only root can become nobody");
    WEFT_CHECK_EQ(in_a_program(limits_as_nobody), 0);
}

/* ---- answers that lie ---- */

static int flood_job(const int *in, int *out)
{
    (void)out;
    static char bytes[64 << 10];
    weft__job_head head = { .mark = WEFT__ANSWER_MARK, .id = (uint64_t)*in, .bytes = 40 };
    world_ignore((int)write(SOCKET, &head, sizeof head));
    for (;;) {
        if (write(SOCKET, bytes, sizeof bytes) < 0) _exit(1);
        atomic_fetch_add(&shared->begun, 1);
    }
}

REAL_TEST(a_worker_that_says_more_than_it_announced_is_ended_before_it_has_said_much)
{
    int out = 0;
    CHECK_FAILED(weft_in_process(int, int, flood_job, (&(int){ 1 }), &out), WEFT_EPROTO,
        "what the process of flood_job sent is no answer; it was ended");
    WEFT_CHECK(atomic_load(&shared->begun) < 64);    /* of 64 KiB */
    return answers();
}

static int large_job(const int *n, weft_list_int *out)
{
    atomic_fetch_add(&shared->begun, 1);
    usleep(50000);
    for (int i = 0; i < *n; i++) weft_push(out, i);
    return 0;
}

static int starve(void)
{
    WEFT_TRY(wait_begun(1));
    world_mem.fail_rest = true;
    world_mem.fail_after = 0;
    return 0;
}

REAL_TEST(an_answer_without_memory_for_it_is_an_error_of_its_own)
{
    weft_list_int out = { 0 };
    WEFT_SCOPE(s);
    weft_spawn(s, starve);
    int rc = weft_in_process(int, weft_list_int, large_job, (&(int){ 1 << 20 }), &out);
    world_mem.fail_after = -1;
    world_mem.fail_rest = false;
    WEFT_CHECK_EQ(rc, WEFT_ENOMEM);
    WEFT_CHECK_EQ(out.count, 0);
    return answers();
}

typedef struct wire_reply { int32_t rc, status; uint32_t text_len, trace_len, headers_len, detail_len; uint64_t shown; } wire_reply;

/* A whole and sound answer, to the job of this number. */
static int forge_job(const int *id, int *out)
{
    weft__buf b;
    weft__fault fault;
    weft__job_head head = { .mark = WEFT__ANSWER_MARK, .id = (uint64_t)*id };
    wire_reply reply = { 0 };
    (void)out;
    weft__buf_init(&b, 1000);
    weft__buf_add(&b, &head, sizeof head);
    weft__buf_add(&b, &reply, sizeof reply);
    if (weft__pack(&weft_schema_int, &(int){ 99 }, &b, &fault) < 0) return WEFT_EPROTO;
    head.bytes = b.len - sizeof head;
    memcpy(b.ptr, &head, sizeof head);
    world_ignore((int)write(SOCKET, b.ptr, b.len));
    _exit(0);
}

REAL_TEST(a_sound_answer_to_another_job_is_refused)
{
    int out = 0;
    WEFT_CHECK_EQ(weft_in_process(int, int, forge_job, (&(int){ 2 }), &out), WEFT_EPROTO);
    WEFT_CHECK_EQ(out, 0);
    WEFT_CHECK_EQ(weft_in_process(int, int, forge_job, (&(int){ 2 }), &out), 0);
    WEFT_CHECK_EQ(out, 99);
    return 0;
}

static bool is_read(int32_t rc, int32_t status, uint64_t shown)
{
    struct { wire_reply head; char text[4]; } failure = { { rc, status, 4, 0, 0, 0, shown }, "oops" };
    weft_arena arena;
    int out = 0;
    weft__arena_init(&arena, NULL, 1 << 20);
    weft__errand e = { .schema = &weft_schema_int, .out = &out };
    bool sound = weft__errand_read(&e, (weft_str){ (char *)&failure, sizeof failure.head + 4 }, &arena);
    weft__record_free(e.error);
    weft__arena_free(&arena);
    return sound;
}

WEFT_TEST(a_failure_whose_status_is_none_is_no_answer)
{
    WEFT_CHECK(is_read(WEFT_EPROTO, 0, 0));
    WEFT_CHECK(is_read(WEFT_STATUS(404), 404, 1));
    WEFT_CHECK(!is_read(WEFT_EPROTO, 7, 0));
    WEFT_CHECK(!is_read(WEFT_EPROTO, -1, 0));
    WEFT_CHECK(!is_read(WEFT_EPROTO, 1000, 0));
    WEFT_CHECK(!is_read(WEFT_EPROTO, 500, 2));
}

/* It goes out to a client as it is. */
static bool detail_is_read(const char *detail)
{
    weft__buf b;
    weft_arena arena;
    int out = 0;
    wire_reply head = { WEFT_STATUS(409), 409, 0, 0, 0, (uint32_t)strlen(detail), 1 };
    weft__arena_init(&arena, NULL, 1 << 20);
    weft__buf_init(&b, 1000);
    weft__buf_add(&b, &head, sizeof head);
    weft__buf_add(&b, detail, strlen(detail));
    weft__errand e = { .schema = &weft_schema_int, .out = &out };
    bool sound = weft__errand_read(&e, weft__buf_str(&b), &arena);
    weft__record_free(e.error);
    weft__buf_free(&b);
    weft__arena_free(&arena);
    return sound;
}

WEFT_TEST(a_failure_whose_detail_is_no_json_is_no_answer)
{
    WEFT_CHECK(detail_is_read("") && detail_is_read("{\"a\":1}"));
    WEFT_CHECK(!detail_is_read("1},{") && !detail_is_read("\xff") && !detail_is_read("{\"a\":"));
}

/* ---- options that make no sense ---- */

BOTH_TEST(options_of_a_call_below_nothing_are_refused_by_name)
{
    int out = 0;
    CHECK_FAILED(weft_in_process(int, int, plain_job, (&(int){ 0 }), &out, .cpu_ms = -1), WEFT_EINVAL,
        "weft_in_process(plain_job): .cpu_ms is -1, expected 0 or more");
    CHECK_FAILED(weft_in_process(int, int, plain_job, (&(int){ 0 }), &out, .timeout_ms = -5), WEFT_EINVAL,
        "weft_in_process(plain_job): .timeout_ms is -5, expected 0 or more");
    return 0;
}
