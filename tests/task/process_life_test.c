/* Processes that break, the zygote, and what remains when a program ends. */
#define _GNU_SOURCE
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/poison.h"
#include "process_world.h"

WEFT_MODEL(Look, field(weft_str, name), field(int, open_fds), list(weft_str, parts));

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

static int late_garbage_job(const int *late_ms, int *out)
{
    *out = getpid();
    pid_t child = fork();
    if (child) return 0;
    usleep((useconds_t)*late_ms * 1000);
    world_ignore((int)write(SOCKET, "x", 1));
    _exit(0);
}

REAL_TEST(a_process_that_speaks_out_of_turn_is_ended, .processes_max = 1)
{
    int first = 0, second = 0, rc = WEFT_EPROTO;
    /* Where the answer is read late, the garbage stands behind it already. */
    for (int ms = 20; rc == WEFT_EPROTO && ms < 2000; ms *= 2) rc = weft_in_process(int, int, late_garbage_job, (&(int){ ms }), &first);
    WEFT_CHECK_EQ(rc, 0);
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
        Look out;
        weft__errand e = { .schema = &weft_schema_Look, .out = &out };
        bool sound = weft__errand_read(&e, (weft_str){ bytes, n }, &arena);
        WEFT_CHECK(sound || !e.error);
        weft__record_free(e.error);
        weft__arena_free(&arena);
    }
}

/* ---- the zygote ---- */

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
    for (int i = 0; i < 500 && !is_dead(atomic_load(&shared->pid)); i++) WEFT_TRY(weft_sleep_ms(10));
    WEFT_CHECK(is_dead(atomic_load(&shared->pid)));
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

static void *wait_on_thread(void *end)
{
    char byte;
    (void)!read(*(int *)end, &byte, 1);
    return NULL;
}

WEFT_TEST(a_process_with_threads_is_never_forked)
{
#ifdef WEFT__TSAN
    WEFT_SKIP("TSan has a thread of its own");
#endif
    pthread_t thread;
    int ends[2];
    WEFT_NEED(pipe(ends) == 0);
    WEFT_NEED(pthread_create(&thread, NULL, wait_on_thread, &ends[0]) == 0);
    int rc = weft__process_start(), told = threads_told();
    close(ends[1]);
    pthread_join(thread, NULL);
    close(ends[0]);
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
    pid_t zygote = (pid_t)child_of(getpid(), 0), worker = (pid_t)atomic_load(&shared->pid);
    WEFT_NEED(zygote > 0 && worker > 0);             /* 0 would be everybody, and this test itself */
    for (int i = 0; i < 4; i++) kill(worker, signals[i]), kill(zygote, signals[i]);
    WEFT_CHECK_EQ(weft_await(t), 0);
    WEFT_CHECK_EQ(out, 1);
    return 0;
}

/* ---- what a process is ---- */

static int look_job(const int *in, Look *out)
{
    char name[32] = "";
    DIR *d = opendir("/proc/self/fd");
    prctl(PR_GET_NAME, name);
    out->name = weft_format("%s", name);
    for (const struct dirent *e; d && (e = readdir(d));)
        if (atoi(e->d_name) > 2 && atoi(e->d_name) != dirfd(d)) out->open_fds++;
    closedir(d);
    return signal(SIGUSR1, SIG_DFL) == SIG_DFL ? *in : -1;
}

REAL_TEST(a_worker_has_a_name_and_no_descriptors_of_its_parent)
{
    Look out = { 0 };
    signal(SIGUSR1, SIG_IGN);
    WEFT_CHECK_EQ(weft_in_process(int, Look, look_job, (&(int){ 0 }), &out), 0);
    WEFT_CHECK_STR(out.name, "weft worker");
    WEFT_CHECK_EQ(out.open_fds, 2);               /* its socket, and where it reads what memory it has */
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
        WEFT_NEED(weft_in_process(int, int, pid_job, (&(int){ 0 }), &pid) == 0);
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

static int run_quick(void)
{
    int out;
    atomic_store(&shared->pid, child_of(getpid(), 0));
    return weft_in_process(int, int, plain_job, (&(int){ 0 }), &out);
}

WEFT_TEST(weft_run_starts_and_ends_its_zygote)
{
    share_memory();
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
