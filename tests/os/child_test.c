/* Children: what they get, where a start fails, how they end. */
#define _GNU_SOURCE
#include "os/child.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "weft/check.h"

static weft__os *os;
static const char *const no_env[] = { NULL };

static void world(void (*test)(void))
{
    os = weft__os_linux_new();
    WEFT_NEED(os != NULL);
    test();
    os->ops->free(os);
    WEFT_CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

#define CHILD_TEST(name) static void name(void); WEFT_TEST(linux_##name) { world(name); } static void name(void)

static int spawn(const char *const *argv, weft__child_opts o, weft__child *c, weft__child_step *step)
{
    o.program = argv[0];
    o.argv = argv;
    o.env = no_env;
    if (!o.path) o.path = "/usr/bin:/bin";
    return os->ops->children->spawn(os, &o, c, step);
}

static weft__child_exit await_end(weft__child *c)
{
    weft__child_exit how = { -2, -2 };
    weft__event e[8];
    WEFT_NEED(os->ops->watch(os, c->watch, c, WEFT__WATCH_BOTH) == 0);
    int rc = os->ops->children->reap(os, c, &how);
    for (int i = 0; rc == -EAGAIN && i < 500; i++) {
        WEFT_NEED(os->ops->wait(os, e, 8, 100 * 1000000LL) >= 0);
        rc = os->ops->children->reap(os, c, &how);
    }
    WEFT_CHECK_EQ(rc, 0);
    os->ops->close(os, c->watch);
    return how;
}

/* All that a pipe gives until its end. */
static size_t read_all(int fd, char *to, size_t room)
{
    size_t have = 0;
    weft__event e[8];
    for (int i = 0; i < 1000; i++) {
        ssize_t n = os->ops->recv(os, fd, to + have, room - have - 1);
        if (n == 0) break;
        if (n > 0) have += (size_t)n;
        else WEFT_NEED(n == -EAGAIN && os->ops->wait(os, e, 8, 10 * 1000000LL) >= 0);
    }
    os->ops->close(os, fd);
    to[have] = 0;
    return have;
}

CHILD_TEST(a_child_gets_pipes_and_ends_with_a_status)
{
    weft__child c;
    weft__child_step step;
    char out[100], err[100];
    const char *const argv[] = { "sh", "-c", "cat; echo oh >&2; exit 7", NULL };
    WEFT_NEED(spawn(argv, (weft__child_opts){ .in = WEFT__CHILD_PIPE, .out = WEFT__CHILD_PIPE, .err = WEFT__CHILD_PIPE }, &c, &step) == 0);
    struct iovec v[2] = { { (char *)"some ", 5 }, { (char *)"text", 4 } };
    WEFT_CHECK_EQ(os->ops->send(os, c.in, v, 2), 9);
    os->ops->close(os, c.in);
    read_all(c.out, out, sizeof out);
    read_all(c.err, err, sizeof err);
    WEFT_CHECK_STR(weft_str_of(out), "some text");
    WEFT_CHECK_STR(weft_str_of(err), "oh\n");
    weft__child_exit how = await_end(&c);
    WEFT_CHECK_EQ(how.status, 7);
    WEFT_CHECK_EQ(how.signal, 0);
    WEFT_CHECK_EQ(os->ops->children->reap(os, &c, &how), -ECHILD);
    WEFT_CHECK_EQ(os->ops->children->signal(os, &c, SIGKILL), 0);
}

CHILD_TEST(a_write_to_a_closed_pipe_is_a_code_and_leaves_no_signal_behind)
{
    weft__child c;
    weft__child_step step;
    sigset_t waiting, only, before;
    const char *const argv[] = { "true", NULL };
    WEFT_NEED(spawn(argv, (weft__child_opts){ .in = WEFT__CHILD_PIPE, .out = WEFT__CHILD_NULL, .err = WEFT__CHILD_NULL }, &c, &step) == 0);
    await_end(&c);
    struct iovec v = { (char *)"x", 1 };
    for (int blocked = 0; blocked < 2; blocked++) {
        sigemptyset(&only);
        sigaddset(&only, SIGPIPE);
        if (blocked) sigprocmask(SIG_BLOCK, &only, &before);
        WEFT_CHECK_EQ(os->ops->send(os, c.in, &v, 1), -EPIPE);
        sigpending(&waiting);
        WEFT_CHECK(!sigismember(&waiting, SIGPIPE));
    }
    raise(SIGPIPE);                                  /* held back by the program itself: that one stays */
    WEFT_CHECK_EQ(os->ops->send(os, c.in, &v, 1), -EPIPE);
    sigpending(&waiting);
    WEFT_CHECK(sigismember(&waiting, SIGPIPE));
    WEFT_CHECK_EQ(sigtimedwait(&only, NULL, &(struct timespec){ 0 }), SIGPIPE);
    sigprocmask(SIG_SETMASK, &before, NULL);
    os->ops->close(os, c.in);
}

CHILD_TEST(a_child_ends_by_a_signal)
{
    weft__child c;
    weft__child_step step;
    weft__child_exit how;
    const char *const argv[] = { "sleep", "100", NULL };
    for (int group = 0; group < 2; group++) {
        WEFT_NEED(spawn(argv, (weft__child_opts){ .in = WEFT__CHILD_NULL, .group = group }, &c, &step) == 0);
        WEFT_CHECK_EQ(os->ops->children->reap(os, &c, &how), -EAGAIN);
        WEFT_CHECK_EQ(getpgid(c.pid) == c.pid, group);
        WEFT_NEED(os->ops->children->signal(os, &c, SIGTERM) == 0);
        how = await_end(&c);
        WEFT_CHECK_EQ(how.signal, SIGTERM);
        WEFT_CHECK_EQ(how.status, -1);
    }
}

static long fds(void)
{
    long n = 0;
    for (int fd = 0; fd < 1000; fd++) n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

CHILD_TEST(where_a_start_failed_is_told_and_nothing_stays_open)
{
    static const struct { const char *program, *path, *folder; int code; weft__child_step step; } rows[] = {
        { "no-such-program", NULL, NULL, -ENOENT, WEFT__CHILD_FIND },
        { "true", "", NULL, -ENOENT, WEFT__CHILD_FIND },
        { "true", ":::", NULL, -ENOENT, WEFT__CHILD_FIND },
        { "", NULL, NULL, -ENOENT, WEFT__CHILD_FIND },
        { "/no/such/program", NULL, NULL, -ENOENT, WEFT__CHILD_ACCESS },
        { "/etc", NULL, NULL, -EACCES, WEFT__CHILD_ACCESS },
        { "true", NULL, "/no/such/folder", -ENOENT, WEFT__CHILD_FOLDER },
        { "true", NULL, "/etc/passwd", -ENOTDIR, WEFT__CHILD_FOLDER },
    };
    long before = fds();
    for (size_t i = 0; i < weft_count(rows); i++) {
        weft__child c;
        weft__child_step step = WEFT__CHILD_WATCH;
        const char *const argv[] = { rows[i].program, NULL };
        weft__child_opts o = { .path = rows[i].path, .folder = rows[i].folder };
        o.in = o.out = o.err = WEFT__CHILD_PIPE;
        WEFT_CHECK_EQ(spawn(argv, o, &c, &step), rows[i].code);
        WEFT_CHECK_EQ(step, rows[i].step);
    }
    WEFT_CHECK_EQ(fds(), before);
}

CHILD_TEST(a_relative_program_is_looked_for_in_its_folder)
{
    weft__child c;
    weft__child_step step;
    const char *const argv[] = { "bin/true", NULL };
    WEFT_NEED(spawn(argv, (weft__child_opts){ .folder = "/usr" }, &c, &step) == 0);
    WEFT_CHECK_EQ(await_end(&c).status, 0);
}

static int highest_fd(void)
{
    int highest = 0;
    for (int fd = 0; fd < 1000; fd++) highest = fcntl(fd, F_GETFD) >= 0 ? fd : highest;
    return highest;
}

/* The limit on descriptors is reached at each step of a start in turn. */
CHILD_TEST(without_descriptors_a_start_fails_and_leaves_nothing)
{
    enum { FEW = 12 };
    struct rlimit as_it_is, few;
    int started = 0, refused = 0, first = highest_fd() + 1;
    long before = fds();
    const char *const argv[] = { "true", NULL };
    int fillers[1000], gaps = 0;
    while ((fillers[gaps] = dup(1)) < first) gaps++;
    close(fillers[gaps]);
    WEFT_NEED(getrlimit(RLIMIT_NOFILE, &as_it_is) == 0);
    for (int free_ones = 0; free_ones < FEW; free_ones++) {
        weft__child c;
        weft__child_step step;
        weft__child_opts o = { .folder = "/", .in = WEFT__CHILD_PIPE, .out = WEFT__CHILD_PIPE, .err = WEFT__CHILD_PIPE };
        few = (struct rlimit){ (rlim_t)(first + free_ones), as_it_is.rlim_max };
        WEFT_NEED(setrlimit(RLIMIT_NOFILE, &few) == 0);
        int rc = spawn(argv, o, &c, &step);
        WEFT_NEED(setrlimit(RLIMIT_NOFILE, &as_it_is) == 0);
        started += rc == 0;
        refused += rc == -EMFILE;
        WEFT_CHECK(rc == 0 || rc == -EMFILE);
        if (rc < 0) continue;
        os->ops->close(os, c.in);
        os->ops->close(os, c.out);
        os->ops->close(os, c.err);
        await_end(&c);
    }
    WEFT_CHECK(started > 0 && refused > 3);
    while (gaps--) close(fillers[gaps]);
    WEFT_CHECK_EQ(fds(), before);
}
