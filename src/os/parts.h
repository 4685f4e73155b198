#ifndef WEFT_SRC_OS_PARTS_H
#define WEFT_SRC_OS_PARTS_H
/* What the files of this folder share with each other; nobody else includes it. */
#include <stdatomic.h>
#include "os/file.h"
#include "os/jobs.h"

struct addrinfo;

/* The limits of names, the same in the kernel's world and the simulated one. */
enum { WEFT__HOST_MAX = 253, WEFT__RESOLVES_MAX = 1024 };

/* The order to try: each address once, the families taking turns, the family of the first one first
 * (RFC 8305, 4). Other families than IPv4 and IPv6 are left out. Returns how many, at most max. */
int weft__addrs_order(const struct addrinfo *list, int port, weft__addr *out, int max);

/* What needs no looking up: 1 for a literal, a code and why for what can be no name, 0 for a name. */
int weft__resolve_at_once(const char *host, size_t n, int port, weft__addr *out, const char **why);

/* What wakes an os from elsewhere: an eventfd that nobody reads, watched edge-triggered. Shared by counting, so that
 * a thread that is late with its word never writes to a descriptor that has become somebody else's. */
typedef struct weft__bell { atomic_int refs; int fd; } weft__bell;
weft__bell *weft__bell_new(void);                    /* NULL: no memory, or no descriptor */
weft__bell *weft__bell_keep(weft__bell *b);
void weft__bell_drop(weft__bell *b);
void weft__bell_ring(weft__bell *b);                 /* async-signal-safe, keeps errno */

/* Threads that call getaddrinfo, for one os. They ring the bell when something is to be told. NULL: no memory. Its
 * end waits for nobody: a thread in the middle of a look-up frees the rest. */
typedef struct weft__resolver weft__resolver;
typedef int weft__lookup_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);
weft__resolver *weft__resolver_new(weft__bell *bell, weft__lookup_fn *look_up);      /* look_up: getaddrinfo */
void weft__resolver_free(weft__resolver *r);
weft__resolve *weft__resolver_start(weft__resolver *r, const char *host, int port, void *cookie);
void weft__resolver_end(weft__resolver *r, weft__resolve *one);
int weft__resolver_result(weft__resolve *one, weft__addr *out, int max, const char **why);
/* The events of look-ups that ended and were not told yet, at most max; told then. */
int weft__resolver_told(weft__resolver *r, weft__event *events, int max);

/* SIGINT and SIGTERM, counted, for one os a process. WEFT_EBUSY: another one has them. The handler writes 1
 * to the eventfd `wake`; `count` says how many came since the start, and that the loop turns. A forked child that gets
 * one does what the program did before. After `stop` nobody writes to `wake` any more. */
int weft__signals_start(int wake);
void weft__signals_stop(void);
unsigned weft__signals_count(void);

/* bell: NULL in the simulator, where nobody sleeps. */
struct weft__door {
    weft__door *next;                                /* of its os, until it is closed */
    void *cookie;
    weft__bell *bell;
    uint64_t id;                                     /* the simulator's */
    atomic_int refs;
    atomic_bool knocked;
};
weft__door *weft__door_new(weft__door **list, weft__bell *bell, void *cookie);
void weft__door_end(weft__door **list, weft__door *d);
/* True: it was knocked at since this was asked last. */
static inline bool weft__door_answer(weft__door *d) { return atomic_exchange(&d->knocked, false); }

/* Threads that run jobs. Their word is the bell, rung when something has ended that is to be told. */
weft__pool *weft__pool_new(weft__bell *bell, const weft__pool_opts *opts);
void weft__pool_free(weft__pool *p);
int weft__pool_submit(weft__pool *p, weft__job *job);
bool weft__pool_take_back(weft__pool *p, weft__job *job);
weft__job *weft__pool_ended(weft__pool *p);          /* a job whose end is to be told, once; or NULL */
weft__pool_state weft__pool_look(weft__pool *p);
weft__pool **weft__pool_next(weft__pool *p);         /* a link for whoever keeps a list of pools */

/* The pools and doors of one os of the kernel's world. */
typedef struct weft__office { weft__bell *bell; weft__pool *pools; weft__door *doors; } weft__office;
extern const weft__jobs_ops weft__linux_jobs;
extern const weft__file_ops weft__linux_files;
extern const struct weft__process_ops weft__linux_processes;
weft__office *weft__linux_office(weft__os *os);
int weft__office_told(weft__office *o, weft__event *events, int max);
void weft__office_end(weft__office *o);              /* frees the pools, closes the doors, drops the bell */
#endif
