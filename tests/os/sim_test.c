#include <errno.h>
#include <string.h>
#include <time.h>
#include "net.h"
#include "support/failing.h"

#define OPS (os->ops)

static weft__os *new_sim(const weft__sim_opts *opts)
{
    weft__os *os = weft__sim_new(opts);
    WEFT_NEED(os != NULL);
    return os;
}

static const int64_t MS = 1000000, S = 1000000000;

static weft__addr at(const char *host, int port)
{
    weft__addr a;
    WEFT_NEED(weft__addr_parse(weft_str_of(host), port, &a) == 0);
    return a;
}

/* ---- time ---- */

WEFT_TEST(a_virtual_year_of_seconds_takes_no_real_time)
{
    weft__os *os = new_sim(&(weft__sim_opts){ .seed = 1 });
    weft__event e[4];
    int64_t from = OPS->now_ns(os), real = (int64_t)clock();
    for (int i = 0; i < 365 * 24; i++) WEFT_CHECK_EQ(OPS->wait(os, e, 4, 3600 * S), 0);
    WEFT_CHECK_EQ(OPS->now_ns(os) - from, 365 * 86400 * S);
    WEFT_CHECK((int64_t)clock() - real < CLOCKS_PER_SEC);
    OPS->free(os);
}

WEFT_TEST(a_wait_for_what_can_never_come_is_a_deadlock)
{
    weft__os *os = new_sim(&(weft__sim_opts){ 0 });
    weft__addr a = at("127.0.0.1", 80);
    weft__event e[4];
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, -1), WEFT_EDEADLK);
    int l = OPS->listen(os, &a, 1);
    OPS->watch(os, l, e, true);
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, -1), WEFT_EDEADLK);
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, 5), 0);
    OPS->close(os, l);
    OPS->free(os);
}

WEFT_TEST(a_wall_clock_that_is_set_back_leaves_the_monotonic_one_alone)
{
    weft__os *os = new_sim(&(weft__sim_opts){ .wall_us = 1700000000 * (int64_t)1000000 });
    weft__event e[4];
    WEFT_CHECK_EQ(OPS->wall_us(os), 1700000000 * (int64_t)1000000);
    int64_t now = OPS->now_ns(os);
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, S), 0);
    WEFT_CHECK_EQ(OPS->wall_us(os), 1700000001 * (int64_t)1000000);
    weft__sim_set_wall(os, 1000000);
    WEFT_CHECK_EQ(OPS->wall_us(os), 1000000);
    WEFT_CHECK_EQ(OPS->now_ns(os), now + S);
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, S), 0);
    WEFT_CHECK_EQ(OPS->wall_us(os), 2000000);
    OPS->free(os);
}

/* Connected: two descriptors of one world, both watched with their own place as cookie. */
static void pair(weft__os *os, int fds[2], int *listener)
{
    weft__addr a = at("127.0.0.1", 80), peer;
    weft__event e[4];
    *listener = OPS->listen(os, &a, 8);
    fds[0] = OPS->connect(os, &a);
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, 10 * S), 0);
    fds[1] = OPS->accept(os, *listener, &peer);
    WEFT_NEED(fds[0] > 0 && fds[1] > 0);
    for (int i = 0; i < 2; i++) WEFT_CHECK_EQ(OPS->watch(os, fds[i], fds + i, false), 0);
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, 0), 2);
}

static void part(weft__os *os, int fds[2], int listener)
{
    OPS->close(os, fds[0]);
    OPS->close(os, fds[1]);
    OPS->close(os, listener);
    WEFT_CHECK_EQ(weft__sim_open_fds(os), 0);
    OPS->free(os);
}

WEFT_TEST(delays_hold)
{
    weft__os *os = new_sim(&(weft__sim_opts){ .seed = 3, .delay_min_ns = 10 * MS, .delay_max_ns = 30 * MS });
    int fds[2], l;
    pair(os, fds, &l);
    char byte;
    weft__event e[4];
    int64_t least = INT64_MAX, most = 0;
    for (int i = 0; i < 300; i++) {
        int64_t from = OPS->now_ns(os);
        WEFT_CHECK_EQ(OPS->send(os, fds[0], &(struct iovec){ "x", 1 }, 1), 1);
        WEFT_CHECK_EQ(OPS->wait(os, e, 4, -1), 1);
        WEFT_CHECK_EQ(OPS->recv(os, fds[1], &byte, 1), 1);
        int64_t took = OPS->now_ns(os) - from;
        if (took < least) least = took;
        if (took > most) most = took;
    }
    WEFT_CHECK(least >= 10 * MS && least < 12 * MS);
    WEFT_CHECK(most <= 30 * MS && most > 28 * MS);
    part(os, fds, l);
}

WEFT_TEST(a_connect_takes_a_way_there_and_one_back)
{
    weft__os *os = new_sim(&(weft__sim_opts){ .delay_min_ns = 10 * MS });
    weft__addr a = at("127.0.0.1", 80);
    weft__event e[4];
    int l = OPS->listen(os, &a, 8);
    for (int i = 0; i < 2; i++) {
        int c = OPS->connect(os, &a);
        OPS->watch(os, c, e, false);
        int64_t from = OPS->now_ns(os);
        WEFT_CHECK_EQ(OPS->wait(os, e, 4, -1), 1);
        WEFT_CHECK_EQ(OPS->now_ns(os) - from, 20 * MS);
        WEFT_CHECK_EQ(OPS->connect_result(os, c), i ? WEFT_ECONNREFUSED : 0);
        OPS->close(os, c);
        if (!i) OPS->close(os, l);
    }
    OPS->free(os);
}

WEFT_TEST(later_bytes_never_overtake_earlier_ones)
{
    weft__os *os = new_sim(&(weft__sim_opts){ .seed = 21, .delay_max_ns = 50 * MS });
    int fds[2], l, next = 0;
    pair(os, fds, &l);
    for (int i = 0; i < 100; i++) {
        char byte = (char)i;
        WEFT_CHECK_EQ(OPS->send(os, fds[0], &(struct iovec){ &byte, 1 }, 1), 1);
    }
    OPS->shutdown(os, fds[0]);
    weft__event e[4];
    for (ssize_t n = 1; n;) {
        char bytes[128];
        WEFT_NEED(OPS->wait(os, e, 4, -1) == 1);
        n = OPS->recv(os, fds[1], bytes, sizeof bytes);
        WEFT_NEED(n >= 0 || next == 100);
        for (ssize_t i = 0; i < n; i++) WEFT_CHECK_EQ(bytes[i], next++);
    }
    WEFT_CHECK_EQ(next, 100);
    part(os, fds, l);
}

/* ---- faults ---- */

WEFT_TEST(a_failure_hits_the_call_it_was_meant_for)
{
    weft__os *os = new_sim(&(weft__sim_opts){ 0 });
    int fds[2], l;
    pair(os, fds, &l);
    struct iovec x = { "x", 1 };
    WEFT_CHECK_EQ(weft__sim_fail(os, "send", 3, -ENOBUFS), 0);
    WEFT_CHECK_EQ(weft__sim_fail(os, "recv", 1, WEFT_ETIMEDOUT), 0);
    WEFT_CHECK_EQ(OPS->send(os, fds[0], &x, 1), 1);
    WEFT_CHECK_EQ(OPS->send(os, fds[0], &x, 1), 1);
    WEFT_CHECK_EQ(OPS->send(os, fds[0], &x, 1), -ENOBUFS);
    WEFT_CHECK_EQ(OPS->send(os, fds[0], &x, 1), 1);
    char bytes[4];
    WEFT_CHECK_EQ(OPS->recv(os, fds[1], bytes, 4), WEFT_ETIMEDOUT);
    WEFT_CHECK_EQ(OPS->recv(os, fds[1], bytes, 4), -EAGAIN);
    part(os, fds, l);
}

WEFT_TEST(each_operation_can_be_made_to_fail)
{
    weft__os *os = new_sim(&(weft__sim_opts){ 0 });
    weft__addr a = at("127.0.0.1", 80), peer;
    weft__event e[4];
    const char *why;
    weft__sim_fail(os, "listen", 1, -EADDRINUSE);
    weft__sim_fail(os, "connect", 1, -ENETUNREACH);
    weft__sim_fail(os, "accept", 1, -EMFILE);
    weft__sim_fail(os, "watch", 1, WEFT_ENOMEM);
    weft__sim_fail(os, "resolve", 1, WEFT_EDNS);
    WEFT_CHECK_EQ(OPS->listen(os, &a, 1), -EADDRINUSE);
    WEFT_CHECK_EQ(OPS->connect(os, &a), -ENETUNREACH);
    int l = OPS->listen(os, &a, 1);
    WEFT_CHECK_EQ(OPS->watch(os, l, e, true), WEFT_ENOMEM);
    WEFT_CHECK_EQ(OPS->accept(os, l, &peer), -EMFILE);
    WEFT_CHECK_EQ(OPS->accept(os, l, &peer), -EAGAIN);
    weft__resolve *r = OPS->resolve(os, "127.0.0.1", 80, &a);
    WEFT_NEED(r != NULL && OPS->wait(os, e, 4, -1) == 1);
    WEFT_CHECK_EQ(OPS->resolved(r, &peer, 1, &why), WEFT_EDNS);
    WEFT_CHECK_STR(weft_str_of(why), "failed on request");
    OPS->resolve_free(os, r);
    OPS->close(os, l);
    OPS->free(os);
}

WEFT_TEST(a_failure_that_makes_no_sense_is_refused)
{
    weft__os *os = new_sim(&(weft__sim_opts){ 0 });
    WEFT_CHECK_EQ(weft__sim_fail(os, "sned", 1, -EPIPE), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft__sim_fail(os, "send", 0, -EPIPE), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft__sim_fail(os, "send", 1, 0), WEFT_EINVAL);
    for (int i = 0; i < 32; i++) WEFT_CHECK_EQ(weft__sim_fail(os, "send", 1000, -EPIPE), 0);
    WEFT_CHECK_EQ(weft__sim_fail(os, "send", 1000, -EPIPE), WEFT_ELIMIT);
    OPS->free(os);
}

/* Else a program that waits for the edge, as it must, would wait for ever. */
WEFT_TEST(a_spurious_eagain_is_followed_by_an_edge)
{
    weft__os *os = new_sim(&(weft__sim_opts){ .window = 8 });
    int fds[2], l;
    char bytes[8];
    weft__event e[4];
    pair(os, fds, &l);
    weft__sim_fail(os, "send", 1, -EAGAIN);
    WEFT_CHECK_EQ(OPS->send(os, fds[0], &(struct iovec){ "1234567", 7 }, 1), -EAGAIN);
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, -1), 1);
    WEFT_CHECK(e[0].cookie == fds && e[0].ready & WEFT__OUT);
    WEFT_CHECK_EQ(OPS->send(os, fds[0], &(struct iovec){ "1234567", 7 }, 1), 7);
    weft__sim_fail(os, "send", 1, -EAGAIN);
    WEFT_CHECK_EQ(OPS->send(os, fds[0], &(struct iovec){ "8", 1 }, 1), -EAGAIN);
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, -1), 1);
    weft__sim_fail(os, "recv", 1, -EAGAIN);
    WEFT_CHECK_EQ(OPS->recv(os, fds[1], bytes, 8), -EAGAIN);
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, -1), 1);
    WEFT_CHECK(e[0].cookie == fds + 1 && e[0].ready & WEFT__IN);
    WEFT_CHECK_EQ(OPS->recv(os, fds[1], bytes, 8), 7);
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, -1), 1);
    WEFT_CHECK(e[0].cookie == fds && e[0].ready & WEFT__OUT);
    part(os, fds, l);
}

WEFT_TEST(a_reset_by_chance_breaks_both_ends)
{
    weft__os *os = new_sim(&(weft__sim_opts){ .seed = 1, .reset_permille = 1000 });
    int fds[2], l;
    char byte;
    weft__event e[4];
    pair(os, fds, &l);
    WEFT_CHECK_EQ(OPS->send(os, fds[0], &(struct iovec){ "x", 1 }, 1), WEFT_ECONNRESET);
    WEFT_CHECK_EQ(OPS->send(os, fds[0], &(struct iovec){ "x", 1 }, 1), -EPIPE);
    WEFT_CHECK_EQ(OPS->recv(os, fds[0], &byte, 1), 0);
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, -1), 2);
    WEFT_CHECK(e[0].ready & WEFT__HUP && e[1].ready & WEFT__HUP);
    WEFT_CHECK_EQ(OPS->recv(os, fds[1], &byte, 1), WEFT_ECONNRESET);
    part(os, fds, l);
}

WEFT_TEST(a_connect_may_be_refused_by_chance)
{
    weft__os *os = new_sim(&(weft__sim_opts){ .seed = 1, .refuse_permille = 500 });
    weft__addr a = at("127.0.0.1", 80);
    weft__event e[4];
    int l = OPS->listen(os, &a, 200), refused = 0;
    for (int i = 0; i < 100; i++) {
        int c = OPS->connect(os, &a);
        OPS->watch(os, c, e, false);
        WEFT_CHECK_EQ(OPS->wait(os, e, 4, -1), 1);
        refused += OPS->connect_result(os, c) == WEFT_ECONNREFUSED;
        OPS->close(os, c);
    }
    WEFT_CHECK(refused > 25 && refused < 75);
    OPS->close(os, l);
    OPS->free(os);
}

WEFT_TEST(a_full_queue_lets_connects_try_again_and_give_up)
{
    weft__os *os = new_sim(&(weft__sim_opts){ 0 });
    weft__addr a = at("127.0.0.1", 80), peer;
    weft__event e[4];
    int l = OPS->listen(os, &a, 1), c[3];
    for (int i = 0; i < 3; i++) OPS->watch(os, c[i] = OPS->connect(os, &a), c + i, false);
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, 100 * MS), 1);
    WEFT_CHECK(e[0].cookie == c);
    WEFT_CHECK_EQ(OPS->connect_result(os, c[1]), -EINPROGRESS);
    int first = OPS->accept(os, l, &peer);
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, 2 * S), 1);
    WEFT_CHECK(e[0].cookie == c + 1);
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, -1), 1);
    WEFT_CHECK(e[0].cookie == c + 2);
    WEFT_CHECK_EQ(OPS->connect_result(os, c[2]), WEFT_ETIMEDOUT);
    for (int i = 0; i < 3; i++) OPS->close(os, c[i]);
    OPS->close(os, first);
    OPS->close(os, l);
    OPS->free(os);
}

WEFT_TEST(a_client_that_gives_up_leaves_nothing_alive)
{
    weft__os *os = new_sim(&(weft__sim_opts){ .delay_min_ns = 10 * MS });
    weft__addr a = at("127.0.0.1", 80), peer;
    weft__event e[4];
    char byte;
    int l = OPS->listen(os, &a, 4), early = OPS->connect(os, &a), late = OPS->connect(os, &a);
    OPS->close(os, early);                      /* before the server knows of it */
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, 15 * MS), 0);
    OPS->close(os, late);                       /* while the answer is on its way */
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, S), 0);
    int s = OPS->accept(os, l, &peer);
    WEFT_CHECK_EQ(OPS->recv(os, s, &byte, 1), WEFT_ECONNRESET);
    WEFT_CHECK_EQ(OPS->accept(os, l, &peer), -EAGAIN);
    OPS->close(os, s);
    OPS->close(os, l);
    WEFT_CHECK_EQ(weft__sim_open_fds(os), 0);
    OPS->free(os);
}

/* ---- addresses, descriptors ---- */

WEFT_TEST(a_listener_on_the_wildcard_takes_all_of_its_family)
{
    weft__os *os = new_sim(&(weft__sim_opts){ 0 });
    weft__addr any = at("0.0.0.0", 80), one = at("192.0.2.7", 80), six = at("::1", 80), own, peer;
    weft__event e[4];
    int l = OPS->listen(os, &any, 4);
    WEFT_CHECK_EQ(OPS->listen(os, &one, 4), -EADDRINUSE);
    int c = OPS->connect(os, &one), c6 = OPS->connect(os, &six);
    OPS->watch(os, c, &c, false);
    OPS->watch(os, c6, &c6, false);
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, -1), 2);
    WEFT_CHECK_EQ(OPS->connect_result(os, c), 0);
    WEFT_CHECK_EQ(OPS->connect_result(os, c6), WEFT_ECONNREFUSED);
    int s = OPS->accept(os, l, &peer);
    WEFT_CHECK_EQ(OPS->local(os, s, &own), 0);
    WEFT_CHECK(weft__addr_equal(&own, &one));
    int fds[] = { s, c, c6, l };
    for (int i = 0; i < 4; i++) OPS->close(os, fds[i]);
    OPS->free(os);
}

WEFT_TEST(port_0_is_a_port_of_its_own_each_time)
{
    weft__os *os = new_sim(&(weft__sim_opts){ 0 });
    weft__addr a = at("127.0.0.1", 0), first, second;
    int l = OPS->listen(os, &a, 4), m = OPS->listen(os, &a, 4);
    OPS->local(os, l, &first);
    OPS->local(os, m, &second);
    WEFT_CHECK(weft__addr_port(&first) > 0 && weft__addr_port(&second) > 0);
    WEFT_CHECK(weft__addr_port(&first) != weft__addr_port(&second));
    OPS->close(os, l);
    OPS->close(os, m);
    OPS->free(os);
}

WEFT_TEST(the_number_of_a_closed_descriptor_does_not_come_again_soon)
{
    weft__os *os = new_sim(&(weft__sim_opts){ 0 });
    weft__addr a = at("127.0.0.1", 80);
    int first = OPS->connect(os, &a);
    WEFT_CHECK(first >= 1000000);
    OPS->close(os, first);
    for (int i = 0; i < 30000; i++) {
        int fd = OPS->connect(os, &a);
        WEFT_NEED(fd > 0 && fd != first);
        OPS->close(os, fd);
    }
    WEFT_CHECK_EQ(weft__sim_open_fds(os), 0);
    OPS->free(os);
}

WEFT_TEST(descriptors_run_out_at_65536)
{
    weft__os *os = new_sim(&(weft__sim_opts){ 0 });
    weft__addr a = at("127.0.0.1", 80);
    int *fds = calloc(65536, sizeof *fds);
    for (int i = 0; i < 65536; i++) fds[i] = OPS->connect(os, &a);
    WEFT_CHECK(fds[65535] > 0);
    WEFT_CHECK_EQ(weft__sim_open_fds(os), 65536);
    WEFT_CHECK_EQ(OPS->connect(os, &a), -EMFILE);
    OPS->close(os, fds[7]);
    fds[7] = OPS->connect(os, &a);
    WEFT_CHECK(fds[7] > 0);
    for (int i = 0; i < 65536; i++) OPS->close(os, fds[i]);
    free(fds);
    OPS->free(os);
}

/* ---- names, signals ---- */

static int look_up(weft__os *os, const char *host, weft__addr *out, const char **why)
{
    weft__event e[4];
    weft__resolve *r = OPS->resolve(os, host, 80, &e);
    WEFT_NEED(r != NULL);
    WEFT_CHECK_EQ(OPS->resolved(r, out, 4, why), WEFT_EBUSY);
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, -1), 1);
    WEFT_CHECK(e[0].cookie == &e);
    int n = OPS->resolved(r, out, 4, why);
    OPS->resolve_free(os, r);
    return n;
}

WEFT_TEST(names_have_the_addresses_they_were_given_in_their_order)
{
    weft__os *os = new_sim(&(weft__sim_opts){ .resolve_ns = 7 * MS });
    weft__addr got[4];
    const char *why = "untouched";
    WEFT_CHECK_EQ(weft__sim_name(os, "db.test", "10.0.0.2"), 0);
    WEFT_CHECK_EQ(weft__sim_name(os, "db.test", "fd00::2"), 0);
    WEFT_CHECK_EQ(weft__sim_name(os, "db.test", "elsewhere"), WEFT_EINVAL);
    int64_t from = OPS->now_ns(os);
    WEFT_NEED(look_up(os, "DB.test", got, &why) == 2);
    WEFT_CHECK(why == NULL);
    WEFT_CHECK_EQ(OPS->now_ns(os) - from, 7 * MS);
    weft__addr want[] = { at("10.0.0.2", 80), at("fd00::2", 80) };
    WEFT_CHECK(weft__addr_equal(&got[0], &want[0]) && weft__addr_equal(&got[1], &want[1]));
    OPS->free(os);
}

WEFT_TEST(other_names_are_unknown)
{
    weft__os *os = new_sim(&(weft__sim_opts){ 0 });
    weft__addr got[4];
    const char *why = NULL;
    WEFT_CHECK_EQ(look_up(os, "no-such-host.invalid", got, &why), WEFT_EDNS);
    WEFT_CHECK(why && *why);
    WEFT_CHECK_EQ(look_up(os, "", got, &why), WEFT_EDNS);
    WEFT_CHECK_EQ(look_up(os, "localhost", got, &why), 2);
    WEFT_CHECK_EQ(look_up(os, "192.0.2.1", got, &why), 1);
    OPS->free(os);
}

WEFT_TEST(a_resolve_that_is_freed_early_tells_nothing)
{
    weft__os *os = new_sim(&(weft__sim_opts){ .resolve_ns = MS });
    weft__event e[4];
    OPS->resolve_free(os, OPS->resolve(os, "localhost", 80, e));
    OPS->resolve_free(os, OPS->resolve(os, "127.0.0.1", 80, e));
    OPS->resolve_free(os, NULL);
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, S), 0);
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, -1), WEFT_EDEADLK);
    OPS->free(os);
}

WEFT_TEST(a_simulated_signal_comes_when_it_was_meant_to)
{
    weft__os *os = new_sim(&(weft__sim_opts){ 0 });
    weft__event e[4];
    int64_t from = OPS->now_ns(os);
    WEFT_CHECK_EQ(OPS->signals(os, &from), 0);
    weft__sim_signal(os, 3 * S);
    weft__sim_signal(os, 5 * S);
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, -1), 1);
    WEFT_CHECK(e[0].cookie == &from && e[0].ready == 1);
    WEFT_CHECK_EQ(OPS->now_ns(os) - from, 3 * S);
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, -1), 1);
    WEFT_CHECK_EQ(e[0].ready, 2);
    WEFT_CHECK_EQ(OPS->signals(os, NULL), 0);
    weft__sim_signal(os, S);
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, -1), WEFT_EDEADLK);
    OPS->free(os);
}

/* ---- memory ---- */

/* Everything once; whatever fails, all is given back and no call says anything but success or "no memory". */
static void tour(weft__os *os)
{
    weft__addr a = at("127.0.0.1", 80), peer;
    weft__event e[4];
    static char bytes[3000];
    int fds[3] = { -1, -1, -1 };
    WEFT_CHECK(weft__sim_name(os, "a.test", "10.0.0.1") == 0 || fails.failed);
    weft__resolve *r = OPS->resolve(os, "a.test", 80, bytes);
    WEFT_CHECK(r || fails.failed);
    fds[0] = OPS->listen(os, &a, 4);
    fds[1] = OPS->connect(os, &a);
    for (int i = 0; i < 2; i++) WEFT_CHECK(fds[i] > 0 || (fds[i] == WEFT_ENOMEM && fails.failed));
    OPS->wait(os, e, 4, S);
    fds[2] = OPS->accept(os, fds[0], &peer);
    WEFT_CHECK(fds[2] > 0 || fails.failed);
    for (int i = 0; i < 40 && fds[2] > 0; i++) {
        ssize_t n = OPS->send(os, fds[1], &(struct iovec){ bytes, sizeof bytes }, 1);
        WEFT_CHECK(n > 0 || n == -EAGAIN || (n == WEFT_ENOMEM && fails.failed));
        OPS->wait(os, e, 4, S);
        n = OPS->recv(os, fds[2], bytes, 100);
        WEFT_CHECK(n > 0 || n == -EAGAIN || (n == WEFT_ENOMEM && fails.failed));
    }
    WEFT_CHECK(weft__sim_signal(os, 1) == 0 || fails.failed);
    OPS->resolve_free(os, r);
    for (int i = 2; i >= 0; i--)
        if (fds[i] > 0) OPS->close(os, fds[i]);
    WEFT_CHECK_EQ(weft__sim_open_fds(os), 0);
}

WEFT_TEST(the_simulator_survives_the_failure_of_each_allocation)
{
    FAIL_EACH_IN_TURN(i) {
        weft__os *os = weft__sim_new(&(weft__sim_opts){ .seed = 1 });
        WEFT_CHECK(os || fails.failed);
        if (!os) continue;
        tour(os);
        OPS->free(os);
    }
}

WEFT_TEST(a_send_that_found_no_memory_loses_nothing)
{
    weft__os *os = new_sim(&(weft__sim_opts){ 0 });
    int fds[2], l;
    char got[4];
    weft__event e[4];
    pair(os, fds, &l);
    failing_from(1);
    fails.always = true;
    WEFT_CHECK_EQ(OPS->send(os, fds[0], &(struct iovec){ "abc", 3 }, 1), WEFT_ENOMEM);
    weft_set_allocator(NULL, NULL);
    WEFT_CHECK_EQ(OPS->send(os, fds[0], &(struct iovec){ "def", 3 }, 1), 3);
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, -1), 1);
    WEFT_CHECK_EQ(OPS->recv(os, fds[1], got, 4), 3);
    WEFT_CHECK_STR(((weft_str){ got, 3 }), "def");
    part(os, fds, l);
}
