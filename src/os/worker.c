/* A worker: it reads a job, runs it within its limits, and answers. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>
#include "base/buf.h"
#include "os/process.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

enum { SOCKET = 3, FIRST_BYTES = 4096, KEPT_BYTES_MAX = 1 << 20, FDS_TRIED_MAX = 1 << 16 };

int weft__os_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
}

/* ---- what a new process does first ---- */

static void hear_nothing(int signal) { (void)signal; }

/* A handler and not SIG_IGN: programs that a job starts get the default action again. */
static void reset_signals(void)
{
    static const int deaf_to[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
    struct sigaction usual = { .sa_handler = SIG_DFL }, deaf = { .sa_handler = hear_nothing, .sa_flags = SA_RESTART };
    sigset_t none;
    for (int i = 1; i < NSIG; i++) sigaction(i, &usual, NULL);
    for (size_t i = 0; i < weft_count(deaf_to); i++) sigaction(deaf_to[i], &deaf, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void close_from(int first)
{
    struct rlimit most = { 0 };
    if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
    getrlimit(RLIMIT_NOFILE, &most);
    int end = most.rlim_cur < FDS_TRIED_MAX ? (int)most.rlim_cur : FDS_TRIED_MAX;
    for (int fd = first; fd < end; fd++) close(fd);
}

/* Where the program had no stdout, something else may have got its number: that is CLOEXEC. */
static bool is_meant_for_children(int fd)
{
    int flags = fcntl(fd, F_GETFD);
    return flags >= 0 && !(flags & FD_CLOEXEC);
}

static void no_input(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) return;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fd == STDIN_FILENO || !is_meant_for_children(fd)) dup2(null, fd);
    if (null > STDERR_FILENO) close(null);
    else fcntl(null, F_SETFD, 0);
}

int weft__process_settle(const char *name, pid_t parent, int fd)
{
    prctl(PR_SET_NAME, name);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);               /* it died before that */
    reset_signals();
    if (fd != SOCKET && dup3(fd, SOCKET, O_CLOEXEC) < 0) _exit(1);
    close_from(SOCKET + 1);
    no_input();
    return SOCKET;
}

/* When the machine's memory is gone, a job goes before the server does. */
static void be_first_to_go(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    if (write(fd, "500", 3) < 0) { /* then the kernel chooses as it likes */ }
    close(fd);
}

/* ---- limits ---- */

/* Bytes of memory that count for RLIMIT_DATA: the sixth number, in pages. */
static rlim_t data_bytes(int statm)
{
    char text[256];
    ssize_t n = pread(statm, text, sizeof text - 1, 0);
    if (n <= 0) return 0;
    text[n] = 0;
    const char *at = text;
    for (int before = 5; at && before; before--) at = (at = strchr(at, ' ')) ? at + 1 : NULL;
    return at ? (rlim_t)strtoul(at, NULL, 10) * (rlim_t)weft__os_page() : 0;
}

/* `usual`: the limit from before, which neither is raised nor forgotten. A job may have lowered the hard one. */
static void limit_memory(const struct rlimit *usual, int statm, uint64_t bytes)
{
    struct rlimit r = *usual, before;
    if (bytes) {
        rlim_t most = data_bytes(statm) + (rlim_t)bytes;
        if (most >= bytes && most < r.rlim_cur) r.rlim_cur = most;
    }
    int rc = prlimit(0, RLIMIT_DATA, &r, &before);   /* may raise a hard limit again, if this user may */
    if (rc == 0 && before.rlim_max >= r.rlim_max) return;
    if (rc < 0 && getrlimit(RLIMIT_DATA, &before) < 0) return;
    r.rlim_max = before.rlim_max;
    if (r.rlim_cur > r.rlim_max) r.rlim_cur = r.rlim_max;
    setrlimit(RLIMIT_DATA, &r);
}

static void limit_cpu(uint32_t ms)
{
    struct itimerval t = { .it_value = { ms / 1000, ms % 1000 * 1000 } };
    sigset_t profiling;
    sigemptyset(&profiling);
    sigaddset(&profiling, SIGPROF);
    sigaction(SIGPROF, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
    sigprocmask(SIG_UNBLOCK, &profiling, NULL);
    setitimer(ITIMER_PROF, &t, NULL);
}

/* ---- jobs ---- */

/* False at the end of the stream, or when it is broken. */
static bool read_all(int fd, char *to, size_t n)
{
    while (n) {
        ssize_t got = recv(fd, to, n, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        to += got;
        n -= (size_t)got;
    }
    return true;
}

static bool send_all(int fd, const char *from, size_t n)
{
    while (n) {
        ssize_t put = send(fd, from, n, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        from += put;
        n -= (size_t)put;
    }
    return true;
}

static void no_memory(void)
{
    static const char text[] = "weft: a worker has no memory for a job or its answer\n";
    weft__os_stderr(text, sizeof text - 1);
    _exit(1);
}

static void keep_small(weft__buf *b)
{
    if (b->room > KEPT_BYTES_MAX) weft__buf_free(b);
    else weft__buf_clear(b);
}

/* The head, and of the job as much as comes with it and has room. How many bytes of the job, or < 0. */
static ssize_t take_head(int fd, weft__job_head *head, weft__buf *job)
{
    if (!weft__buf_reserve(job, FIRST_BYTES)) no_memory();
    struct iovec parts[] = { { head, sizeof *head }, { job->ptr, FIRST_BYTES } };
    ssize_t got;
    do got = readv(fd, parts, 2);
    while (got < 0 && errno == EINTR);
    if (got <= 0) return -1;
    size_t n = (size_t)got, more = n > sizeof *head ? n - sizeof *head : 0;
    if (n < sizeof *head && !read_all(fd, (char *)head + n, sizeof *head - n)) return -1;
    return head->mark == WEFT__JOB_MARK && more <= head->bytes ? (ssize_t)more : -1;
}

static bool take_job(int fd, weft__job_head *head, weft__buf *job)
{
    keep_small(job);
    ssize_t first = take_head(fd, head, job);
    if (first < 0) return false;
    job->len = (size_t)first;
    size_t rest = head->bytes - job->len;
    char *to = rest ? weft__buf_reserve(job, rest) : NULL;
    if (rest && !to) no_memory();
    if (!read_all(fd, to, rest)) return false;
    job->len = head->bytes;
    return true;
}

static bool give_answer(int fd, uint64_t id, weft__buf *answer, const weft__work *work)
{
    weft__job_head head = { .mark = WEFT__ANSWER_MARK, .id = id };
    keep_small(answer);
    weft__buf_add(answer, &head, sizeof head);
    work->answer(answer);
    if (answer->failed) no_memory();
    head.bytes = answer->len - sizeof head;
    memcpy(answer->ptr, &head, sizeof head);
    return send_all(fd, answer->ptr, answer->len);
}

void weft__worker_main(int fd, const weft__work *work)
{
    weft__job_head head;
    weft__buf job, answer;
    struct rlimit usual = { RLIM_INFINITY, RLIM_INFINITY };
    pid_t self = getpid();
    int statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    getrlimit(RLIMIT_DATA, &usual);
    weft__buf_init(&job, WEFT__JOB_BYTES_MAX);
    weft__buf_init(&answer, WEFT__JOB_BYTES_MAX + sizeof head);
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);           /* lines of several workers stay whole */
    be_first_to_go();
    while (take_job(fd, &head, &job)) {
        if (head.memory_bytes_max) limit_memory(&usual, statm, head.memory_bytes_max);
        if (head.cpu_ms) limit_cpu(head.cpu_ms);
        work->run(weft__buf_str(&job));
        if (getpid() != self) _exit(0);              /* the job has forked, and returned in the child too */
        if (head.cpu_ms) limit_cpu(0);
        if (head.memory_bytes_max) limit_memory(&usual, statm, 0);
        fflush(stdout);
        if (!give_answer(fd, head.id, &answer, work)) break;
    }
    _exit(0);
}
