#ifndef WEFT_TESTS_OS_NET_H
#define WEFT_TESTS_OS_NET_H
/* Two ends and a listener in one of several worlds: the kernel's and simulated ones. */
#include "os/sim.h"
#include "weft/check.h"

/* One end: what was told of it since it was last asked. */
typedef struct net_end { int fd; uint32_t seen; int events; } net_end;

typedef struct net_world {
    const char *name, *host;
    bool simulated, tcp, harsh;      /* harsh: short reads and writes, tiny windows */
    weft__sim_opts sim;
} net_world;

typedef struct net {
    const net_world *world;
    weft__os *os;
    weft__addr at;
    net_end listener, client, server;
} net;

extern const net_world net_linux_tcp4, net_linux_tcp6, net_linux_unix;
extern const net_world net_sim_plain, net_sim_late, net_sim_harsh, net_sim_ip6, net_sim_unix;

/* Opens the world with a listener and runs the test in it; then everything must have been closed. */
void net_run(const net_world *world, void (*test)(net *));

/* One wait, of 5 s at most in the kernel's world; how many events came. No descriptor may come twice. */
int net_turn(net *n);
/* Waits until one of these was told of the end; returns all that was told of it, and forgets it. The test ends
 * when nothing comes. */
uint32_t net_await(net *n, net_end *e, uint32_t ready);
/* Waits until no more comes. */
void net_settle(net *n);

void net_watch(net *n, net_end *e, int fd, bool listener);
void net_meet(net *n);               /* client and server are connected and watched, and nothing is pending */
void net_connect(net *n);            /* a client on its way */
void net_accept(net *n);             /* takes it as server */
void net_close(net *n, net_end *e);

/* All of it, as a writer does: until a short write, then after OUT. */
void net_send(net *n, net_end *e, const char *bytes, size_t len);
/* Exactly len bytes, as a reader does. */
void net_recv(net *n, net_end *e, char *to, size_t len);
/* Reads on until something else than bytes comes: 0 or an error. */
ssize_t net_drain(net *n, net_end *e);

/* A test in each world. */
#define NET_TEST(name) \
    static void name(net *n); \
    WEFT_TEST(linux_tcp_##name) { net_run(&net_linux_tcp4, name); } \
    WEFT_TEST(linux_tcp6_##name) { net_run(&net_linux_tcp6, name); } \
    WEFT_TEST(linux_unix_##name) { net_run(&net_linux_unix, name); } \
    WEFT_TEST(sim_##name) { net_run(&net_sim_plain, name); } \
    WEFT_TEST(sim_late_##name) { net_run(&net_sim_late, name); } \
    WEFT_TEST(sim_harsh_##name) { net_run(&net_sim_harsh, name); } \
    WEFT_TEST(sim_ip6_##name) { net_run(&net_sim_ip6, name); } \
    WEFT_TEST(sim_unix_##name) { net_run(&net_sim_unix, name); } \
    static void name(net *n)
#endif
