/* Names are remembered for a while, and many who ask for one cause one look-up. */
#include "io/dns_cache.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "os/sim.h"
#include "task/world.h"
#include "weft/net.h"

enum { LOOK_UP_MS = 20 };

static weft__os *os;
static int look_ups;
static weft__os_ops counting;
static const weft__os_ops *real;

static weft__resolve *counted(weft__os *o, const char *host, int port, void *cookie)
{
    look_ups++;
    return real->resolve(o, host, port, cookie);
}

/* A world whose look-ups take a while and are counted. */
static void in_world(weft_call call)
{
    world_mem_watch();
    os = weft__sim_new(&(weft__sim_opts){ .seed = 3, .resolve_ns = LOOK_UP_MS * 1000000LL });
    WEFT_NEED(os != NULL);
    real = os->ops;
    counting = *os->ops;
    counting.resolve = counted;
    os->ops = &counting;
    look_ups = 0;
    weft__sim_name(os, "two.example", "::1");
    weft__sim_name(os, "two.example", "10.0.0.2");
    weft__sim_name(os, "one.example", "10.0.0.1");
    weft__loop *loop = os ? weft__loop_new(os) : NULL;
    WEFT_NEED(loop != NULL);
    WEFT_NEED(loop != NULL);
    WEFT_CHECK_EQ(weft__loop_run(loop, call), 0);
    weft__errors_clear();
    weft__loop_free(loop);
    os->ops->free(os);
    WEFT_CHECK_EQ(world_mem.blocks, 0);
}

#define DNS_TEST(name) static int name(void); WEFT_TEST(dns_##name) { in_world(weft_call(name)); } static int name(void)

static int ask(const char *host, weft__addr *out)
{
    const char *why;
    return weft__resolve_host(weft__loop_here(), host, 80, out, WEFT__ADDRS_MAX, INT64_MAX, &why);
}

static int ask_one(const char *const *host, int *out)
{
    weft__addr a[WEFT__ADDRS_MAX];
    *out = ask(*host, a);
    return 0;
}

DNS_TEST(a_name_is_looked_up_once_in_its_time)
{
    weft__addr a[WEFT__ADDRS_MAX];
    char text[64];
    int64_t began = weft_now_ns();
    WEFT_CHECK_EQ(ask("two.example", a), 2);
    WEFT_CHECK_EQ(weft_now_ns() - began, LOOK_UP_MS * 1000000LL);
    WEFT_CHECK_EQ(ask("TWO.Example", a), 2);
    weft__addr_format(&a[0], text);
    WEFT_CHECK_STR(weft_str_of(text), "[::1]:80");
    weft__addr_format(&a[1], text);
    WEFT_CHECK_STR(weft_str_of(text), "10.0.0.2:80");
    WEFT_CHECK_EQ(weft_now_ns() - began, LOOK_UP_MS * 1000000LL);
    WEFT_TRY(weft_sleep_ms(29999));
    WEFT_CHECK_EQ(ask("two.example", a), 2);
    WEFT_CHECK_EQ(look_ups, 1);
    WEFT_TRY(weft_sleep_ms(1));
    WEFT_CHECK_EQ(ask("two.example", a), 2);
    WEFT_CHECK_EQ(look_ups, 2);
    return 0;
}

DNS_TEST(a_name_that_is_none_is_asked_for_again_after_a_second)
{
    weft__addr a[WEFT__ADDRS_MAX];
    WEFT_CHECK_EQ(ask("none.example", a), WEFT_EDNS);
    WEFT_CHECK_EQ(weft__sim_name(os, "none.example", "10.0.0.9"), 0);
    WEFT_TRY(weft_sleep_ms(999));
    WEFT_CHECK_EQ(ask("none.example", a), WEFT_EDNS);
    WEFT_CHECK_EQ(look_ups, 1);
    WEFT_TRY(weft_sleep_ms(1));
    WEFT_CHECK_EQ(ask("none.example", a), 1);
    WEFT_CHECK_EQ(look_ups, 2);
    return 0;
}

DNS_TEST(many_who_ask_at_once_share_one_look_up)
{
    enum { ASKERS = 100 };
    int found[ASKERS] = { 0 };
    const char *host = "one.example";
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < ASKERS; i++) weft_spawn(s, ask_one, &host, &found[i]);
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    for (int i = 0; i < ASKERS; i++) WEFT_CHECK_EQ(found[i], 1);
    WEFT_CHECK_EQ(look_ups, 1);
    return 0;
}

DNS_TEST(the_one_who_asked_first_may_leave)
{
    int first = 0, second = 0;
    const char *host = "one.example";
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, ask_one, &host, &first);
    weft_task *u = weft_spawn(s, ask_one, &host, &second);
    WEFT_TRY(weft_sleep_ms(LOOK_UP_MS / 2));
    weft_task_cancel(t);
    WEFT_CHECK_EQ(weft_await(t), 0);
    WEFT_CHECK_EQ(first, WEFT_ECANCELED);
    WEFT_CHECK_EQ(weft_await(u), 0);
    WEFT_CHECK_EQ(second, 1);
    WEFT_CHECK_EQ(look_ups, 1);
    return 0;
}

DNS_TEST(a_look_up_that_all_have_left_is_there_for_the_next)
{
    weft__addr a[WEFT__ADDRS_MAX];
    {
        WEFT_SCOPE(s, .timeout_ms = LOOK_UP_MS / 2);
        WEFT_CHECK_EQ(ask("one.example", a), WEFT_ETIMEDOUT);
    }
    int64_t began = weft_now_ns();
    WEFT_CHECK_EQ(ask("one.example", a), 1);
    WEFT_CHECK_EQ(weft_now_ns() - began, LOOK_UP_MS / 2 * 1000000LL);
    WEFT_CHECK_EQ(look_ups, 1);
    return 0;
}

DNS_TEST(a_look_up_that_runs_at_the_end_of_the_loop_is_no_leak)
{
    weft__addr a[WEFT__ADDRS_MAX];
    WEFT_SCOPE(s, .timeout_ms = 1);
    WEFT_CHECK_EQ(ask("one.example", a), WEFT_ETIMEDOUT);
    return 0;
}

DNS_TEST(a_name_none_of_whose_addresses_answers_is_looked_up_anew)
{
    WEFT_LISTENER(l);
    WEFT_CONN(c);
    WEFT_CHECK_EQ(weft_listen(&l, "10.0.0.1", 80), 0);
    WEFT_CHECK_EQ(weft_connect(&c, "one.example", 80), 0);
    weft_conn_free(c);
    c = NULL;
    WEFT_CHECK_EQ(weft_connect(&c, "one.example", 80), 0);
    WEFT_CHECK_EQ(look_ups, 1);
    weft_conn_free(c);
    c = NULL;
    weft_listener_close(l);
    WEFT_CHECK_EQ(weft_connect(&c, "one.example", 80), WEFT_ECONNREFUSED);
    WEFT_CHECK_EQ(look_ups, 1);
    WEFT_CHECK_EQ(weft_connect(&c, "one.example", 80), WEFT_ECONNREFUSED);
    WEFT_CHECK_EQ(look_ups, 2);
    return 0;
}

DNS_TEST(a_name_that_is_no_name_is_told_at_once_and_not_kept)
{
    weft__addr a[WEFT__ADDRS_MAX];
    char host[400];
    const char *why = NULL;
    memset(host, 'a', sizeof host - 1);
    host[sizeof host - 1] = 0;
    WEFT_CHECK_EQ(weft__resolve_host(weft__loop_here(), host, 80, a, 1, INT64_MAX, &why), WEFT_EDNS);
    WEFT_CHECK_STR(weft_str_of(why), "the host name is longer than 253 bytes");
    WEFT_CHECK_EQ(weft__resolve_host(weft__loop_here(), "127.0.0.1", 70000, a, 1, INT64_MAX, &why), WEFT_EDNS);
    WEFT_CHECK_STR(weft_str_of(why), "the port is not in 0 to 65535");
    return 0;
}

/* Of three places: the name that was used last stays, the one before it goes. */
static int few_places(void)
{
    weft__addr a[WEFT__ADDRS_MAX];
    static const char *const order[] = { "one.example", "two.example", "localhost", "one.example", "b.example", "one.example" };
    for (size_t i = 0; i < weft_count(order); i++) (void)ask(order[i], a);
    WEFT_CHECK_EQ(look_ups, 4);
    WEFT_CHECK_EQ(ask("two.example", a), 2);
    WEFT_CHECK_EQ(look_ups, 5);
    int found[20] = { 0 };
    char hosts[20][20];
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < 20; i++) {
            snprintf(hosts[i], sizeof hosts[i], i % 2 ? "one.example" : "x%d.example", i);
            const char *host = hosts[i];
            weft_spawn(s, ask_one, &host, &found[i]);
        }
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    for (int i = 0; i < 20; i++) WEFT_CHECK_EQ(found[i], i % 2 ? 1 : WEFT_EDNS);
    return 0;
}

WEFT_TEST(dns_a_name_that_was_unused_for_longest_goes_first)
{
    WEFT_CHECK_EQ(weft_dns_cache(.names_max = 3), 0);
    in_world(weft_call(few_places));
}

static int asked_each_time(void)
{
    enum { ASKERS = 10 };
    weft__addr a[WEFT__ADDRS_MAX];
    int found[ASKERS];
    const char *host = "one.example";
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(ask("one.example", a), 1);
    WEFT_CHECK_EQ(look_ups, 3);
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < ASKERS; i++) weft_spawn(s, ask_one, &host, &found[i]);
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    for (int i = 0; i < ASKERS; i++) WEFT_CHECK_EQ(found[i], 1);
    WEFT_CHECK_EQ(look_ups, 4);
    WEFT_CHECK_EQ(ask("none.example", a), WEFT_EDNS);
    WEFT_CHECK_EQ(ask("none.example", a), WEFT_EDNS);
    WEFT_CHECK_EQ(look_ups, 6);
    return 0;
}

WEFT_TEST(dns_without_a_time_to_keep_each_one_asks)
{
    world_mem_watch();
    WEFT_CHECK_EQ(weft_dns_cache(.keep_ms = -2), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_dns_cache(.keep_ms = -1, .keep_failed_ms = -1), 0);
    in_world(weft_call(asked_each_time));
}

DNS_TEST(a_look_up_that_fails_for_want_of_means_is_not_kept)
{
    weft__addr a[WEFT__ADDRS_MAX];
    WEFT_CHECK_EQ(weft__sim_fail(os, "resolve", 1, WEFT_ELIMIT), 0);
    WEFT_CHECK_EQ(ask("one.example", a), WEFT_ELIMIT);
    WEFT_CHECK_EQ(ask("one.example", a), 1);
    return 0;
}
