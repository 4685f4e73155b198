#ifndef WEFT_SRC_OS_SIM_H
#define WEFT_SRC_OS_SIM_H
#include "os/os.h"

/* A simulated world: a virtual clock that jumps to the next thing due, an in-memory network of stream
 * sockets with faults, names. One seed, one script: one trace. Descriptors are numbers from 1 000 000 on, and a
 * closed one stays -EBADF for long.
 *
 * What is sent in a turn arrives in a later `wait`, also without delays. A listener takes what is sent to its
 * address, 0.0.0.0 and :: stand for all of their family; a full queue lets a connect try again after 1, 2, 4 ...
 * seconds, six times. A listener that was told of and not asked is told again only when a wait's time is up, and
 * is no reason not to be in deadlock: else the clock would stand still. Ends are those of TCP, for unix sockets too: a close with unread bytes is a reset, and
 * so is the answer to bytes for a closed socket. Limits: 65 536 sockets, 4096 names, 1024 names being resolved,
 * 32 failures waiting, windows of 64 MiB. Not simulated: TIME_WAIT, the files of unix sockets, lost packets. */
typedef struct weft__sim_opts {
    weft__named_options_only _;
    uint64_t seed;                      /* 0: order as it comes, no shuffle of events or tasks */
    int64_t delay_min_ns, delay_max_ns; /* of bytes, connects and closes on their way, each drawn anew */
    int64_t resolve_ns;
    int64_t job_min_ns, job_max_ns;     /* of a job, from its thread's taking it; half before `run`, half after */
    unsigned short_io_percent;          /* how often a recv or send moves fewer bytes than it could (at least 1) */
    unsigned reset_permille;            /* how often a send breaks the connection instead */
    unsigned refuse_permille;           /* how often a connect is refused */
    size_t window;                      /* bytes in flight one way, up to their being read; 0: 64 KiB */
    int64_t wall_us;                    /* the wall clock at the start */
} weft__sim_opts;

weft__os *weft__sim_new(const weft__sim_opts *opts); /* NULL: no memory */
uint64_t weft__sim_trace(const weft__os *sim);       /* hash of all that happened so far: results, events, times, bytes */
uint64_t weft__sim_events(const weft__os *sim);      /* how many things happened */
/* A name for an address; resolving others fails with WEFT_EDNS. Literals and "localhost" (::1, then 127.0.0.1)
 * need none. A name may have several addresses, in order of the calls. WEFT_EINVAL: no literal address. */
int weft__sim_name(weft__os *sim, const char *host, const char *address);
void weft__sim_set_wall(weft__os *sim, int64_t wall_us);
/* A SIGTERM then, for whoever asked for signals by then. */
int weft__sim_signal(weft__os *sim, int64_t after_ns);
int weft__sim_open_fds(const weft__os *sim);         /* descriptors not closed: for leak checks */
/* Fail the nth call from now (1: the next) of an operation ("send", "recv", "connect", "accept", "listen", "watch",
 * "resolve", "submit") with a code, and change nothing else: an accept may be tried again, and after -EAGAIN an edge comes. */
int weft__sim_fail(weft__os *sim, const char *op, unsigned nth, int code);
#endif
