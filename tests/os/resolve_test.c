#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "os/parts.h"
#include "weft/check.h"

/* ---- with getaddrinfo ---- */

static weft__resolve *told(weft__os *os, const char *host, int port)
{
    weft__event e[4];
    int cookie;
    weft__resolve *r = os->ops->resolve(os, host, port, &cookie);
    WEFT_NEED(r != NULL);
    int n = 0;
    for (int i = 0; i < 100 && !n; i++) n = os->ops->wait(os, e, 4, 1000000000);
    WEFT_NEED(n == 1 && e[0].cookie == &cookie && e[0].ready == WEFT__IN);
    return r;
}

static int result(const char *host, int port, weft__addr *out, const char **why)
{
    weft__os *os = weft__os_linux_new();
    WEFT_NEED(os != NULL);
    weft__resolve *r = told(os, host, port);
    int n = os->ops->resolved(r, out, WEFT__ADDRS_MAX, why);
    os->ops->resolve_free(os, r);
    os->ops->free(os);
    return n;
}

WEFT_TEST(localhost_has_addresses)
{
    weft__addr out[WEFT__ADDRS_MAX];
    const char *why = "untouched";
    char text[64];
    int n = result("localhost", 8000, out, &why);
    WEFT_CHECK(n >= 1);
    WEFT_CHECK(why == NULL);
    for (int i = 0; i < n; i++) {
        weft__addr_format(&out[i], text);
        WEFT_CHECK(!strcmp(text, "127.0.0.1:8000") || !strcmp(text, "[::1]:8000"));
    }
}

WEFT_TEST(an_unknown_name_is_an_error_with_its_reason)
{
    weft__addr out[WEFT__ADDRS_MAX];
    const char *why = NULL;
    WEFT_CHECK_EQ(result("no-such-host.invalid", 80, out, &why), WEFT_EDNS);
    WEFT_CHECK(why && *why);
}

WEFT_TEST(a_literal_resolves_to_itself)
{
    weft__addr out[WEFT__ADDRS_MAX];
    const char *why;
    char text[64];
    WEFT_CHECK_EQ(result("192.0.2.9", 80, out, &why), 1);
    weft__addr_format(out, text);
    WEFT_CHECK_STR(weft_str_of(text), "192.0.2.9:80");
    WEFT_CHECK_EQ(result("::1", 80, out, &why), 1);
}

WEFT_TEST(what_can_be_no_name_is_refused)
{
    weft__addr out[WEFT__ADDRS_MAX];
    const char *why;
    char *longest = malloc(100000);
    WEFT_NEED(longest != NULL);
    memset(longest, 'a', 99999);
    longest[99999] = 0;
    WEFT_CHECK_EQ(result(longest, 80, out, &why), WEFT_EDNS);
    WEFT_CHECK_STR(weft_str_of(why), "the host name is longer than 253 bytes");
    longest[254] = 0;
    WEFT_CHECK_EQ(result(longest, 80, out, &why), WEFT_EDNS);
    WEFT_CHECK_STR(weft_str_of(why), "the host name is longer than 253 bytes");
    WEFT_CHECK_EQ(result("", 80, out, &why), WEFT_EDNS);
    WEFT_CHECK_STR(weft_str_of(why), "the host name is empty");
    WEFT_CHECK_EQ(result("localhost", 65536, out, &why), WEFT_EDNS);
    WEFT_CHECK_STR(weft_str_of(why), "the port is not in 0 to 65535");
    free(longest);
}

WEFT_TEST(a_hundred_names_at_once_are_all_told)
{
    weft__os *os = weft__os_linux_new();
    WEFT_NEED(os != NULL);
    weft__resolve *all[100];
    weft__event e[7];
    int seen[100] = { 0 }, total = 0;
    for (int i = 0; i < 100; i++) WEFT_NEED((all[i] = os->ops->resolve(os, i % 2 ? "localhost" : "127.0.0.1", i, seen + i)) != NULL);
    for (int i = 0; i < 1000 && total < 100; i++) {
        int n = os->ops->wait(os, e, 7, 1000000000);
        for (int k = 0; k < n; k++) ++*(int *)e[k].cookie, total++;
    }
    weft__addr out[WEFT__ADDRS_MAX];
    for (int i = 0; i < 100; i++) {
        WEFT_CHECK_EQ(seen[i], 1);
        WEFT_CHECK(os->ops->resolved(all[i], out, WEFT__ADDRS_MAX, NULL) >= 1);
        WEFT_CHECK_EQ(weft__addr_port(out), i);
        os->ops->resolve_free(os, all[i]);
    }
    os->ops->free(os);
}

WEFT_TEST(names_freed_before_their_end_are_not_told)
{
    weft__os *os = weft__os_linux_new();
    WEFT_NEED(os != NULL);
    weft__event e[4];
    for (int i = 0; i < 20; i++) {
        os->ops->resolve_free(os, os->ops->resolve(os, "localhost", 1, e));
        os->ops->resolve_free(os, os->ops->resolve(os, "127.0.0.1", 1, e));
    }
    for (int i = 0; i < 5; i++) WEFT_CHECK_EQ(os->ops->wait(os, e, 4, 10000000), 0);
    os->ops->free(os);
}

/* A worker that was forked after its parent had resolved a name has none of the parent's threads. */
WEFT_TEST(a_forked_child_may_free_its_parents_os_and_use_its_own)
{
    weft__os *os = weft__os_linux_new();
    WEFT_NEED(os != NULL);
    os->ops->resolve_free(os, told(os, "localhost", 1));
    pid_t pid = fork();
    WEFT_NEED(pid >= 0);
    if (!pid) {
        alarm(20);
        os->ops->free(os);
        weft__addr out[WEFT__ADDRS_MAX];      /* a literal: TSan and qemu-user forbid threads after such a fork */
        _exit(result("192.0.2.1", 1, out, NULL) == 1 ? 0 : 1);
    }
    int status = -1;
    WEFT_CHECK_EQ(waitpid(pid, &status, 0), pid);
    WEFT_CHECK_EQ(status, 0);
    os->ops->resolve_free(os, told(os, "localhost", 1));
    os->ops->free(os);
}

/* ---- with look-ups that wait until they are let go ---- */

static sem_t gate;
static atomic_int inside, most_inside, allocated;

static int held(const char *host, const char *service, const struct addrinfo *want, struct addrinfo **list)
{
    (void)service;
    int now = ++inside, most = most_inside;
    while (now > most && !atomic_compare_exchange_weak(&most_inside, &most, now)) continue;
    while (sem_wait(&gate)) continue;
    inside--;
    if (!strcmp(host, "nowhere")) return EAI_AGAIN;
    if (!strcmp(host, "no-memory")) return EAI_MEMORY;
    struct addrinfo numeric = *want;
    numeric.ai_flags = AI_NUMERICHOST;
    return getaddrinfo("192.0.2.1", NULL, &numeric, list);
}

static void *counted(void *ctx, void *ptr, size_t size)
{
    (void)ctx;
    if (!size) allocated -= ptr != NULL;
    else if (!ptr) allocated++;
    if (size) return realloc(ptr, size);
    free(ptr);
    return NULL;
}

typedef struct pool { weft__resolver *r; weft__bell *bell; } pool;

static pool pool_open(void)
{
    sem_init(&gate, 0, 0);
    weft_set_allocator(counted, NULL);
    pool p = { .bell = weft__bell_new() };
    WEFT_NEED(p.bell != NULL);
    p.r = weft__resolver_new(p.bell, held);
    WEFT_NEED(p.r != NULL);
    return p;
}

static void pool_close(pool *p)
{
    weft__resolver_free(p->r);
    weft__bell_drop(p->bell);
}

static void let_go(int n)
{
    while (n--) sem_post(&gate);
}

/* Waits until the pool tells of n look-ups; their cookies are ints, counted up. */
static void pool_tell(pool *p, int n)
{
    weft__event e[8];
    while (n > 0) {
        struct pollfd ready = { .fd = p->bell->fd, .events = POLLIN };
        uint64_t drop;
        WEFT_NEED(poll(&ready, 1, 4000) == 1);
        WEFT_NEED(read(p->bell->fd, &drop, sizeof drop) == sizeof drop);
        for (int got; (got = weft__resolver_told(p->r, e, 8)) > 0; n -= got)
            for (int i = 0; i < got; i++) ++*(int *)e[i].cookie;
    }
    WEFT_CHECK_EQ(n, 0);
}

static void wait_for(atomic_int *what, int value)
{
    for (int i = 0; i < 4000 && *what != value; i++) usleep(1000);
    WEFT_NEED(*what == value);
}

static weft__resolve *start(pool *p, const char *host, int port, int *seen)
{
    weft__resolve *r = weft__resolver_start(p->r, host, port, seen);
    WEFT_NEED(r != NULL);
    return r;
}

WEFT_TEST(at_most_4_names_are_looked_up_at_a_time)
{
    pool p = pool_open();
    weft__resolve *all[20];
    int seen[20] = { 0 };
    for (int i = 0; i < 20; i++) all[i] = start(&p, "x", i, seen + i);
    wait_for(&inside, 4);
    let_go(20);
    pool_tell(&p, 20);
    WEFT_CHECK_EQ(most_inside, 4);
    for (int i = 0; i < 20; i++) {
        WEFT_CHECK_EQ(seen[i], 1);
        weft__resolver_end(p.r, all[i]);
    }
    pool_close(&p);
    WEFT_CHECK_EQ(allocated, 0);
}

static int threads(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/task");
    WEFT_NEED(dir != NULL);
    while (readdir(dir)) n++;
    closedir(dir);
    return n;
}

WEFT_TEST(threads_are_started_on_demand)
{
    pool p = pool_open();
    weft__resolve *all[6];
    int seen = 0, before = threads();
    weft__resolver_end(p.r, start(&p, "127.0.0.1", 1, &seen));
    WEFT_CHECK_EQ(threads(), before);
    for (int i = 0; i < 6; i++) {
        all[i] = start(&p, "x", 1, &seen);
        if (i < 4) wait_for(&inside, i + 1);
        if (i == 0) before = threads();      /* TSan has started one of its own by now */
        WEFT_CHECK_EQ(threads(), before + (i < 3 ? i : 3));
    }
    let_go(6);
    pool_tell(&p, 6);
    for (int i = 0; i < 6; i++) weft__resolver_end(p.r, all[i]);
    pool_close(&p);
    WEFT_CHECK_EQ(allocated, 0);
}

WEFT_TEST(the_reasons_of_failures_are_told)
{
    pool p = pool_open();
    weft__addr out[4];
    const char *why;
    int seen = 0;
    weft__resolve *a = start(&p, "nowhere", 1, &seen), *b = start(&p, "no-memory", 1, &seen);
    WEFT_CHECK_EQ(weft__resolver_result(a, out, 4, &why), WEFT_EBUSY);
    let_go(2);
    pool_tell(&p, 2);
    WEFT_CHECK_EQ(weft__resolver_result(a, out, 4, &why), WEFT_EDNS);
    WEFT_CHECK_STR(weft_str_of(why), gai_strerror(EAI_AGAIN));
    WEFT_CHECK_EQ(weft__resolver_result(b, out, 4, &why), WEFT_ENOMEM);
    weft__resolver_end(p.r, a);
    weft__resolver_end(p.r, b);
    pool_close(&p);
}

WEFT_TEST(more_than_1024_waiting_names_are_refused)
{
    enum { RUNNING = 4, WAITING = 1024, REFUSED = 3, ALL = RUNNING + WAITING + REFUSED };
    static weft__resolve *all[ALL];
    pool p = pool_open();
    weft__addr out[4];
    const char *why;
    int seen[2] = { 0 };
    for (int i = 0; i < RUNNING; i++) all[i] = start(&p, "x", 1, &seen[0]);
    wait_for(&inside, RUNNING);
    for (int i = RUNNING; i < ALL; i++) all[i] = start(&p, "x", 1, &seen[i >= RUNNING + WAITING]);
    pool_tell(&p, REFUSED);
    WEFT_CHECK_EQ(seen[1], REFUSED);
    WEFT_CHECK_EQ(weft__resolver_result(all[ALL - 1], out, 4, &why), WEFT_ELIMIT);
    WEFT_CHECK_STR(weft_str_of(why), "1024 names are waiting to be resolved already");
    weft__resolver_end(p.r, all[RUNNING]);
    all[RUNNING] = start(&p, "x", 1, &seen[0]);
    let_go(RUNNING + WAITING);
    pool_tell(&p, RUNNING + WAITING);
    for (int i = 0; i < ALL; i++) {
        WEFT_CHECK_EQ(weft__resolver_result(all[i], out, 4, &why), i < RUNNING + WAITING ? 1 : WEFT_ELIMIT);
        weft__resolver_end(p.r, all[i]);
    }
    pool_close(&p);
    WEFT_CHECK_EQ(allocated, 0);
}

WEFT_TEST(a_name_may_be_freed_while_it_waits_runs_or_has_ended)
{
    pool p = pool_open();
    int seen[7] = { 0 };
    weft__resolve *r[7];
    for (int i = 0; i < 7; i++) r[i] = start(&p, "x", 1, seen + i);
    wait_for(&inside, 4);
    weft__resolver_end(p.r, r[0]);           /* runs */
    weft__resolver_end(p.r, r[5]);           /* waits, between two others */
    weft__resolver_end(p.r, r[6]);           /* waits, last */
    weft__resolve *late = start(&p, "x", 1, seen + 6);
    weft__resolve *ended = start(&p, "127.0.0.1", 1, seen + 5);
    weft__resolver_end(p.r, ended);
    let_go(6);
    pool_tell(&p, 5);
    static const int want[] = { 0, 1, 1, 1, 1, 0, 1 };
    for (int i = 0; i < 7; i++) WEFT_CHECK_EQ(seen[i], want[i]);
    for (int i = 1; i < 5; i++) weft__resolver_end(p.r, r[i]);
    weft__resolver_end(p.r, late);
    pool_close(&p);
    wait_for(&allocated, 0);                 /* the thread of the one that ran frees it when it is through */
}

WEFT_TEST(the_end_of_the_pool_waits_for_no_look_up)
{
    pool p = pool_open();
    int seen = 0;
    for (int i = 0; i < 6; i++) {
        weft__resolve *r = start(&p, "x", 1, &seen);
        if (i < 4) wait_for(&inside, i + 1);
        weft__resolver_end(p.r, r);
    }
    pool_close(&p);
    WEFT_CHECK_EQ(inside, 4);
    WEFT_CHECK(allocated > 0);
    let_go(4);
    wait_for(&allocated, 0);
    WEFT_CHECK_EQ(seen, 0);
}

static int fail_at;
static void *scarce(void *ctx, void *ptr, size_t size)
{
    if (size && !--fail_at) return NULL;
    return counted(ctx, ptr, size);
}

WEFT_TEST(without_memory_there_is_no_os_no_watch_and_no_name)
{
    weft_set_allocator(scarce, NULL);
    for (int i = 1; i <= 2; i++) {
        fail_at = i;
        WEFT_CHECK(weft__os_linux_new() == NULL);
    }
    weft__os *os = weft__os_linux_new();
    WEFT_NEED(os != NULL);
    int fd = eventfd(0, 0), cookie;
    fail_at = 1;
    WEFT_CHECK_EQ(os->ops->watch(os, fd, &cookie, WEFT__WATCH_BOTH), WEFT_ENOMEM);
    WEFT_CHECK_EQ(os->ops->watch(os, fd, &cookie, WEFT__WATCH_BOTH), 0);
    for (int i = 1; i <= 3; i++) {
        fail_at = i;
        WEFT_CHECK(os->ops->resolve(os, "127.0.0.1", 1, &cookie) == NULL);
    }
    weft__resolve *r = os->ops->resolve(os, "127.0.0.1", 1, &cookie);
    WEFT_CHECK(r != NULL);
    os->ops->resolve_free(os, r);
    os->ops->close(os, fd);
    os->ops->free(os);
    WEFT_CHECK_EQ(allocated, 0);
}
