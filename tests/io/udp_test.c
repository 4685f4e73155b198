/* Datagrams for users. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "os/sim.h"
#include "os/socket.h"
#include "task/world.h"
#include "weft/net.h"

static void address(const char *host, int port, weft_address *out) { WEFT_NEED(weft_address_of(host, port, out) == 0); }

static void ask_and_answer(const char *host)
{
    weft_address to;
    weft_datagram d;
    WEFT_UDP(server);
    WEFT_UDP(client);
    WEFT_NEED(weft_udp_open(&server, host, 0) == 0);
    WEFT_NEED(weft_udp_open(&client, host, 0) == 0);
    address(host, weft_udp_port(server), &to);
    WEFT_NEED(weft_udp_send_to(client, &to, WEFT_S("question")) == 0);
    WEFT_NEED(weft_udp_recv(server, &d) == 1);
    WEFT_CHECK_STR(d.bytes, "question");
    WEFT_CHECK(!d.truncated && d.size == 8);
    WEFT_CHECK_EQ(weft_address_port(&d.from), weft_udp_port(client));
    WEFT_NEED(weft_udp_send_to(server, &d.from, WEFT_S("")) == 0);
    WEFT_NEED(weft_udp_recv(client, &d) == 1);
    WEFT_CHECK_EQ(d.bytes.len, 0);
    WEFT_CHECK(weft_address_equal(&d.from, &to));
    WEFT_CHECK(weft_str_equal(weft_address_text(&d.from), weft_address_text(&to)));
}

TASK_TEST(datagrams_go_both_ways_in_both_families)
{
    ask_and_answer("127.0.0.1");
    ask_and_answer("::1");
    return 0;
}

TASK_TEST(a_datagram_beyond_the_room_is_told_to_be_cut)
{
    weft_address to;
    weft_datagram d;
    WEFT_UDP(u);
    WEFT_NEED(weft_udp_open(&u, "127.0.0.1", 0, .datagram_bytes_max = 4) == 0);
    address("127.0.0.1", weft_udp_port(u), &to);
    WEFT_NEED(weft_udp_send_to(u, &to, WEFT_S("123456")) == 0);
    WEFT_NEED(weft_udp_recv(u, &d) == 1);
    WEFT_CHECK_STR(d.bytes, "1234");
    WEFT_CHECK(d.truncated);
    WEFT_CHECK_EQ(d.size, 6);
    WEFT_NEED(weft_udp_send_to(u, &to, WEFT_S("1234")) == 0);
    WEFT_NEED(weft_udp_recv(u, &d) == 1);
    WEFT_CHECK_STR(d.bytes, "1234");
    WEFT_CHECK(!d.truncated);
    return 0;
}

TASK_TEST(the_longest_datagram_arrives_and_a_longer_one_is_refused)
{
    weft_address to;
    weft_datagram d;
    char *bytes = calloc(1, 70000);
    WEFT_NEED(bytes != NULL);
    WEFT_UDP(u);
    WEFT_NEED(weft_udp_open(&u, "127.0.0.1", 0) == 0);
    address("127.0.0.1", weft_udp_port(u), &to);
    WEFT_NEED(weft_udp_send_to(u, &to, (weft_str){ bytes, 65507 }) == 0);
    WEFT_NEED(weft_udp_recv(u, &d) == 1);
    WEFT_CHECK_EQ(d.bytes.len, 65507);
    WEFT_CHECK_EQ(weft_udp_send_to(u, &to, (weft_str){ bytes, 65508 }), -EMSGSIZE);
    free(bytes);
    return 0;
}

TASK_TEST(a_connected_socket_hears_its_peer_alone_and_that_nobody_is_there)
{
    weft_address a_at, b_at;
    weft_datagram d;
    WEFT_UDP(a);
    WEFT_UDP(b);
    WEFT_UDP(other);
    WEFT_NEED(weft_udp_open(&a, "127.0.0.1", 0) == 0);
    WEFT_NEED(weft_udp_open(&b, "127.0.0.1", 0) == 0);
    WEFT_NEED(weft_udp_open(&other, "127.0.0.1", 0) == 0);
    address("127.0.0.1", weft_udp_port(a), &a_at);
    address("127.0.0.1", weft_udp_port(b), &b_at);
    WEFT_CHECK_EQ(weft_udp_send(a, WEFT_S("to whom?")), -EDESTADDRREQ);
    WEFT_NEED(weft_udp_connect(a, &b_at) == 0);
    WEFT_NEED(weft_udp_send_to(other, &a_at, WEFT_S("not for you")) == 0);
    WEFT_NEED(weft_udp_send_to(b, &a_at, WEFT_S("from b")) == 0);
    WEFT_NEED(weft_udp_recv(a, &d) == 1);
    WEFT_CHECK_STR(d.bytes, "from b");
    WEFT_NEED(weft_udp_send(a, WEFT_S("to b")) == 0);
    WEFT_NEED(weft_udp_recv(b, &d) == 1);
    WEFT_CHECK_STR(d.bytes, "to b");
    weft_udp_close(b);
    WEFT_NEED(weft_udp_send(a, WEFT_S("to nobody")) == 0);
    WEFT_CHECK_EQ(weft_udp_recv(a, &d), WEFT_ECONNREFUSED);
    return 0;
}

static int receive(weft_udp *const *u, int *rc)
{
    weft_datagram d;
    *rc = weft_udp_recv(*u, &d);
    return 0;
}

TASK_TEST(b46_b47_a_second_receiver_is_told_and_a_close_wakes_the_first)
{
    for (int freed = 0; freed < 2; freed++) {
        int rc = 0;
        weft_udp *u;
        weft_datagram d;
        WEFT_NEED(weft_udp_open(&u, "127.0.0.1", 0) == 0);
        WEFT_SCOPE(s);
        weft_task *t = weft_spawn(s, receive, &u, &rc);
        world_turn();
        WEFT_CHECK_EQ(weft_udp_recv(u, &d), WEFT_EBUSY);
        if (freed) weft_udp_free(u);
        else weft_udp_close(u);
        WEFT_CHECK_EQ(weft_await(t), 0);
        WEFT_CHECK_EQ(rc, WEFT_ECLOSED);
        if (!freed) WEFT_CHECK_EQ(weft_udp_recv(u, &d), WEFT_ECLOSED);
        if (!freed) weft_udp_free(u);
    }
    return 0;
}

TASK_TEST(b12_a_receive_that_is_cancelled_takes_no_datagram)
{
    weft_address to;
    weft_datagram d;
    WEFT_UDP(u);
    WEFT_NEED(weft_udp_open(&u, "127.0.0.1", 0) == 0);
    address("127.0.0.1", weft_udp_port(u), &to);
    for (int i = 0; i < 10; i++) {
        {
            WEFT_SCOPE(s, .timeout_ms = 2);
            WEFT_CHECK_EQ(weft_udp_recv(u, &d), WEFT_ETIMEDOUT);
        }
        WEFT_NEED(weft_udp_send_to(u, &to, WEFT_S("kept")) == 0);
        {
            WEFT_SCOPE(s);
            weft_cancel(s);
            WEFT_CHECK_EQ(weft_udp_recv(u, &d), WEFT_ECANCELED);
        }
        WEFT_NEED(weft_udp_recv(u, &d) == 1);
        WEFT_CHECK_STR(d.bytes, "kept");
    }
    return 0;
}

SIM_TEST(a_full_queue_is_waited_for)
{
    weft_address to;
    weft_datagram d;
    WEFT_UDP(u);
    WEFT_NEED(weft_udp_open(&u, "127.0.0.1", 0) == 0);
    address("127.0.0.1", weft_udp_port(u), &to);
    WEFT_CHECK_EQ(weft__sim_fail(world_now.os, "send", 1, -EAGAIN), 0);
    WEFT_NEED(weft_udp_send_to(u, &to, WEFT_S("later")) == 0);
    WEFT_NEED(weft_udp_recv(u, &d) == 1);
    WEFT_CHECK_STR(d.bytes, "later");
    return 0;
}

static int in_one_world(void)
{
    int came = 0, late = 0, last = -1;
    weft_address to;
    weft_datagram d;
    WEFT_UDP(u);
    WEFT_NEED(weft_udp_open(&u, "127.0.0.1", 0) == 0);
    address("127.0.0.1", weft_udp_port(u), &to);
    for (int i = 0; i < 100; i++) {
        char byte = (char)i;
        WEFT_NEED(weft_udp_send_to(u, &to, (weft_str){ &byte, 1 }) == 0);
    }
    for (;;) {
        WEFT_SCOPE(s, .timeout_ms = 1000);
        if (weft_udp_recv(u, &d) != 1) break;
        came++;
        late += d.bytes.ptr[0] < last;
        last = d.bytes.ptr[0];
    }
    WEFT_CHECK(came > 50 && came < 100);
    WEFT_CHECK(late > 0);
    return 0;
}

WEFT_TEST(simulated_datagrams_are_lost_and_overtake_each_other)
{
    weft__os *os = weft__sim_new(&(weft__sim_opts){ .seed = 7, .delay_max_ns = 1000000, .lost_permille = 200 });
    weft__loop *loop = os ? weft__loop_new(os) : NULL;
    WEFT_NEED(loop != NULL);
    WEFT_CHECK_EQ(weft__loop_run(loop, weft_call(in_one_world)), 0);
    weft__loop_free(loop);
    WEFT_CHECK_EQ(weft__sim_open_fds(os), 0);
    os->ops->free(os);
}

static const weft__net_ops *whole_net;

static int without_ipv6(weft__os *os, const weft__addr *at)
{
    return at->sa.ss_family == AF_INET6 ? -EADDRNOTAVAIL : whole_net->udp(os, at);
}

SIM_TEST(of_a_name_the_first_address_that_is_there_is_bound_to)
{
    weft__os_ops ops = *world_now.os->ops;
    const weft__os_ops *whole = world_now.os->ops;
    whole_net = whole->net;
    weft__net_ops net = *whole_net;
    net.udp = without_ipv6;
    ops.net = &net;
    WEFT_CHECK_EQ(weft__sim_name(world_now.os, "own.example", "::1"), 0);
    WEFT_CHECK_EQ(weft__sim_name(world_now.os, "own.example", "127.0.0.1"), 0);
    world_now.os->ops = &ops;
    {
        WEFT_UDP(u);
        WEFT_UDP(none);
        WEFT_CHECK_EQ(weft_udp_open(&u, "own.example", 5300), 0);
        WEFT_CHECK_EQ(weft_udp_open(&none, "::1", 5300), -EADDRNOTAVAIL);
        WEFT_CHECK_EQ(weft_udp_open(&none, "own.example", 5300), -EADDRINUSE);
    }
    world_now.os->ops = whole;
    return 0;
}

TASK_TEST(what_cannot_be_opened_is_named)
{
    weft_address a;
    WEFT_UDP(u);
    WEFT_UDP(second);
    WEFT_CHECK_EQ(weft_udp_open(&u, "unix:@x", 0), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_address_of("/x", 0, &a), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_udp_open(&u, "127.0.0.1", 0, .datagram_bytes_max = 65536), WEFT_EINVAL);
    WEFT_NEED(weft_udp_open(&u, "127.0.0.1", 0) == 0);
    WEFT_CHECK_EQ(weft_udp_open(&second, "127.0.0.1", weft_udp_port(u)), -EADDRINUSE);
    WEFT_CHECK(strstr(weft_error_of(-EADDRINUSE)->text, "cannot open a datagram socket at 127.0.0.1:") != NULL);
    return 0;
}
