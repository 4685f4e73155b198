#ifndef WEFT_TESTS_HTTP_CLIENT_WORLD_H
#define WEFT_TESTS_HTTP_CLIENT_WORLD_H
/* A world for tests of the client: a loop over the simulator or the kernel, and upstreams in it
 * that say exactly the bytes a test wants, in whatever pieces. */
#include "http/origin.h"
#include "io/stream.h"
#include "os/sim.h"
#include "weft/check.h"
#include "weft/client.h"
#include "weft/net.h"
#include "weft/task.h"

/* The running world. */
extern weft__os *net_os;
extern weft__loop *net_loop;

/* Run a body as the root task and leave nothing behind: no descriptor, no memory. The body returns
 * 0. */
void net_sim(const weft__sim_opts *opts, weft_call body);
void net_epoll(weft_call body);

/* Both, and the simulator with several seeds: orders of tasks and events, delays, and short reads
 * and writes. */
#define NET_TEST(name) \
    static int name(void); \
    WEFT_TEST(name##__sim) { net_sims(weft_call(name)); } \
    WEFT_TEST(name##__epoll) { net_epoll(weft_call(name)); } \
    static int name(void)
/* Only where the clock is virtual and nothing is late. */
#define NET_SIM_TEST(name) \
    static int name(void); \
    WEFT_TEST(name##__sim) { net_sim(&(weft__sim_opts){ .wall_us = 0 }, weft_call(name)); } \
    static int name(void)
void net_sims(weft_call body);

/* ---- upstreams ---- */

/* What an upstream does with one request. */
typedef enum { NET_KEEP, NET_CLOSE, NET_HANG } net_then;
typedef struct net_answer {
    const char *bytes;               /* NULL: {"price": N},
        N being the number behind the target's last '/' */
    size_t len;                      /* 0: strlen */
    size_t first;                    /* the first send, 0: a slice */
    size_t slice;                    /* at most so many bytes a send; 0: all at once */
    int pause_ms;                    /* before the first slice */
    int slice_ms;                    /* between two slices */
    net_then then;
    bool unread;                     /* answer without reading the request */
} net_answer;

typedef struct net_upstream {
    weft__watch watch;
    weft_scope *scope;
    int fd, port;
    const net_answer *answers;       /* one after the other,
        over all connections; the last one again and again */
    int answer_count;
    int accepted, requests, open, open_max;
    int idle_ms;                     /* > 0: each connection is closed so long after its answer,
        whatever that said */
    char last[4096];                 /* the last request: head and body */
    char base[64];                   /* http://127.0.0.1:port */
} net_upstream;

/* Listen on 127.0.0.1 and answer on tasks of `scope`, until that ends. */
void net_upstream_start(net_upstream *u, weft_scope *scope, const net_answer *answers, int count);
void net_upstream_stop(net_upstream *u);      /* no longer listening: the port refuses */
#define NET_UPSTREAM(u, ...) \
    static const net_answer u##_answers[] = { __VA_ARGS__ }; \
    net_upstream u = { 0 }; \
    WEFT_SCOPE(u##_scope, .forget = true); \
    net_upstream_start(&u, u##_scope, u##_answers, (int)weft_count(u##_answers)); \
    const char *const u##_base __attribute__((unused)) = u.base

/* A peer that a test writes by hand, on connections of weft/net.h, listening at `base`. */
typedef struct net_talking { weft_listener *l; weft_talk *talk; void *ctx; } net_talking;
int net_talk_to_all(const net_talking *in);
#define NET_TALKER(base, talk, ctx) \
    WEFT_LISTENER(base##_listener); \
    WEFT_TRY(weft_listen(&base##_listener, "127.0.0.1", 0)); \
    WEFT_SCOPE(base##_scope); \
    weft_spawn(base##_scope, net_talk_to_all, (&(net_talking){ base##_listener, talk, ctx })); \
    char base[64]; \
    snprintf(base, sizeof base, "http://127.0.0.1:%d", weft_listener_port(base##_listener))
#define NET_TALKER_END(base) weft_cancel(base##_scope)

/* ---- calls ---- */

WEFT_MODEL(Quote, field(double, price));
typedef struct net_ask_in { const char *base; int id; } net_ask_in;
int net_ask(const net_ask_in *in, Quote *out);       /* base/price/id */
/* Ask for n prices at once, of upstreams that echo (bytes NULL); each must be its own. */
int net_ask_many(const char *const *bases, int base_count, int n);

/* ---- checks ---- */

/* The record of rc, with every "N ms" as "# ms", and the port as "PORT". */
const char *net_error(int rc);
#define NET_CHECK_ERROR(rc, code, text) net_check_error(__FILE__, __LINE__, (rc), (code), (text))
void net_check_error(const char *file, int line, int rc, int code, const char *text);

extern long net_fail_after;                   /* so many more allocations succeed,
    then one fails; -1: all succeed */
extern long net_bytes, net_bytes_peak;        /* of weft's memory: now, and at most so far */
int net_conns(void);                          /* of the client, busy and idle */
void net_pause(int ms);
int net_fds(void);                            /* open descriptors of the world,
    upstreams' included */
weft__client *net_client(void);
#endif
