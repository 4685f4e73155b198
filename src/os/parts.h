#ifndef WEFT_SRC_OS_PARTS_H
#define WEFT_SRC_OS_PARTS_H
/* What the files of this folder share with each other; nobody else includes it. */
#include "os/os.h"

struct addrinfo;

/* The limits of names, the same in the kernel's world and the simulated one. */
enum { WEFT__HOST_MAX = 253, WEFT__RESOLVES_MAX = 1024 };

void weft__addr_set_port(weft__addr *a, int port);

/* The order to try: each address once, the families taking turns, the family of the first one first
 * (RFC 8305, 4). Other families than IPv4 and IPv6 are left out. Returns how many, at most max. */
int weft__addrs_order(const struct addrinfo *list, int port, weft__addr *out, int max);

/* What needs no looking up: 1 for a literal, a code and why for what can be no name, 0 for a name. */
int weft__resolve_at_once(const char *host, size_t n, int port, weft__addr *out, const char **why);

/* Threads that call getaddrinfo, for one os. They write 1 to the eventfd `wake` when something is to be
 * told. NULL: no memory. Its end waits for nobody: a thread in the middle of a look-up frees the rest. */
typedef struct weft__resolver weft__resolver;
typedef int weft__lookup_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);
weft__resolver *weft__resolver_new(int wake, weft__lookup_fn *look_up);      /* look_up: getaddrinfo */
void weft__resolver_free(weft__resolver *r);
weft__resolve *weft__resolver_start(weft__resolver *r, const char *host, int port, void *cookie);
void weft__resolver_end(weft__resolver *r, weft__resolve *one);
int weft__resolver_result(weft__resolve *one, weft__addr *out, int max, const char **why);
/* The events of look-ups that ended and were not told yet, at most max; told then. */
int weft__resolver_told(weft__resolver *r, weft__event *events, int max);

/* SIGINT and SIGTERM, counted, for one os a process. WEFT_EBUSY: another one has them. The handler writes 1
 * to the eventfd `wake`; `count` says how many came since the start, and that the loop turns. */
int weft__signals_start(int wake);
void weft__signals_stop(void);
unsigned weft__signals_count(void);
#endif
