#ifndef WEFT_SRC_OS_SIM_WORLD_H
#define WEFT_SRC_OS_SIM_WORLD_H
/* The inside of the simulator, shared by the sim_*.c files alone. */
#include "base/buf.h"
#include "os/parts.h"
#include "os/process.h"
#include "os/signal.h"
#include "os/sim.h"
#include "os/sim_disk.h"
#include "os/sim_queue.h"
#include "os/socket.h"

enum {
    WEFT__SIM_FD_FIRST = 1000000,
    WEFT__SIM_SOCKS_MAX = 65536,
    WEFT__SIM_NAMES_MAX = 4096,
    WEFT__SIM_FAULTS_MAX = 32,
    WEFT__SIM_PORTS = 60999 - 32768 + 1,
    WEFT__SIM_SYN_TRIES = 6,        /* of a connect to a full queue: after 1 s, 2 s, 4 s ... */
    WEFT__SIM_PROMISED = 2          /* a shutdown and a close, for each socket */
};

/* What can happen, for the trace and for faults; sim.c has the names. */
typedef enum weft__sim_op {
    WEFT__SIM_OP_SEND, WEFT__SIM_OP_RECV, WEFT__SIM_OP_CONNECT, WEFT__SIM_OP_ACCEPT, WEFT__SIM_OP_LISTEN,
    WEFT__SIM_OP_WATCH, WEFT__SIM_OP_RESOLVE, WEFT__SIM_OP_SUBMIT, WEFT__SIM_OP_PROCESS,
    WEFT__SIM_OP_FILE,              /* and behind it as many as there are kinds of file operations */
    WEFT__SIM_OPS_FAILING = WEFT__SIM_OP_FILE + WEFT__FILE_KINDS,
    WEFT__SIM_OP_CONNECT_RESULT = WEFT__SIM_OPS_FAILING, WEFT__SIM_OP_SHUTDOWN, WEFT__SIM_OP_CLOSE,
    WEFT__SIM_OP_RESOLVED, WEFT__SIM_OP_RANDOM, WEFT__SIM_OP_TRACE, WEFT__SIM_OP_EVENT, WEFT__SIM_OP_PASSED,
    WEFT__SIM_OP_CONTENT, WEFT__SIM_OP_UNWATCH,
    WEFT__SIM_OP_TAKE_BACK, WEFT__SIM_OP_JOB_RUN, WEFT__SIM_OP_POOL_FREE, WEFT__SIM_OP_CRASH
} weft__sim_op;

/* BROKEN: reset by either side, or a connect that failed. */
typedef enum weft__sim_state { WEFT__SIM_LISTENING, WEFT__SIM_CONNECTING, WEFT__SIM_OPEN, WEFT__SIM_BROKEN,
    WEFT__SIM_DATAGRAM } weft__sim_state;

typedef struct weft__sim_sock weft__sim_sock;
typedef struct weft__sim_datagram weft__sim_datagram;
struct weft__sim_sock {
    int fd, peer;                   /* the other end's descriptor, which may be closed; 0: none yet */
    weft__sim_state state;
    int error;                      /* told once, as SO_ERROR is */
    weft__addr local, remote;

    void *cookie;
    bool watched, ready;            /* ready: in the list of those that the next wait looks at */

    weft__buf in;                   /* from `start`: `readable` bytes that arrived, then those on their way */
    size_t start, readable;
    int64_t last_at;                /* the last thing on its way here: nothing later may overtake it */
    uint64_t last_tie;
    bool fin_in, fin_out, was_open;

    size_t out_used;                /* bytes sent of which the peer has not told that it read them */
    bool blocked;                   /* a send moved less than it was given: OUT is owed */

    weft__sim_datagram *mail, **mail_end;       /* of a datagram socket: what has arrived */
    size_t mail_bytes;

    weft__sim_sock *next;           /* of the listeners, of a listener's queue, or of the datagram sockets */
    weft__sim_sock *queue, **queue_end;
    int backlog, queued;
    bool told;                      /* of its queue as it is, and not asked since */
};

/* A descriptor is WEFT__SIM_FD_FIRST + generation * WEFT__SIM_SOCKS_MAX + slot: numbers do not come again
 * soon, so that whoever uses a closed one gets -EBADF and not somebody else's socket. */
typedef struct weft__sim_slot { weft__sim_sock *sock; int generation, next_free; } weft__sim_slot;

typedef struct weft__sim_resolve weft__sim_resolve;
typedef struct weft__sim_pool weft__sim_pool;
typedef struct weft__sim_host { char name[WEFT__HOST_MAX + 1]; weft__addr addr; } weft__sim_host;
typedef struct weft__sim_failure { weft__sim_op op; unsigned left; int code; } weft__sim_failure;

typedef struct weft__sim weft__sim;
struct weft__sim {
    weft__os base;
    weft__sim_opts opts;
    int64_t now_ns, wall_us;        /* wall_us: what the wall clock shows at virtual time 0 */
    uint64_t world_random;          /* delays, faults, order */
    uint64_t program_random;        /* what the program asks for: it does not disturb the world */
    uint64_t trace, events, serial;
    weft__sim_queue queue;

    weft__sim_slot *slots;
    int slots_count, slots_room, free_slot;     /* free_slot: -1 none */
    int *ready;                     /* descriptors, room for slots_room of them; some may be closed */
    int ready_count, open_fds, next_port;
    weft__sim_sock *listeners;
    weft__sim_sock *udp;
    weft__sim_datagram *flying;
    weft__taker *takers;

    weft__sim_host *hosts;
    int hosts_count, hosts_room;
    weft__sim_resolve *resolves;    /* not freed yet, in the order of the calls */

    weft__sim_pool *pools;          /* in the order of their making */
    int pools_made;
    weft__door *doors;
    weft__sim_disk disk;

    weft__sim_failure failures[WEFT__SIM_FAULTS_MAX];
    int failures_count;
    void *signal_cookie;
    unsigned signals, signals_told;
};

static inline weft__sim *weft__sim_of(const weft__os *os) { return (weft__sim *)os; }

/* sim.c */
void weft__sim_note(weft__sim *s, weft__sim_op op, int64_t a, int64_t b);
int weft__sim_fault(weft__sim *s, weft__sim_op op);              /* the code that this call fails with, or 0 */
uint64_t weft__sim_draw(weft__sim *s);
bool weft__sim_chance(weft__sim *s, unsigned of, unsigned out_of);
/* Put on its way to a socket, behind all that is on its way there already. Never fails: see weft__sim_queue. */
void weft__sim_to(weft__sim *s, weft__sim_kind kind, int to, int from, uint64_t n);
void weft__sim_later(weft__sim *s, weft__sim_kind kind, int64_t after_ns, int from, uint64_t n);
/* As late as things on their way are, and in no order with any other. */
void weft__sim_overtaking(weft__sim *s, weft__sim_kind kind, uint64_t n);

/* sim_sock.c */
weft__sim_sock *weft__sim_find(const weft__sim *s, int fd);      /* NULL: closed, or never was */
weft__sim_sock *weft__sim_sock_new(weft__sim *s, weft__sim_state state, int *rc);
void weft__sim_sock_free(weft__sim *s, weft__sim_sock *sock);
void weft__sim_wake(weft__sim *s, weft__sim_sock *sock);         /* an edge: the next wait looks at it */
bool weft__sim_writable(const weft__sim *s, const weft__sim_sock *sock);
int weft__sim_watch(weft__os *os, int fd, void *cookie, weft__watching how);
int weft__sim_unwatch(weft__os *os, int fd);
/* `again`: also of listeners that were told of and that nobody has asked since. */
int weft__sim_ready(weft__sim *s, weft__event *events, int max, bool again);
void weft__sim_socks_free(weft__sim *s);

/* sim_net.c */
int weft__sim_listen(weft__os *os, const weft__addr *a, int backlog);
int weft__sim_accept(weft__os *os, int listener, weft__addr *peer);
int weft__sim_connect(weft__os *os, const weft__addr *a);
int weft__sim_connect_result(weft__os *os, int fd);
int weft__sim_local(weft__os *os, int fd, weft__addr *out);
bool weft__sim_peer_ours(weft__os *os, int fd);
int weft__sim_shutdown(weft__os *os, int fd);
void weft__sim_reset(weft__os *os, int fd);
void weft__sim_close(weft__os *os, int fd);
void weft__sim_on_syn(weft__sim *s, int from, uint64_t tries);
void weft__sim_on_syn_ack(weft__sim *s, int to);
void weft__sim_on_fin(weft__sim *s, int to);
void weft__sim_on_rst(weft__sim *s, int to);

int weft__sim_port(weft__sim *s);                                /* the next one to try for whoever asked for any */

/* sim_udp.c */
extern const weft__net_ops weft__sim_net;
void weft__sim_on_mail(weft__sim *s, uint64_t serial);
void weft__sim_udp_closed(weft__sim *s, weft__sim_sock *sock);
void weft__sim_udp_free(weft__sim *s);

/* sim_signal.c */
extern const weft__signal_ops weft__sim_takers;
int weft__sim_signals(weft__os *os, void *cookie);
int weft__sim_signals_told(weft__sim *s, weft__event *events, int max);
void weft__sim_on_signal(weft__sim *s, int number);

/* sim_stream.c */
ssize_t weft__sim_recv(weft__os *os, int fd, void *to, size_t n);
ssize_t weft__sim_send(weft__os *os, int fd, const struct iovec *v, int n);
void weft__sim_note_content(weft__sim *s, const char *bytes, size_t n);
void weft__sim_on_bytes(weft__sim *s, int to, int from, uint64_t n);
void weft__sim_on_ack(weft__sim *s, int to, uint64_t n);

/* sim_name.c */
weft__resolve *weft__sim_resolve_start(weft__os *os, const char *host, int port, void *cookie);
int weft__sim_resolve_result(weft__resolve *one, weft__addr *out, int max, const char **why);
void weft__sim_resolve_end(weft__os *os, weft__resolve *one);
void weft__sim_on_resolved(weft__sim *s, uint64_t serial);
int weft__sim_resolves_told(weft__sim *s, weft__event *events, int max);
void weft__sim_names_free(weft__sim *s);

/* sim_jobs.c */
extern const weft__jobs_ops weft__sim_jobs;
void weft__sim_on_job_begin(weft__sim *s, int pool);
void weft__sim_on_job_run(weft__sim *s, int pool, uint64_t id);
void weft__sim_on_job_end(weft__sim *s, int pool, uint64_t id);
int weft__sim_jobs_told(weft__sim *s, weft__event *events, int max);
void weft__sim_jobs_free(weft__sim *s);

/* sim_process.c */
weft__process_fate weft__sim_process_fate(weft__os *os);
#endif
