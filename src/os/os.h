#ifndef WEFT_SRC_OS_OS_H
#define WEFT_SRC_OS_OS_H
/* The seam of system calls. Everything above asks the world through a weft__os: os_linux is the kernel,
 * os_sim a simulated one with a virtual clock, seeded order and an in-memory network. Errors are negative
 * codes (-errno). Nothing here waits but `wait`. One os belongs to one thread of one process: a forked child
 * makes its own, and may do nothing with the old one but `free` it.  */
#include <sys/socket.h>
#include <sys/uio.h>
#include "weft/base.h"

/* An address: IPv4, IPv6 or unix. */
typedef struct weft__addr { struct sockaddr_storage sa; socklen_t len; } weft__addr;
/* A literal: 127.0.0.1, ::1, [::1], /run/x.sock, unix:x.sock, unix:@abstract. 0, or WEFT_EINVAL when it is
 * something else (a name, perhaps) or the port is not in 0 to 65535; *out is then untouched. */
int weft__addr_parse(weft_str host, int port, weft__addr *out);
/* 127.0.0.1:8000, [::1]:8000, unix:/run/x.sock; the end of a path that is too long. Printable ASCII only. */
void weft__addr_format(const weft__addr *a, char out[64]);
int weft__addr_port(const weft__addr *a);                            /* 0 for a unix socket */
void weft__addr_set_port(weft__addr *a, int port);                   /* nothing happens to one of a unix socket */
bool weft__addr_equal(const weft__addr *a, const weft__addr *b);

/* What became of a watched descriptor. Edge-triggered: told once per change, so a reader goes on until a
 * short read and a writer until a short write. HUP: the peer ended or broke (reading tells which). Bytes and
 * their end may be told at once: after HUP go on reading, past short reads, until 0 or an error. An event may
 * say more than the change that caused it (OUT again with IN), and may come for nothing. */
enum { WEFT__IN = 1, WEFT__OUT = 2, WEFT__HUP = 4 };
typedef struct weft__event { void *cookie; uint32_t ready; } weft__event;

/* BOTH: bytes and room for them. LISTENER: connections, told for as long as there are any. INPUT: bytes alone, for who need not be
 * told that a peer on this machine has read what it was sent, as unix sockets do each time. These are edge-triggered, but for listeners. LEVEL_...: bytes,
 * room or both, told for as long as there are any: for a foreign library that reads as much as it likes (libpq). The simulator has no such sockets. */
typedef enum weft__watching { WEFT__WATCH_BOTH, WEFT__WATCH_LISTENER, WEFT__WATCH_INPUT, WEFT__WATCH_LEVEL_IN, WEFT__WATCH_LEVEL_OUT,
    WEFT__WATCH_LEVEL_BOTH } weft__watching;

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

    /* Up to max events (512 at most in one call); waits at most timeout_ns (-1: until one comes, 0: only
     * looks). The number of events, which may be 0 before the time has passed; or WEFT_EDEADLK in the simulator
     * when nothing can ever come. */
    int (*wait)(weft__os *, weft__event *events, int max, int64_t timeout_ns);

    /* Watch a descriptor until `close` or `unwatch`, as WEFT__WATCH_... says; what is ready already is told by the next wait. Watching again moves the watch to the new cookie, which is
     * told what is ready as if the watch began. No wait tells of a descriptor that was closed before it. */
    int (*watch)(weft__os *, int fd, void *cookie, weft__watching how);
    /* End the watch and keep the descriptor: no later wait tells of it, until it is watched again. -ENOENT: it is
     * not watched. What the last wait told and nobody has looked at yet is the caller's to drop, as with `close`. */
    int (*unwatch)(weft__os *, int fd);

    /* A non-blocking listener, which takes over addresses in TIME_WAIT; IPv6 ones take IPv6 only. The path of
     * a unix socket must not exist: -EADDRINUSE, also when nobody listens there any more. */
    int (*listen)(weft__os *, const weft__addr *, int backlog);
    /* The next connection, non-blocking, Nagle off; -EAGAIN: none. -EMFILE, -ENFILE: no descriptor was left,
     * and the kernel's listener has closed the connection unseen. */
    int (*accept)(weft__os *, int listener, weft__addr *peer);
    /* A descriptor whose connect has started, Nagle off: OUT or HUP tells its end and connect_result (once) why
     * it failed, or 0. What fails at once (every unix one that fails) is a code here; -EAGAIN: its queue is full. */
    int (*connect)(weft__os *, const weft__addr *);
    int (*connect_result)(weft__os *, int fd);
    int (*local)(weft__os *, int fd, weft__addr *out);
    /* Is the other end of this unix connection a process of this process's user, or of root? NULL: nobody is. */
    bool (*peer_ours)(weft__os *, int fd);
    /* recv and send are for pipes too. */
    ssize_t (*recv)(weft__os *, int fd, void *to, size_t n);         /* 0: the peer ended; -EAGAIN: nothing yet */
    ssize_t (*send)(weft__os *, int fd, const struct iovec *, int n);/* 1 to 1024 pieces; never raises SIGPIPE; -EAGAIN: full */
    int (*shutdown)(weft__os *, int fd);                             /* of our sending side */
    void (*close)(weft__os *, int fd);                               /* also ends the watch */
    /* Close a connection so that its peer sees that it broke off: what was sent and has not left yet is dropped, and
     * the peer's reads fail, behind what had come. Of a unix connection the peer sees an end, as with close. */
    void (*reset)(weft__os *, int fd);
    /* Have the other end of a connection asked for signs of life, so that one that is gone without a word is noticed in a minute. NULL: none goes so. */
    void (*keep_alive)(weft__os *, int fd);

    /* Start resolving a name (253 bytes at most) or a literal; when done an event with this cookie comes. NULL:
     * no memory. `resolved` then gives the number of addresses (> 0; the families taking turns, RFC 8305, 4) or a
     * code with a static text: WEFT_EDNS, WEFT_ENOMEM, or WEFT_ELIMIT with 1024 names waiting; before the event
     * WEFT_EBUSY. `resolve_free` may be called at any time, also before the end: no later wait tells of it. Each
     * must be freed before the os is, which waits for no thread. */
    weft__resolve *(*resolve)(weft__os *, const char *host, int port, void *cookie);
    int (*resolved)(weft__resolve *, weft__addr *out, int max, const char **why);
    void (*resolve_free)(weft__os *, weft__resolve *);

    /* Tell of SIGINT and SIGTERM as events with this cookie; NULL ends it and restores the handlers from before.
     * `ready` is how many came since the start: 1, then 2 for a second one; two that come between two waits are
     * one event that says 2. One that comes more than a second after one that no wait has told of yet ends the
     * process, status 128 + signal: the loop does not turn. For one os a process: WEFT_EBUSY. */
    int (*signals)(weft__os *, void *cookie);

    const struct weft__jobs_ops *jobs;              /* os/jobs.h: pools of threads, doors; NULL: this os has none */
    const struct weft__file_ops *files;             /* os/file.h; NULL: this os has none */
    const struct weft__net_ops *net;                /* os/socket.h: listeners on paths, datagrams */
    const struct weft__child_ops *children;         /* os/child.h: other programs; NULL: this os has none */
    const struct weft__signal_ops *takers;          /* os/signal.h: any signal as an event */
    const struct weft__process_ops *processes;      /* os/process.h; NULL: this os has none (the simulator) */

    /* Simulator only, NULL in production: mix a scheduling decision into the trace. */
    void (*trace)(weft__os *, uint64_t what);
    /* Simulator only: what becomes of the next job that would run in a process; its caller runs it. */
    struct weft__process_fate (*process_fate)(weft__os *);
    void (*free)(weft__os *);
} weft__os_ops;

/* shuffle: the scheduler runs ready tasks in an order drawn from `random` (a simulator with a seed). */
struct weft__os { const weft__os_ops *ops; bool shuffle; };

weft__os *weft__os_linux_new(void);                 /* NULL: no memory or no epoll */

/* Stacks are mapped the same way everywhere. A slab holds `count` stacks of `size` bytes, each with `guard`
 * bytes at its low end that fault when touched (both whole pages); committed when touched, never backed by huge
 * pages. NULL with errno: EINVAL, ENOMEM (no address space), or EMFILE (the guards are protected mappings here,
 * two a stack, and vm.max_map_count is reached). */
void *weft__os_stacks_map(size_t count, size_t size, size_t guard);
void weft__os_stacks_unmap(void *slab, size_t count, size_t size);
void weft__os_stack_clean(void *low, size_t n);     /* give the pages back, keep the mapping and the guard */
bool weft__os_guards_are_free(void);                /* MADV_GUARD_INSTALL works here (proven by a fault at first use) */
void weft__os_guards_by_mprotect(bool always);      /* for tests: as on an old kernel; false: find out again */
size_t weft__os_page(void);

/* Report of an overflow: installs, once a process, SIGSEGV and SIGBUS handlers on their own stack. `name_of`
 * tells whose guard an address is in (async-signal-safe; NULL: nobody's, and the signal goes on to the handler
 * from before: a sanitizer's, or death). After the report the process dies of the signal at the faulting
 * instruction. Later calls only replace `name_of`. */
void weft__os_guard_report(const char *(*name_of)(const void *address));
/* Gives this thread an alternate signal stack, unless it has one; undone by the second, in the same thread. */
int weft__os_signal_stack(void **keep);
void weft__os_signal_stack_free(void *keep);
int weft__os_pid(void);
int64_t weft__os_steady_ns(void);                   /* since any moment, never set back: likewise */
int64_t weft__os_wall_us(void);                     /* since 1970, by the machine's clock: where no loop runs, on threads */
/* What is done last, in this process, when it ends by exit or by weft__os_end: something async-signal-safe, that does
 * nothing in a forked child and may be done twice. One for all; NULL: nothing. */
void weft__os_at_end(void (*deed)(void));
/* End the process at once, without the deeds of atexit but with that one: everything in weft that ends it goes this way.
 * Async-signal-safe. Waits: as the deed does. */
_Noreturn void weft__os_end(int status);
void weft__os_stderr(const char *bytes, size_t n);  /* write(2), async-signal-safe, never fails */
#endif
