/* Datagrams and listeners on paths, in the kernel's world and in the simulated one; any signal as an event. */
#define _GNU_SOURCE
#include "os/socket.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "os/signal.h"
#include "os/sim.h"
#include "testing/folder.h"
#include "weft/check.h"

static weft__os *os;

#define BOTH(name) \
    static void name(void); \
    WEFT_TEST(linux_##name) { os = weft__os_linux_new(); WEFT_NEED(os != NULL); name(); os->ops->free(os); } \
    WEFT_TEST(sim_##name) { \
        os = weft__sim_new(&(weft__sim_opts){ .seed = 5, .delay_max_ns = 1000 }); \
        WEFT_NEED(os != NULL); \
        name(); \
        WEFT_CHECK_EQ(weft__sim_open_fds(os), 0); \
        os->ops->free(os); \
    } \
    static void name(void)

static const weft__net_ops *net(void) { return os->ops->net; }

static weft__addr address(const char *host, int port)
{
    weft__addr a;
    WEFT_NEED(weft__addr_parse(weft_str_of(host), port, &a) == 0);
    return a;
}

/* Wait until this cookie is told of one of these. */
static void await(void *cookie, uint32_t ready)
{
    for (int i = 0; i < 100; i++) {
        weft__event e[8];
        int n = os->ops->wait(os, e, 8, 50 * 1000000LL);
        for (int k = 0; k < n; k++) {
            if (e[k].cookie == cookie && e[k].ready & ready) return;
        }
    }
    WEFT_NEED(!"the event came");
}

static int udp_at(const char *host, weft__addr *own)
{
    weft__addr any = address(host, 0);
    int fd = net()->udp(os, &any);
    WEFT_NEED(fd >= 0 && os->ops->local(os, fd, own) == 0);
    WEFT_NEED(os->ops->watch(os, fd, own, WEFT__WATCH_BOTH) == 0);
    return fd;
}

static void say_and_hear(const char *host)
{
    weft__addr a, b, from;
    char got[4] = "";
    int one = udp_at(host, &a), two = udp_at(host, &b);
    WEFT_CHECK_EQ(net()->udp_recv(os, two, got, 4, &from), -EAGAIN);
    WEFT_CHECK_EQ(net()->udp_send(os, one, "hello", 5, &b), 0);
    await(&b, WEFT__IN);
    WEFT_CHECK_EQ(net()->udp_recv(os, two, got, 4, &from), 5);
    WEFT_CHECK(!memcmp(got, "hell", 4) && weft__addr_equal(&from, &a));
    WEFT_CHECK_EQ(net()->udp_recv(os, two, got, 4, &from), -EAGAIN);
    WEFT_CHECK_EQ(net()->udp_send(os, two, "", 0, &from), 0);
    await(&a, WEFT__IN);
    WEFT_CHECK_EQ(net()->udp_recv(os, one, got, 4, &from), 0);
    os->ops->close(os, one);
    os->ops->close(os, two);
}

BOTH(datagrams_are_told_their_size_and_sender)
{
    say_and_hear("127.0.0.1");
    say_and_hear("::1");
}

BOTH(a_connected_datagram_socket_learns_that_nobody_is_there)
{
    weft__addr a, b;
    char got[4];
    int one = udp_at("127.0.0.1", &a), two = udp_at("127.0.0.1", &b);
    WEFT_CHECK_EQ(net()->udp_send(os, one, "x", 1, NULL), -EDESTADDRREQ);
    WEFT_CHECK_EQ(net()->udp_connect(os, one, &b), 0);
    os->ops->close(os, two);
    WEFT_CHECK_EQ(net()->udp_send(os, one, "x", 1, NULL), 0);
    await(&a, WEFT__IN | WEFT__HUP);
    weft__addr from;
    WEFT_CHECK_EQ(net()->udp_recv(os, one, got, 4, &from), WEFT_ECONNREFUSED);
    WEFT_CHECK_EQ(net()->udp_recv(os, one, got, 4, &from), -EAGAIN);
    os->ops->close(os, one);
}

BOTH(a_port_has_one_datagram_socket_and_no_unix_address)
{
    weft__addr a, path = address("unix:@x", 0);
    int one = udp_at("127.0.0.1", &a);
    WEFT_CHECK_EQ(net()->udp(os, &a), -EADDRINUSE);
    WEFT_CHECK_EQ(net()->udp(os, &path), -EAFNOSUPPORT);
    os->ops->close(os, one);
    int again = net()->udp(os, &a);
    WEFT_CHECK(again >= 0);
    os->ops->close(os, again);
}

WEFT_TEST(linux_a_path_is_listened_at_and_removed_unless_it_is_anothers)
{
    char path[64];
    struct stat st;
    weft__net_path made, second;
    os = weft__os_linux_new();
    WEFT_NEED(os != NULL);
    snprintf(path, sizeof path, "%s/s", weft__test_folder(WEFT__ON_DISK));
    weft__addr a = address(path, 0), in_none = address("/nowhere/at/all", 0);
    int fd = net()->listen(os, &a, 4, 0620, &made);
    WEFT_NEED(fd >= 0);
    WEFT_CHECK(made.made && lstat(path, &st) == 0 && (st.st_mode & 0777) == 0620);
    WEFT_CHECK_EQ(net()->listen(os, &a, 4, 0, &second), -EADDRINUSE);
    WEFT_CHECK(!second.made);
    os->ops->close(os, fd);
    fd = net()->listen(os, &a, 4, 0, &second);
    WEFT_CHECK(fd >= 0 && second.inode != 0);
    second.inode++;
    net()->unlink(os, &a, &second);
    WEFT_CHECK(lstat(path, &st) == 0);
    second.inode--;
    net()->unlink(os, &a, &second);
    WEFT_CHECK(lstat(path, &st) < 0);
    os->ops->close(os, fd);
    WEFT_CHECK_EQ(net()->listen(os, &in_none, 4, 0, &made), WEFT_ENOENT);
    os->ops->free(os);
}

static int lock_of(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    WEFT_NEED(fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0);
    return fd;
}

WEFT_TEST(linux_nobody_takes_a_path_over_while_another_one_is_at_it_in_that_folder)
{
    char path[64];
    struct stat st;
    weft__net_path made, second;
    os = weft__os_linux_new();
    WEFT_NEED(os != NULL);
    const char *folder = weft__test_folder(WEFT__ON_DISK);
    snprintf(path, sizeof path, "%s/s", folder);
    weft__addr a = address(path, 0);
    int fd = net()->listen(os, &a, 4, 0, &made);
    WEFT_NEED(fd >= 0 && made.made);
    os->ops->close(os, fd);
    int lock = lock_of(folder);                    /* between its look at who listens and its new listener, say */
    WEFT_CHECK_EQ(net()->listen(os, &a, 4, 0, &second), -EAGAIN);
    WEFT_CHECK_EQ(net()->unlink(os, &a, &made), -EAGAIN);
    WEFT_CHECK(!second.made && lstat(path, &st) == 0 && st.st_ino == made.inode);
    close(lock);
    fd = net()->listen(os, &a, 4, 0, &second);
    WEFT_CHECK(fd >= 0 && second.made);
    net()->unlink(os, &a, &second);
    WEFT_CHECK(lstat(path, &st) < 0);
    if (fd >= 0) os->ops->close(os, fd);
    os->ops->free(os);
}

static void *give_later(void *lock)
{
    usleep(50 * 1000);
    close(*(int *)lock);
    return NULL;
}

WEFT_TEST(linux_who_has_no_loop_waits_for_the_other_one_in_that_folder)
{
    char path[64];
    pthread_t other;
    weft__net_path made;
    os = weft__os_linux_new();
    WEFT_NEED(os != NULL);
    const char *folder = weft__test_folder(WEFT__ON_DISK);
    snprintf(path, sizeof path, "%s/s", folder);
    weft__addr a = address(path, 0);
    int lock = lock_of(folder);
    WEFT_NEED(pthread_create(&other, NULL, give_later, &lock) == 0);
    int fd = -EAGAIN;
    for (int i = 0; i < 5 && fd == -EAGAIN; i++) fd = weft__net_listen_soon(os, &a, 4, 0, &made);    /* the thread may come late */
    WEFT_CHECK(fd >= 0 && made.made);
    pthread_join(other, NULL);
    net()->unlink(os, &a, &made);
    if (fd >= 0) os->ops->close(os, fd);
    os->ops->free(os);
}

/* A supervisor's listener is closed long before its file goes: another program has the path by then, and the kernel gives the new file the old one's number. */
WEFT_TEST(linux_a_file_that_was_born_at_another_time_is_not_ours)
{
    char path[64];
    struct stat st;
    weft__net_path made;
    os = weft__os_linux_new();
    WEFT_NEED(os != NULL);
    snprintf(path, sizeof path, "%s/s", weft__test_folder(WEFT__ON_DISK));
    weft__addr a = address(path, 0);
    int fd = net()->listen(os, &a, 4, 0, &made);
    WEFT_NEED(fd >= 0);
    made.born_ns--;
    net()->unlink(os, &a, &made);
    WEFT_CHECK(lstat(path, &st) == 0);
    made.born_ns++;
    net()->unlink(os, &a, &made);
    WEFT_CHECK(lstat(path, &st) < 0);
    os->ops->close(os, fd);
    os->ops->free(os);
}

WEFT_TEST(linux_a_file_with_the_number_of_ours_is_not_ours)
{
    char path[64];
    struct stat st;
    weft__net_path made, next;
    bool same = false;
    os = weft__os_linux_new();
    WEFT_NEED(os != NULL);
    snprintf(path, sizeof path, "%s/s", weft__test_folder(WEFT__ON_DISK));
    weft__addr a = address(path, 0);
    for (int i = 0; i < 20 && !same; i++) {
        int fd = net()->listen(os, &a, 4, 0, &made);
        WEFT_NEED(fd >= 0);
        os->ops->close(os, fd);
        usleep(20 * 1000);                         /* files are born at ticks of the kernel's clock */
        fd = net()->listen(os, &a, 4, 0, &next);
        WEFT_NEED(fd >= 0);
        same = next.inode == made.inode && made.born_ns;
        net()->unlink(os, &a, &made);
        WEFT_CHECK(lstat(path, &st) == 0);
        net()->unlink(os, &a, &next);
        WEFT_CHECK(lstat(path, &st) < 0);
        os->ops->close(os, fd);
    }
    os->ops->free(os);
    if (!same) WEFT_SKIP("the file system of the build folder gives a number to no second file, or does not say when one was born");
}

/* ---- signals ---- */

static void send_signal(int number)
{
    if (os->ops->virtual_time) WEFT_NEED(weft__sim_raise(os, number, 0) == 0);
    else WEFT_NEED(raise(number) == 0);
}

BOTH(each_taker_of_a_signal_is_told_and_the_last_one_gives_it_back)
{
    const weft__signal_ops *t = os->ops->takers;
    weft__taker *a, *b;
    int first = 0, second = 0;
    uint64_t hup = weft__signal_bit(SIGHUP), usr = weft__signal_bit(SIGUSR1);
    signal(SIGHUP, SIG_DFL);                       /* nohup starts programs with it ignored */
    WEFT_CHECK_EQ(t->take(os, 0, &first, &a), WEFT_EINVAL);
    WEFT_CHECK_EQ(t->take(os, weft__signal_bit(SIGKILL), &first, &a), WEFT_EINVAL);
    WEFT_NEED(t->take(os, hup | usr, &first, &a) == 0 && t->take(os, hup, &second, &b) == 0);
    send_signal(SIGUSR1);
    await(&first, WEFT__IN);
    WEFT_CHECK_EQ(t->taken(a), usr);
    WEFT_CHECK_EQ(t->taken(a), 0);
    WEFT_CHECK_EQ(t->taken(b), 0);
    send_signal(SIGHUP);
    await(&second, WEFT__IN);
    WEFT_CHECK_EQ(t->taken(b), hup);
    WEFT_CHECK_EQ(t->taken(a), hup);
    t->drop(os, a);
    send_signal(SIGHUP);
    await(&second, WEFT__IN);
    t->drop(os, b);
    if (os->ops->virtual_time) return;
    struct sigaction now;
    sigaction(SIGHUP, NULL, &now);
    WEFT_CHECK(now.sa_handler == SIG_DFL);
}

static unsigned signals_told(void *cookie)
{
    weft__event e[8];
    unsigned seen = 0;
    for (int i = 0; i < 3; i++) {
        int n = os->ops->wait(os, e, 8, 20 * 1000000LL);
        for (int k = 0; k < n; k++) seen = e[k].cookie == cookie ? e[k].ready : seen;
    }
    return seen;
}

BOTH(sigterm_goes_to_its_taker_and_back_to_the_program)
{
    const weft__signal_ops *t = os->ops->takers;
    weft__taker *a;
    int taker = 0, program = 0;
    WEFT_NEED(os->ops->signals(os, &program) == 0);
    WEFT_NEED(t->take(os, weft__signal_bit(SIGTERM), &taker, &a) == 0);
    send_signal(SIGTERM);
    WEFT_CHECK_EQ(signals_told(&program), 0);
    WEFT_CHECK_EQ(t->taken(a), weft__signal_bit(SIGTERM));
    t->drop(os, a);
    send_signal(SIGTERM);
    WEFT_CHECK_EQ(signals_told(&program), 1);
    os->ops->signals(os, NULL);
}
