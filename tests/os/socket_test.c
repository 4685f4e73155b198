#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "net.h"

#define OPS (n->os->ops)

static ssize_t send_once(net *n, net_end *e, const char *bytes, size_t len)
{
    struct iovec v = { (char *)bytes, len };
    return OPS->send(n->os, e->fd, &v, 1);
}

NET_TEST(bytes_go_both_ways)
{
    char got[6] = "";
    net_meet(n);
    net_send(n, &n->client, "hello", 5);
    net_recv(n, &n->server, got, 5);
    WEFT_CHECK_STR(((weft_str){ got, 5 }), "hello");
    net_send(n, &n->server, "world", 5);
    net_recv(n, &n->client, got, 5);
    WEFT_CHECK_STR(((weft_str){ got, 5 }), "world");
}

NET_TEST(accept_says_eagain_when_nobody_is_there)
{
    weft__addr peer;
    WEFT_CHECK_EQ(OPS->accept(n->os, n->listener.fd, &peer), -EAGAIN);
    net_meet(n);
    WEFT_CHECK_EQ(OPS->accept(n->os, n->listener.fd, &peer), -EAGAIN);
}

NET_TEST(a_listener_is_told_until_its_queue_is_empty)
{
    net_connect(n);
    net_await(n, &n->listener, WEFT__IN);
    for (int i = 0; i < 3; i++) {
        weft__event e[4];
        int count = 0;
        while (OPS->wait(n->os, e, 4, 1000000) != 1 || e[0].cookie != &n->listener) WEFT_NEED(count++ < 100);
    }
    n->listener.seen = WEFT__IN;
    net_accept(n);
    net_settle(n);
    n->listener.events = 0;
    net_settle(n);
    WEFT_CHECK_EQ(n->listener.events, 0);
}

NET_TEST(the_peer_of_an_accepted_connection_is_the_clients_own_address)
{
    weft__addr peer, own;
    net_connect(n);
    net_await(n, &n->listener, WEFT__IN);
    net_watch(n, &n->server, OPS->accept(n->os, n->listener.fd, &peer), false);
    WEFT_CHECK_EQ(OPS->local(n->os, n->client.fd, &own), 0);
    WEFT_CHECK(weft__addr_equal(&peer, &own));
    WEFT_CHECK_EQ(OPS->local(n->os, n->server.fd, &own), 0);
    WEFT_CHECK(weft__addr_equal(&own, &n->at));
    if (!n->world->tcp) return;
    WEFT_CHECK(weft__addr_port(&peer) > 0);
    WEFT_CHECK(weft__addr_port(&peer) != weft__addr_port(&n->at));
}

/* Where a connect to nobody fails: at once, or as an event. */
static int failure(net *n, const weft__addr *at)
{
    int fd = OPS->connect(n->os, at);
    if (fd < 0) return fd;
    net_watch(n, &n->client, fd, false);
    uint32_t seen = net_await(n, &n->client, WEFT__OUT | WEFT__HUP);
    WEFT_CHECK(seen & WEFT__HUP);
    int rc = OPS->connect_result(n->os, fd);
    WEFT_CHECK_EQ(OPS->connect_result(n->os, fd), 0);
    char byte;
    WEFT_CHECK(OPS->recv(n->os, fd, &byte, 1) <= 0);
    WEFT_CHECK_EQ(send_once(n, &n->client, "x", 1), -EPIPE);
    return rc;
}

NET_TEST(a_connect_is_refused_where_nobody_listens)
{
    weft__addr at = n->at;
    net_close(n, &n->listener);
    WEFT_CHECK_EQ(failure(n, &at), WEFT_ECONNREFUSED);
}

NET_TEST(an_address_is_free_again_after_the_listeners_close)
{
    net_close(n, &n->listener);
    net_watch(n, &n->listener, OPS->listen(n->os, &n->at, 16), true);
    net_meet(n);
}

NET_TEST(an_address_has_one_listener)
{
    WEFT_CHECK_EQ(OPS->listen(n->os, &n->at, 16), -EADDRINUSE);
}

NET_TEST(connections_in_the_queue_of_a_closed_listener_break)
{
    net_connect(n);
    net_await(n, &n->listener, WEFT__IN);
    net_close(n, &n->listener);
    net_await(n, &n->client, WEFT__HUP);
    ssize_t rc = net_drain(n, &n->client);
    WEFT_CHECK(rc == WEFT_ECONNRESET || rc == WEFT_ECONNREFUSED);
}

NET_TEST(recv_says_eagain_before_anything_came)
{
    char byte = 'x';
    net_meet(n);
    WEFT_CHECK_EQ(OPS->recv(n->os, n->server.fd, &byte, 1), -EAGAIN);
    WEFT_CHECK_EQ(byte, 'x');
}

NET_TEST(a_watch_tells_what_came_before_it)
{
    weft__addr peer;
    net_connect(n);
    net_await(n, &n->client, WEFT__OUT);
    net_send(n, &n->client, "early", 5);
    net_await(n, &n->listener, WEFT__IN);
    int fd = OPS->accept(n->os, n->listener.fd, &peer);
    net_settle(n);
    net_watch(n, &n->server, fd, false);
    WEFT_CHECK(net_await(n, &n->server, WEFT__IN) & WEFT__OUT);
}

NET_TEST(an_arrival_is_told_once_and_the_next_one_again)
{
    net_meet(n);
    net_send(n, &n->client, "a", 1);
    net_await(n, &n->server, WEFT__IN);
    net_settle(n);
    n->server.events = 0;
    net_settle(n);
    WEFT_CHECK_EQ(n->server.events, 0);
    net_send(n, &n->client, "b", 1);
    net_await(n, &n->server, WEFT__IN);
    char got[2];
    net_recv(n, &n->server, got, 2);
    WEFT_CHECK_STR(((weft_str){ got, 2 }), "ab");
}

NET_TEST(many_arrivals_before_a_wait_are_one_event)
{
    net_meet(n);
    if (n->world->sim.delay_max_ns) return;
    for (int i = 0; i < 5; i++) net_send(n, &n->client, "x", 1);
    net_await(n, &n->server, WEFT__IN);
    net_settle(n);
    WEFT_CHECK_EQ(n->server.events, 1);
}

/* Fills the window from the client's side; how many bytes it took. */
static size_t fill(net *n)
{
    static char zeros[16 * 1024];
    size_t total = 0;
    for (;;) {
        ssize_t put = send_once(n, &n->client, zeros, sizeof zeros);
        if (put > 0) total += (size_t)put;
        if (put == -EAGAIN) {
            net_settle(n);      /* in the kernel bytes move on into the peer's buffer */
            put = send_once(n, &n->client, zeros, sizeof zeros);
            if (put == -EAGAIN) return total;
            WEFT_NEED(put > 0);
            total += (size_t)put;
        }
        WEFT_NEED(total < (size_t)1 << 28);
    }
}

NET_TEST(a_full_window_says_eagain_and_out_comes_when_the_peer_reads)
{
    net_meet(n);
    size_t total = fill(n);
    WEFT_CHECK(total > 0);
    net_settle(n);
    n->client.seen = 0;
    net_settle(n);
    WEFT_CHECK_EQ(n->client.seen & WEFT__OUT, 0);
    char *all = malloc(total);
    WEFT_NEED(all != NULL);
    net_recv(n, &n->server, all, total);
    net_await(n, &n->client, WEFT__OUT);
    WEFT_CHECK(send_once(n, &n->client, "x", 1) == 1);
    free(all);
}

NET_TEST(a_shutdown_ends_one_side_only)
{
    char got[8];
    net_meet(n);
    net_send(n, &n->client, "last", 4);
    WEFT_CHECK_EQ(OPS->shutdown(n->os, n->client.fd), 0);
    WEFT_CHECK_EQ(OPS->shutdown(n->os, n->client.fd), 0);
    WEFT_CHECK_EQ(send_once(n, &n->client, "x", 1), -EPIPE);
    WEFT_CHECK(net_await(n, &n->server, WEFT__HUP) & WEFT__IN);
    net_recv(n, &n->server, got, 4);
    WEFT_CHECK_EQ(OPS->recv(n->os, n->server.fd, got, 8), 0);
    WEFT_CHECK_EQ(OPS->recv(n->os, n->server.fd, got, 8), 0);
    net_send(n, &n->server, "answer", 6);
    net_recv(n, &n->client, got, 6);
    WEFT_CHECK_STR(((weft_str){ got, 6 }), "answer");
}

NET_TEST(a_close_delivers_what_was_sent_before_it)
{
    net_meet(n);
    net_send(n, &n->client, "the last words", 14);
    net_close(n, &n->client);
    char got[14];
    net_recv(n, &n->server, got, 14);
    WEFT_CHECK_STR(((weft_str){ got, 14 }), "the last words");
    WEFT_CHECK_EQ(net_drain(n, &n->server), 0);
}

NET_TEST(a_peers_close_is_told_as_in_and_hup)
{
    net_meet(n);
    net_close(n, &n->client);
    WEFT_CHECK(net_await(n, &n->server, WEFT__HUP) & WEFT__IN);
    WEFT_CHECK_EQ(net_drain(n, &n->server), 0);
}

NET_TEST(a_close_with_unread_bytes_is_a_reset)
{
    net_meet(n);
    net_send(n, &n->client, "unread", 6);
    net_await(n, &n->server, WEFT__IN);
    net_settle(n);
    net_close(n, &n->server);
    net_await(n, &n->client, WEFT__HUP);
    WEFT_CHECK_EQ(net_drain(n, &n->client), WEFT_ECONNRESET);
    WEFT_CHECK_EQ(net_drain(n, &n->client), 0);
    WEFT_CHECK_EQ(send_once(n, &n->client, "x", 1), -EPIPE);
}

/* Unix sockets know no reset: theirs is an end. */
NET_TEST(a_reset_is_told_behind_what_had_come)
{
    char got[4];
    net_meet(n);
    net_send(n, &n->server, "some", 4);
    net_await(n, &n->client, WEFT__IN);
    net_settle(n);
    OPS->reset(n->os, n->server.fd);
    n->server.fd = -1;
    net_await(n, &n->client, WEFT__HUP);
    net_recv(n, &n->client, got, 4);
    WEFT_CHECK_STR(((weft_str){ got, 4 }), "some");
    bool is_unix = n->at.sa.ss_family == AF_UNIX;
    WEFT_CHECK_EQ(net_drain(n, &n->client), is_unix ? 0 : WEFT_ECONNRESET);
}

NET_TEST(sending_to_a_closed_peer_fails_without_a_signal)
{
    net_meet(n);
    net_close(n, &n->server);
    net_await(n, &n->client, WEFT__HUP);
    ssize_t rc = 0;
    for (int i = 0; i < 3 && rc >= 0; i++) {
        rc = send_once(n, &n->client, "x", 1);
        net_settle(n);
    }
    WEFT_CHECK_EQ(rc, -EPIPE);
}

NET_TEST(pieces_are_gathered_in_order)
{
    char got[6];
    struct iovec v[] = { { "ab", 2 }, { NULL, 0 }, { "c", 1 }, { "def", 3 } };
    net_meet(n);
    size_t put = 0;
    for (int i = 0; put < 6; ) {
        ssize_t moved = OPS->send(n->os, n->client.fd, v + i, 4 - i);
        WEFT_NEED(moved > 0);
        put += (size_t)moved;
        for (size_t left = (size_t)moved; i < 4 && left >= v[i].iov_len; ) left -= v[i].iov_len, i++, moved = (ssize_t)left;
        if (i < 4) v[i].iov_base = (char *)v[i].iov_base + moved, v[i].iov_len -= (size_t)moved;
    }
    net_recv(n, &n->server, got, 6);
    WEFT_CHECK_STR(((weft_str){ got, 6 }), "abcdef");
}

/* 1025 would be a short write that no OUT follows. */
NET_TEST(a_send_takes_1024_pieces_and_refuses_more)
{
    struct iovec v[1025];
    for (int i = 0; i < 1025; i++) v[i] = (struct iovec){ "x", 1 };
    net_meet(n);
    WEFT_CHECK_EQ(OPS->send(n->os, n->client.fd, v, 1025), WEFT_EINVAL);
    WEFT_CHECK_EQ(OPS->send(n->os, n->client.fd, v, 0), WEFT_EINVAL);
    ssize_t put = OPS->send(n->os, n->client.fd, v, 1024);
    WEFT_CHECK(n->world->harsh ? put > 0 && put <= 100 : put == 1024);
}

NET_TEST(nothing_is_told_of_a_closed_descriptor)
{
    net_meet(n);
    net_send(n, &n->client, "x", 1);
    if (!n->world->simulated) net_await(n, &n->server, WEFT__IN);
    net_send(n, &n->client, "y", 1);
    net_close(n, &n->server);
    n->server.events = 0;
    net_settle(n);
    WEFT_CHECK_EQ(n->server.events, 0);
}

NET_TEST(a_closed_descriptor_is_good_for_nothing)
{
    char byte;
    weft__addr a;
    net_meet(n);
    int fd = n->server.fd;
    net_close(n, &n->server);
    WEFT_CHECK_EQ(OPS->recv(n->os, fd, &byte, 1), -EBADF);
    WEFT_CHECK_EQ(OPS->send(n->os, fd, &(struct iovec){ "x", 1 }, 1), -EBADF);
    WEFT_CHECK_EQ(OPS->shutdown(n->os, fd), -EBADF);
    WEFT_CHECK_EQ(OPS->watch(n->os, fd, n, false), -EBADF);
    WEFT_CHECK_EQ(OPS->connect_result(n->os, fd), -EBADF);
    WEFT_CHECK_EQ(OPS->local(n->os, fd, &a), -EBADF);
    WEFT_CHECK_EQ(OPS->accept(n->os, fd, &a), -EBADF);
    OPS->close(n->os, fd);
}

NET_TEST(a_watch_moves_to_the_cookie_that_watches_again)
{
    net_end other = { .fd = -1 };
    char byte;
    net_meet(n);
    net_watch(n, &other, n->server.fd, false);
    net_send(n, &n->client, "x", 1);
    net_await(n, &other, WEFT__IN);
    WEFT_CHECK_EQ(n->server.events, 0);
    net_recv(n, &other, &byte, 1);
}

NET_TEST(who_watches_again_is_told_what_is_ready)
{
    net_end other = { .fd = -1 };
    net_meet(n);
    net_send(n, &n->client, "x", 1);
    net_await(n, &n->server, WEFT__IN);
    net_settle(n);
    net_watch(n, &other, n->server.fd, false);
    WEFT_CHECK(net_await(n, &other, WEFT__IN) & WEFT__OUT);
}

/* The edge was there before the watch moved, and nobody has waited yet. */
NET_TEST(an_event_not_told_yet_goes_to_the_new_cookie)
{
    net_end other = { .fd = -1 };
    net_connect(n);
    net_accept(n);
    n->server.events = 0;
    net_watch(n, &other, n->server.fd, false);
    net_await(n, &other, WEFT__OUT);
    net_settle(n);
    WEFT_CHECK_EQ(n->server.events, 0);
}

NET_TEST(a_listener_can_be_watched_again)
{
    net_end other = { .fd = -1 };
    weft__addr peer;
    net_connect(n);
    net_await(n, &n->listener, WEFT__IN);
    n->listener.events = 0;
    net_watch(n, &other, n->listener.fd, true);
    net_await(n, &other, WEFT__IN);
    WEFT_CHECK_EQ(n->listener.events, 0);
    net_watch(n, &n->server, OPS->accept(n->os, n->listener.fd, &peer), false);
}

NET_TEST(after_unwatch_nothing_is_told_and_the_descriptor_still_works)
{
    char byte = 0;
    net_meet(n);
    WEFT_CHECK_EQ(OPS->unwatch(n->os, n->server.fd), 0);
    net_send(n, &n->client, "x", 1);
    net_settle(n);
    WEFT_CHECK_EQ(n->server.events, 0);
    WEFT_CHECK_EQ(OPS->recv(n->os, n->server.fd, &byte, 1), 1);
    WEFT_CHECK_EQ(byte, 'x');
}

NET_TEST(what_came_before_unwatch_and_was_not_told_is_not_told)
{
    net_connect(n);
    net_accept(n);
    n->server.events = 0;
    WEFT_CHECK_EQ(OPS->unwatch(n->os, n->server.fd), 0);
    net_settle(n);
    WEFT_CHECK_EQ(n->server.events, 0);
}

NET_TEST(a_watch_after_unwatch_is_told_what_came_meanwhile_and_what_comes)
{
    char two[2];
    net_meet(n);
    WEFT_CHECK_EQ(OPS->unwatch(n->os, n->server.fd), 0);
    net_send(n, &n->client, "x", 1);
    net_settle(n);
    net_watch(n, &n->server, n->server.fd, false);
    net_recv(n, &n->server, two, 1);
    net_settle(n);
    n->server.seen = 0;
    net_send(n, &n->client, "y", 1);
    net_await(n, &n->server, WEFT__IN);
    net_recv(n, &n->server, two + 1, 1);
    WEFT_CHECK(!memcmp(two, "xy", 2));
}

/* Level-triggered: it would be told for ever. */
NET_TEST(a_listener_can_rest_and_be_watched_again)
{
    net_connect(n);
    net_await(n, &n->listener, WEFT__IN);
    WEFT_CHECK_EQ(OPS->unwatch(n->os, n->listener.fd), 0);
    n->listener.events = 0;
    net_settle(n);
    WEFT_CHECK_EQ(n->listener.events, 0);
    net_watch(n, &n->listener, n->listener.fd, true);
    net_accept(n);
}

NET_TEST(unwatch_of_what_is_not_watched_says_so)
{
    net_meet(n);
    int fd = n->server.fd;
    WEFT_CHECK_EQ(OPS->unwatch(n->os, fd), 0);
    WEFT_CHECK_EQ(OPS->unwatch(n->os, fd), -ENOENT);
    net_close(n, &n->server);
    WEFT_CHECK_EQ(OPS->unwatch(n->os, fd), -EBADF);
    WEFT_CHECK_EQ(OPS->unwatch(n->os, -1), -EBADF);
}

NET_TEST(a_wait_needs_room_for_an_event)
{
    weft__event none[1];
    WEFT_CHECK_EQ(OPS->wait(n->os, none, 0, 0), WEFT_EINVAL);
}

NET_TEST(events_that_find_no_room_come_with_the_next_wait)
{
    weft__event one;
    int listener = 0, client = 0, server = 0;
    net_meet(n);
    net_end first = n->client;
    net_connect(n);
    net_send(n, &first, "x", 1);
    for (int i = 0; i < 2000 && !(listener && client && server); i++) {
        if (OPS->wait(n->os, &one, 1, 10000000) != 1) continue;
        listener += one.cookie == &n->listener;
        client += one.cookie == &n->client;
        server += one.cookie == &n->server;
    }
    WEFT_CHECK(listener && client && server);
    net_close(n, &first);
}

/* A stream both ways at once, by the rules of the header: read until a short read, write until a short write. */
typedef struct flow { size_t sent, got; uint32_t sum_sent, sum_got; bool can_send, can_recv; } flow;

enum { FLOW_BYTES = 300 * 1000 };

static void flow_send(net *n, net_end *e, flow *f)
{
    char bytes[7001];
    while (f->can_send && f->sent < FLOW_BYTES) {
        size_t want = FLOW_BYTES - f->sent < sizeof bytes ? FLOW_BYTES - f->sent : sizeof bytes;
        for (size_t i = 0; i < want; i++) bytes[i] = (char)((f->sent + i) * 31 >> 3);
        ssize_t put = send_once(n, e, bytes, want);
        WEFT_NEED(put > 0 || put == -EAGAIN);
        if (put < (ssize_t)want) f->can_send = false;
        for (ssize_t i = 0; i < put; i++) f->sum_sent = f->sum_sent * 33 + (unsigned char)bytes[i];
        if (put > 0) f->sent += (size_t)put;
    }
}

static void flow_recv(net *n, net_end *e, flow *f)
{
    char bytes[5003];
    while (f->can_recv) {
        ssize_t got = OPS->recv(n->os, e->fd, bytes, sizeof bytes);
        WEFT_NEED(got > 0 || got == -EAGAIN);
        if (got < (ssize_t)sizeof bytes) f->can_recv = false;
        for (ssize_t i = 0; i < got; i++) f->sum_got = f->sum_got * 33 + (unsigned char)bytes[i];
        if (got > 0) f->got += (size_t)got;
    }
}

static void flow_step(net *n, net_end *e, flow *f)
{
    if (e->seen & WEFT__IN) f->can_recv = true;
    if (e->seen & WEFT__OUT) f->can_send = true;
    e->seen = 0;
    flow_recv(n, e, f);
    flow_send(n, e, f);
}

NET_TEST(a_long_stream_both_ways_loses_nothing)
{
    net_meet(n);
    flow c = { .can_send = true }, s = { .can_send = true };
    while (c.got < FLOW_BYTES || s.got < FLOW_BYTES) {
        flow_step(n, &n->client, &c);
        flow_step(n, &n->server, &s);
        if (c.got == FLOW_BYTES && s.got == FLOW_BYTES) break;
        WEFT_NEED(net_turn(n) > 0);
    }
    WEFT_CHECK_EQ(c.sum_sent, s.sum_got);
    WEFT_CHECK_EQ(s.sum_sent, c.sum_got);
}
