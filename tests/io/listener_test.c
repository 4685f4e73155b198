/* Listeners for users, and the tasks that talk to those who come. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "os/os.h"
#include "task/world.h"
#include "testing/folder.h"
#include "weft/net.h"

/* ---- accepting ---- */

static int accept_code(weft_listener *const *l, int *rc)
{
    WEFT_CONN(c);
    *rc = weft_accept(*l, &c);
    return 0;
}

TASK_TEST(b46_a_second_task_that_accepts_is_told_who_does)
{
    int first = 0;
    WEFT_LISTENER(l);
    WEFT_CONN(c);
    WEFT_NEED(weft_listen(&l, "127.0.0.1", 0) == 0);
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, accept_code, &l, &first);
    world_turn();
    WEFT_NEED(!weft_task_done(t));                   /* else nobody else ends the next one */
    WEFT_CHECK_EQ(weft_accept(l, &c), WEFT_EBUSY);
    WEFT_CHECK(strstr(weft_error_of(WEFT_EBUSY)->text, "task accept_code does so already") != NULL);
    weft_task_cancel(t);
    WEFT_CHECK_EQ(weft_await(t), 0);
    WEFT_CHECK_EQ(first, WEFT_ECANCELED);
    return 0;
}

TASK_TEST(b47_an_accept_is_told_when_its_listener_is_closed_or_freed)
{
    for (int freed = 0; freed < 2; freed++) {
        int rc = 0;
        weft_listener *l;
        WEFT_CONN(c);
        WEFT_NEED(weft_listen(&l, "127.0.0.1", 0) == 0);
        WEFT_SCOPE(s);
        weft_task *t = weft_spawn(s, accept_code, &l, &rc);
        world_turn();
        if (freed) weft_listener_free(l);
        else weft_listener_close(l);
        WEFT_CHECK_EQ(weft_await(t), 0);
        WEFT_CHECK_EQ(rc, WEFT_ECLOSED);
        if (!freed) WEFT_CHECK_EQ(weft_accept(l, &c), WEFT_ECLOSED);
        if (!freed) weft_listener_free(l);
    }
    return 0;
}

/* In round i the accept is cancelled a little before, while or after somebody comes: it has the connection, or the next
 * one has. That no descriptor is lost is checked by the world. */
TASK_TEST(b13_of_a_cancelled_accept_and_the_next_one_exactly_one_has_who_came)
{
    int had = 0;
    WEFT_LISTENER(l);
    WEFT_NEED(weft_listen(&l, "127.0.0.1", 0) == 0);
    for (int i = 0; i < 40; i++) {
        int rc = 0;
        WEFT_CONN(here);
        WEFT_CONN(there);
        WEFT_SCOPE(s);
        weft_task *t = weft_spawn(s, accept_code, &l, &rc);
        if (i % 3) WEFT_CHECK_EQ(weft_yield(), 0);
        if (i % 4 == 3) weft_task_cancel(t);
        WEFT_NEED(weft_connect(&here, "127.0.0.1", weft_listener_port(l)) == 0);
        for (int k = 0; k < i % 5; k++) WEFT_CHECK_EQ(weft_yield(), 0);
        weft_task_cancel(t);
        WEFT_CHECK_EQ(weft_await(t), 0);
        WEFT_NEED(rc == 0 || rc == WEFT_ECANCELED);
        had += rc == 0;
        if (rc < 0) WEFT_NEED(weft_accept(l, &there) == 0);
    }
    WEFT_CHECK(had > 0 && had < 40);
    return 0;
}

static int count_turns(int *const *n)
{
    for (;;) {
        ++**n;
        WEFT_TRY(weft_sleep_ms(1));
    }
}

/* Who comes while nobody accepts must not wake the loop in each turn. */
EPOLL_TEST(a_listener_that_nobody_asks_does_not_keep_the_loop_awake)
{
    int n = 0, *at = &n;
    weft_error cut = { 0 };
    (void)cut;
    WEFT_LISTENER(l);
    WEFT_CONN(first);
    WEFT_CONN(here);
    WEFT_CONN(there);
    WEFT_NEED(weft_listen(&l, "127.0.0.1", 0) == 0);
    {
        WEFT_SCOPE(s, .timeout_ms = 1);
        WEFT_CHECK_EQ(weft_accept(l, &there), WEFT_ETIMEDOUT);
    }
    WEFT_NEED(weft_connect(&here, "127.0.0.1", weft_listener_port(l)) == 0);
    struct rusage before, after;
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, count_turns, &at);
    getrusage(RUSAGE_SELF, &before);
    WEFT_CHECK_EQ(weft_sleep_ms(200), 0);
    getrusage(RUSAGE_SELF, &after);
    long us = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000L + after.ru_utime.tv_usec - before.ru_utime.tv_usec;
    us += (after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1000000L + after.ru_stime.tv_usec - before.ru_stime.tv_usec;
    WEFT_CHECK(us < 120 * 1000);
    weft_task_cancel(t);
    WEFT_NEED(weft_accept(l, &there) == 0);
    return 0;
}

/* ---- a task for each ---- */

typedef struct counts { int now, most, all; } counts;

static int echo(weft_conn *c, void *ctx)
{
    counts *n = ctx;
    weft_str line;
    n->all++;
    if (++n->now > n->most) n->most = n->now;
    for (int rc; (rc = weft_conn_line(c, &line)) != 0;) {
        if (rc == 1) rc = weft_conn_print(c, "you said: %.*s\n", WEFT_FMT(line));
        if (rc < 0) {
            n->now--;
            return rc;
        }
    }
    n->now--;
    return 0;
}

typedef struct serve_in { weft_listener *l; counts *n; int most; } serve_in;
static int serve(const serve_in *in)
{
    return weft_listener_serve(in->l, echo, .ctx = in->n, .connections_max = in->most);
}

typedef struct chat_in { int port, number; } chat_in;
static int chat(const chat_in *in)
{
    char expected[64];
    weft_str line;
    WEFT_CONN(c);
    WEFT_TRY(weft_connect(&c, "127.0.0.1", in->port));
    for (int i = 0; i < 3; i++) {
        WEFT_TRY(weft_conn_print(c, "%d of %d\n", i, in->number));
        WEFT_CHECK_EQ(weft_conn_line(c, &line), 1);
        snprintf(expected, sizeof expected, "you said: %d of %d", i, in->number);
        WEFT_CHECK_STR(line, expected);
        WEFT_TRY(weft_sleep_ms(1));
    }
    return 0;
}

TASK_TEST(each_who_comes_has_a_task_and_no_more_than_the_bound_at_a_time)
{
    enum { CLIENTS = 30, MOST = 4 };
    counts n = { 0 };
    WEFT_LISTENER(l);
    WEFT_NEED(weft_listen(&l, "127.0.0.1", 0) == 0);
    WEFT_SCOPE(s);
    weft_task *server = weft_spawn(s, serve, (&(serve_in){ l, &n, MOST }));
    weft_task *clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) clients[i] = weft_spawn(s, chat, (&(chat_in){ weft_listener_port(l), i }));
    for (int i = 0; i < CLIENTS; i++) WEFT_CHECK_EQ(weft_await(clients[i]), 0);
    weft_listener_close(l);
    WEFT_CHECK_EQ(weft_await(server), 0);
    WEFT_CHECK_EQ(n.all, CLIENTS);
    WEFT_CHECK_EQ(n.now, 0);
    WEFT_CHECK_EQ(n.most, MOST);
    return 0;
}

TASK_TEST(a_server_that_is_cancelled_ends_its_connections)
{
    counts n = { 0 };
    weft_str line;
    WEFT_LISTENER(l);
    WEFT_CONN(c);
    WEFT_NEED(weft_listen(&l, "127.0.0.1", 0) == 0);
    WEFT_SCOPE(s);
    weft_task *server = weft_spawn(s, serve, (&(serve_in){ l, &n, 0 }));
    WEFT_NEED(weft_connect(&c, "127.0.0.1", weft_listener_port(l)) == 0);
    WEFT_CHECK_EQ(weft_conn_write(c, WEFT_S("hello\n")), 0);
    WEFT_CHECK_EQ(weft_conn_line(c, &line), 1);
    WEFT_CHECK_EQ(n.now, 1);
    weft_task_cancel(server);
    WEFT_CHECK_EQ(weft_await(server), WEFT_ECANCELED);
    WEFT_CHECK_EQ(n.now, 0);
    WEFT_CHECK_EQ(weft_conn_line(c, &line), 0);
    return 0;
}

TASK_TEST(a_listener_that_is_closed_lets_its_connections_end)
{
    counts n = { 0 };
    weft_str line;
    WEFT_LISTENER(l);
    WEFT_CONN(c);
    WEFT_NEED(weft_listen(&l, "127.0.0.1", 0) == 0);
    WEFT_SCOPE(s);
    weft_task *server = weft_spawn(s, serve, (&(serve_in){ l, &n, 0 }));
    WEFT_NEED(weft_connect(&c, "127.0.0.1", weft_listener_port(l)) == 0);
    WEFT_NEED(weft_conn_write(c, WEFT_S("one\n")) == 0);
    WEFT_NEED(weft_conn_line(c, &line) == 1);
    weft_listener_free(l);
    l = NULL;
    WEFT_NEED(weft_conn_write(c, WEFT_S("two\n")) == 0);
    WEFT_NEED(weft_conn_line(c, &line) == 1);
    WEFT_CHECK_STR(line, "you said: two");
    WEFT_CHECK(!weft_task_done(server));
    WEFT_CHECK_EQ(weft_conn_end(c), 0);
    WEFT_CHECK_EQ(weft_await(server), 0);
    return 0;
}

static int fail_talk(weft_conn *c, void *ctx)
{
    int *n = ctx;
    weft_str line;
    WEFT_TRY(weft_conn_line(c, &line));
    if (++*n == 1) return weft_fail(WEFT_EPROTO, "a word that nobody knows");
    (void)!weft_alloc(1 << 20);
    return *n == 2 ? WEFT_ECONNRESET : 0;
}

typedef struct fail_in { weft_listener *l; int *n; } fail_in;
static int serve_failing(const fail_in *in)
{
    return weft_listener_serve(in->l, fail_talk, .ctx = in->n, .memory_bytes_max = 2 << 20);
}

TASK_TEST(a_connection_that_fails_is_logged_and_disturbs_no_other)
{
    int n = 0;
    WEFT_LISTENER(l);
    WEFT_NEED(weft_listen(&l, "127.0.0.1", 0) == 0);
    WEFT_SCOPE(s);
    weft_task *server = weft_spawn(s, serve_failing, (&(fail_in){ l, &n }));
    world_capture_begin();
    for (int i = 0; i < 5; i++) {
        weft_str line;
        WEFT_CONN(c);
        WEFT_NEED(weft_connect(&c, "127.0.0.1", weft_listener_port(l)) == 0);
        WEFT_CHECK_EQ(weft_conn_write(c, WEFT_S("x\n")), 0);
        WEFT_CHECK_EQ(weft_conn_line(c, &line), 0);
    }
    const char *said = world_capture_end();
    WEFT_CHECK_EQ(world_count_in(said, "fail_talk failed: a word that nobody knows"), 1);
    WEFT_CHECK_EQ(world_count_in(said, "failed"), 1);
    weft_listener_close(l);
    WEFT_CHECK_EQ(weft_await(server), 0);
    WEFT_CHECK_EQ(n, 5);
    return 0;
}

/* As where localhost is ::1 first and there is no IPv6. */
SIM_TEST(of_a_name_the_first_address_that_is_there_is_listened_on)
{
    WEFT_CHECK_EQ(weft__sim_name(world_now.os, "own.example", "::1"), 0);
    WEFT_CHECK_EQ(weft__sim_name(world_now.os, "own.example", "127.0.0.1"), 0);
    WEFT_LISTENER(first);
    WEFT_LISTENER(second);
    WEFT_LISTENER(none);
    WEFT_NEED(weft_listen(&first, "own.example", 7000) == 0);
    WEFT_CHECK_STR(weft_listener_address(first), "[::1]:7000");
    WEFT_CHECK_EQ(weft__sim_fail(world_now.os, "listen", 1, -EADDRNOTAVAIL), 0);
    WEFT_NEED(weft_listen(&second, "own.example", 7000) == 0);
    WEFT_CHECK_STR(weft_listener_address(second), "127.0.0.1:7000");
    WEFT_CHECK_EQ(weft_listen(&none, "own.example", 7000), -EADDRINUSE);
    return 0;
}

SIM_TEST(without_descriptors_it_pauses_and_goes_on)
{
    counts n = { 0 };
    WEFT_LISTENER(l);
    WEFT_NEED(weft_listen(&l, "127.0.0.1", 0) == 0);
    WEFT_CHECK_EQ(weft__sim_fail(world_now.os, "accept", 2, -EMFILE), 0);
    world_capture_begin();
    WEFT_SCOPE(s);
    weft_task *server = weft_spawn(s, serve, (&(serve_in){ l, &n, 0 }));
    weft_task *client = weft_spawn(s, chat, (&(chat_in){ weft_listener_port(l), 1 }));
    WEFT_CHECK_EQ(weft_await(client), 0);
    weft_listener_close(l);
    WEFT_CHECK_EQ(weft_await(server), 0);
    WEFT_CHECK_EQ(world_count_in(world_capture_end(), "tried again every 100 ms"), 1);
    return 0;
}

/* ---- unix sockets ---- */

static void path_in(const char *name, char out[108])
{
    snprintf(out, 108, "%s/%s", weft__test_folder(WEFT__ON_DISK), name);
}

static void nothing_is_left(void) { WEFT_CHECK_EQ(rmdir(weft__test_folder(WEFT__ON_DISK)), 0); }

static bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

EPOLL_TEST(a_unix_socket_is_a_file_while_it_listens)
{
    char path[108], at[120];
    struct stat st;
    counts n = { 0 };
    weft_str line;
    path_in("talk.sock", path);
    WEFT_LISTENER(l);
    WEFT_CONN(c);
    WEFT_NEED(weft_listen(&l, path, 0, .file_mode = 0600) == 0);
    WEFT_CHECK(lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0600);
    WEFT_SCOPE(s);
    weft_task *server = weft_spawn(s, serve, (&(serve_in){ l, &n, 0 }));
    snprintf(at, sizeof at, "unix:%s", path);
    WEFT_CHECK_STR(weft_listener_address(l), at);
    WEFT_CHECK_EQ(weft_listener_port(l), 0);
    WEFT_NEED(weft_connect(&c, at, 0) == 0);
    WEFT_CHECK_STR(weft_conn_peer(c), at);
    WEFT_NEED(weft_conn_write(c, WEFT_S("hello\n")) == 0);
    WEFT_NEED(weft_conn_line(c, &line) == 1);
    WEFT_CHECK_STR(line, "you said: hello");
    weft_conn_close(c);
    weft_listener_close(l);
    WEFT_CHECK(!exists(path));
    WEFT_CHECK_EQ(weft_await(server), 0);
    nothing_is_left();
    return 0;
}

/* As a program leaves it that was killed. */
static void leave_stale(const char *path)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    WEFT_NEED(fd >= 0 && bind(fd, (struct sockaddr *)&un, sizeof un) == 0 && listen(fd, 1) == 0);
    close(fd);
}

EPOLL_TEST(a_path_that_a_dead_program_left_is_taken_over)
{
    char path[108];
    path_in("s", path);
    leave_stale(path);
    WEFT_LISTENER(l);
    WEFT_CONN(c);
    WEFT_NEED(weft_listen(&l, path, 0) == 0);
    WEFT_NEED(weft_connect(&c, path, 0) == 0);
    weft_listener_close(l);
    nothing_is_left();
    return 0;
}

EPOLL_TEST(a_path_where_somebody_listens_is_not_taken_over)
{
    char path[108];
    path_in("s", path);
    WEFT_LISTENER(l);
    WEFT_LISTENER(second);
    WEFT_CONN(c);
    WEFT_NEED(weft_listen(&l, path, 0, .backlog = 1) == 0);
    WEFT_CHECK_EQ(weft_listen(&second, path, 0), -EADDRINUSE);
    WEFT_CHECK(strstr(weft_error_of(-EADDRINUSE)->text, "cannot listen on unix:/tmp/weft-test-") != NULL);
    WEFT_NEED(weft_connect(&c, path, 0) == 0);
    weft_listener_close(l);
    nothing_is_left();
    return 0;
}

EPOLL_TEST(a_file_that_is_no_socket_is_never_touched)
{
    char path[108], link[108];
    path_in("precious", path);
    path_in("link", link);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    WEFT_NEED(fd >= 0 && write(fd, "data", 4) == 4);
    close(fd);
    WEFT_NEED(symlink(path, link) == 0);
    WEFT_LISTENER(l);
    WEFT_CHECK_EQ(weft_listen(&l, path, 0), -EADDRINUSE);
    WEFT_CHECK_EQ(weft_listen(&l, link, 0), -EADDRINUSE);
    WEFT_CHECK(exists(path) && exists(link));
    unlink(path);
    unlink(link);
    nothing_is_left();
    return 0;
}

EPOLL_TEST(a_file_that_took_the_place_of_ours_stays)
{
    char path[108];
    path_in("s", path);
    WEFT_LISTENER(l);
    WEFT_LISTENER(next);
    WEFT_NEED(weft_listen(&l, path, 0) == 0);
    WEFT_CHECK_EQ(unlink(path), 0);
    WEFT_NEED(weft_listen(&next, path, 0) == 0);
    weft_listener_close(l);
    WEFT_CHECK(exists(path));
    weft_listener_close(next);
    WEFT_CHECK(!exists(path));
    nothing_is_left();
    return 0;
}

/* Many programs start at once on a path that a dead one left: one of them listens there, and it is reached. They begin behind one gate, and whoever listens does so
 * until all have had their answer: who comes late finds him there still. */
typedef struct race { const char *path; int gate[2], told[2], over[2]; } race;

static bool has_told;

/* What it got, one byte for the one that waits for all; nothing more comes of it before the end. */
static int racer(const race *r, int *out)
{
    WEFT_LISTENER(l);
    char byte, got = 'f';
    bool began = read(r->gate[0], &byte, 1) == 0;
    int rc = began ? weft_listen(&l, r->path, 0) : WEFT_EOF;
    if (rc == 0) got = 'l';
    if (rc == -EADDRINUSE) got = 'r';
    has_told = true;
    *out = write(r->told[1], &got, 1) == 1 && read(r->over[0], &byte, 1) == 0 ? 0 : 1;
    return 0;
}

static pid_t race_start(race *r)
{
    pid_t pid = fork();
    if (pid) return pid;
    int rc = 1;
    close(r->gate[1]);
    close(r->over[1]);
    weft__os *os = weft__os_linux_new();
    weft__loop *loop = os ? weft__loop_new(os) : NULL;
    if (loop) weft__loop_run(loop, weft_call(racer, r, &rc));
    if (!has_told) (void)!write(r->told[1], "f", 1);         /* it never ran */
    _exit(rc);
}

EPOLL_TEST(of_many_that_start_at_once_on_a_stale_path_one_listens)
{
    enum { RACERS = 6 };
    char path[108], got[RACERS];
    race r = { .path = path };
    pid_t pids[RACERS];
    int listens = 0, refused = 0, status, failed = 0;
    path_in("s", path);
    leave_stale(path);
    WEFT_NEED(pipe(r.gate) == 0 && pipe(r.told) == 0 && pipe(r.over) == 0);
    for (int i = 0; i < RACERS; i++) {
        pids[i] = race_start(&r);
        WEFT_NEED(pids[i] > 0);
    }
    close(r.gate[1]);
    close(r.told[1]);
    for (int i = 0; i < RACERS; i++) {
        WEFT_NEED(read(r.told[0], &got[i], 1) == 1);
        listens += got[i] == 'l';
        refused += got[i] == 'r';
    }
    {
        WEFT_CONN(c);
        WEFT_CHECK_EQ(weft_connect(&c, path, 0), 0);
    }
    close(r.over[1]);
    for (int i = 0; i < RACERS; i++) failed += waitpid(pids[i], &status, 0) != pids[i] || status;
    close(r.gate[0]);
    close(r.told[0]);
    close(r.over[0]);
    WEFT_CHECK_EQ(listens, 1);
    WEFT_CHECK_EQ(refused, RACERS - 1);
    WEFT_CHECK_EQ(failed, 0);
    unlink(path);
    nothing_is_left();
    return 0;
}

TASK_TEST(an_abstract_name_needs_no_file)
{
    char name[64];
    snprintf(name, sizeof name, "unix:@weft-net-test-%d", (int)getpid());
    WEFT_LISTENER(l);
    WEFT_LISTENER(second);
    WEFT_CONN(here);
    WEFT_CONN(there);
    WEFT_NEED(weft_listen(&l, name, 0) == 0);
    WEFT_CHECK_EQ(weft_listen(&second, name, 0), -EADDRINUSE);
    WEFT_NEED(weft_connect(&here, name, 0) == 0);
    WEFT_NEED(weft_accept(l, &there) == 0);
    WEFT_CHECK_STR(weft_conn_peer(here), name);
    return 0;
}
