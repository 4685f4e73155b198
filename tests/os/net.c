#define _GNU_SOURCE
#include "net.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { EVENTS = 16, TURNS_MAX = 100000 };
static const int64_t MS = 1000000;

const net_world net_linux_tcp4 = { .name = "linux tcp4", .host = "127.0.0.1", .tcp = true };
const net_world net_linux_tcp6 = { .name = "linux tcp6", .host = "::1", .tcp = true };
const net_world net_linux_unix = { .name = "linux unix" };
const net_world net_sim_plain = { .name = "sim", .host = "127.0.0.1", .simulated = true, .tcp = true };
const net_world net_sim_late = { .name = "sim late", .host = "127.0.0.1", .simulated = true, .tcp = true,
    .sim = { .seed = 11, .delay_min_ns = 1000000, .delay_max_ns = 20000000 } };
const net_world net_sim_harsh = { .name = "sim harsh", .host = "127.0.0.1", .simulated = true, .tcp = true,
    .harsh = true, .sim = { .seed = 12, .delay_max_ns = 5000000, .short_io_percent = 60, .window = 100 } };
const net_world net_sim_ip6 = { .name = "sim ip6", .host = "::1", .simulated = true, .tcp = true,
    .sim = { .seed = 13 } };
const net_world net_sim_unix = { .name = "sim unix", .host = "/run/test.sock", .simulated = true,
    .sim = { .seed = 14, .delay_max_ns = 1000 } };

void net_watch(net *n, net_end *e, int fd, bool listener)
{
    WEFT_NEED(fd >= 0);
    *e = (net_end){ .fd = fd };
    WEFT_CHECK_EQ(n->os->ops->watch(n->os, fd, e, listener ? WEFT__WATCH_LISTENER : WEFT__WATCH_BOTH), 0);
}

/* An abstract address: no file stays behind. */
static void listen_at(net *n)
{
    char text[64];
    snprintf(text, sizeof text, "unix:@weft-test-%d", (int)getpid());
    const char *host = n->world->host ? n->world->host : text;
    WEFT_CHECK_EQ(weft__addr_parse(weft_str_of(host), 0, &n->at), 0);
    int fd = n->os->ops->listen(n->os, &n->at, 16);
    WEFT_NEED(fd >= 0);
    WEFT_CHECK_EQ(n->os->ops->local(n->os, fd, &n->at), 0);
    net_watch(n, &n->listener, fd, true);
}

void net_run(const net_world *world, void (*test)(net *))
{
    net n = { .world = world, .listener = { .fd = -1 }, .client = { .fd = -1 }, .server = { .fd = -1 } };
    n.os = world->simulated ? weft__sim_new(&world->sim) : weft__os_linux_new();
    WEFT_NEED(n.os != NULL);
    listen_at(&n);
    test(&n);
    net_close(&n, &n.client);
    net_close(&n, &n.server);
    net_close(&n, &n.listener);
    if (world->simulated) WEFT_CHECK_EQ(weft__sim_open_fds(n.os), 0);
    n.os->ops->free(n.os);
}

static int turn_for(net *n, int64_t timeout_ns)
{
    weft__event events[EVENTS];
    int count = n->os->ops->wait(n->os, events, EVENTS, timeout_ns);
    for (int i = 0; i < count; i++) {
        net_end *e = events[i].cookie;
        for (int k = 0; k < i; k++) WEFT_CHECK(events[k].cookie != e);
        WEFT_CHECK(events[i].ready != 0);
        e->seen |= events[i].ready;
        e->events++;
    }
    return count;
}

int net_turn(net *n) { return turn_for(n, n->world->simulated ? -1 : 5000 * MS); }

void net_settle(net *n)
{
    int64_t quiet_ns = n->world->simulated ? 1000 * MS : 30 * MS;
    net_end *l = &n->listener;
    for (int i = 0; i < TURNS_MAX; i++) {
        int before = l->events, count = turn_for(n, quiet_ns);
        /* A listener with a connection in its queue is told again and again. */
        if (count == 0 || (count == 1 && l->events > before)) return;
    }
    WEFT_NEED(!"the world becomes quiet");
}

uint32_t net_await(net *n, net_end *e, uint32_t ready)
{
    for (int i = 0; i < TURNS_MAX && !(e->seen & ready); i++) {
        int count = net_turn(n);
        WEFT_NEED(count > 0);
    }
    uint32_t seen = e->seen;
    WEFT_NEED((seen & ready) != 0);
    e->seen = 0;
    return seen;
}

void net_connect(net *n)
{
    net_watch(n, &n->client, n->os->ops->connect(n->os, &n->at), false);
}

void net_accept(net *n)
{
    weft__addr peer;
    net_await(n, &n->listener, WEFT__IN);
    net_watch(n, &n->server, n->os->ops->accept(n->os, n->listener.fd, &peer), false);
}

void net_meet(net *n)
{
    net_connect(n);
    net_accept(n);
    net_await(n, &n->client, WEFT__OUT);
    WEFT_CHECK_EQ(n->os->ops->connect_result(n->os, n->client.fd), 0);
    net_settle(n);
    n->client.seen = n->server.seen = 0;
    n->client.events = n->server.events = 0;
}

void net_close(net *n, net_end *e)
{
    if (e->fd >= 0) n->os->ops->close(n->os, e->fd);
    e->fd = -1;
}

void net_send(net *n, net_end *e, const char *bytes, size_t len)
{
    while (len) {
        struct iovec v = { (char *)bytes, len };
        ssize_t put = n->os->ops->send(n->os, e->fd, &v, 1);
        if (put == -EAGAIN) put = 0;
        WEFT_NEED(put >= 0);
        bytes += put;
        len -= (size_t)put;
        if (len) net_await(n, e, WEFT__OUT);
    }
}

void net_recv(net *n, net_end *e, char *to, size_t len)
{
    while (len) {
        ssize_t got = n->os->ops->recv(n->os, e->fd, to, len);
        if (got == -EAGAIN) got = 0;
        else WEFT_NEED(got > 0);
        to += got;
        len -= (size_t)got;
        if (len) net_await(n, e, WEFT__IN);
    }
}

ssize_t net_drain(net *n, net_end *e)
{
    char bytes[4096];
    for (;;) {
        ssize_t got = n->os->ops->recv(n->os, e->fd, bytes, sizeof bytes);
        if (got == -EAGAIN) net_await(n, e, WEFT__IN | WEFT__HUP);
        else if (got <= 0) return got;
    }
}
