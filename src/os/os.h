#ifndef WEFT_SRC_OS_OS_H
#define WEFT_SRC_OS_OS_H
/* The seam of system calls. Everything above asks the world through a weft__os: os_linux is the kernel,
 * os_sim a simulated one with a virtual clock, seeded order and an in-memory network. Errors are negative
 * codes (-errno). Nothing here waits but `wait`.  */
#include <sys/socket.h>
#include <sys/uio.h>
#include "weft/base.h"

/* An address: IPv4, IPv6 or unix. */
typedef struct weft__addr { struct sockaddr_storage sa; socklen_t len; } weft__addr;
int weft__addr_parse(weft_str host, int port, weft__addr *out);      /* a literal: 0, or WEFT_EINVAL when it is a name */
void weft__addr_format(const weft__addr *a, char out[64]);           /* 127.0.0.1:8000, [::1]:8000 */
int weft__addr_port(const weft__addr *a);

/* What became of a watched descriptor. Edge-triggered: told once per change, so a reader goes on until a
 * short read and a writer until a short write. HUP: the peer ended or broke (reading tells which). */
enum { WEFT__IN = 1, WEFT__OUT = 2, WEFT__HUP = 4 };
typedef struct weft__event { void *cookie; uint32_t ready; } weft__event;

/* A name being resolved: getaddrinfo in a thread of its own. */
typedef struct weft__resolve weft__resolve;
enum { WEFT__ADDRS_MAX = 16 };

typedef struct weft__os weft__os;
typedef struct weft__os_ops {
    const char *name;
    bool virtual_time;

    int64_t (*now_ns)(weft__os *);                  /* monotonic */
    int64_t (*wall_us)(weft__os *);                 /* since 1970 */
    uint64_t (*random)(weft__os *);

    /* Up to max events; waits at most timeout_ns (-1: until one comes, 0: only looks). The number of events,
     * or WEFT_EDEADLK in the simulator when nothing can ever come. */
    int (*wait)(weft__os *, weft__event *events, int max, int64_t timeout_ns);

    /* Watch a descriptor until it is closed. A listener is level-triggered, everything else edge-triggered. */
    int (*watch)(weft__os *, int fd, void *cookie, bool listener);

    int (*listen)(weft__os *, const weft__addr *, int backlog);      /* non-blocking; the descriptor */
    int (*accept)(weft__os *, int listener, weft__addr *peer);       /* non-blocking, without delay (Nagle off); -EAGAIN: none */
    int (*connect)(weft__os *, const weft__addr *);                  /* started; OUT or HUP tells; Nagle off */
    int (*connect_result)(weft__os *, int fd);                       /* 0, or why it failed */
    int (*local)(weft__os *, int fd, weft__addr *out);
    ssize_t (*recv)(weft__os *, int fd, void *to, size_t n);         /* 0: the peer ended; -EAGAIN: nothing yet */
    ssize_t (*send)(weft__os *, int fd, const struct iovec *, int n);/* never raises SIGPIPE; -EAGAIN: full */
    int (*shutdown)(weft__os *, int fd);                             /* of our sending side */
    void (*close)(weft__os *, int fd);                               /* also ends the watch */

    /* Start resolving; when done an event with this cookie comes. NULL: no memory. `resolved` then gives the
     * number of addresses (> 0, both families, in the order to try) or a code with a static text; `resolve_free`
     * may be called at any time, also before the end: no event comes then. */
    weft__resolve *(*resolve)(weft__os *, const char *host, int port, void *cookie);
    int (*resolved)(weft__resolve *, weft__addr *out, int max, const char **why);
    void (*resolve_free)(weft__os *, weft__resolve *);

    /* Tell of SIGINT and SIGTERM as events with this cookie (ready: how many so far); NULL ends it. */
    int (*signals)(weft__os *, void *cookie);

    /* Simulator only, NULL in production: mix a scheduling decision into the trace. */
    void (*trace)(weft__os *, uint64_t what);
    void (*free)(weft__os *);
} weft__os_ops;

struct weft__os { const weft__os_ops *ops; };

weft__os *weft__os_linux_new(void);                 /* NULL: no memory or no epoll */

/* Stacks are mapped the same way everywhere. A slab holds `count` stacks of `size` bytes, each with `guard`
 * bytes at its low end that fault when touched; committed when touched, never backed by huge pages. */
void *weft__os_stacks_map(size_t count, size_t size, size_t guard);   /* NULL with errno: none, or too many mappings */
void weft__os_stacks_unmap(void *slab, size_t count, size_t size);
void weft__os_stack_clean(void *low, size_t n);     /* give the pages back, keep the mapping and the guard */
bool weft__os_guards_are_free(void);                /* MADV_GUARD_INSTALL works here (proven by a fault at first use) */
size_t weft__os_page(void);

/* Report of an overflow: installs, once a process, SIGSEGV and SIGBUS handlers on their own stack. `name_of`
 * tells whose guard an address is in (async-signal-safe; NULL: nobody's, and the signal goes on). */
void weft__os_guard_report(const char *(*name_of)(const void *address));
/* Gives this thread an alternate signal stack; undone by the second. */
int weft__os_signal_stack(void **keep);
void weft__os_signal_stack_free(void *keep);
void weft__os_stderr(const char *bytes, size_t n);  /* write(2), async-signal-safe, never fails */
#endif
