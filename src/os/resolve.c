#define _GNU_SOURCE
#include <netdb.h>
#include <string.h>
#include "base/mem.h"
#include "os/job_list.h"
#include "os/parts.h"

enum { THREADS_MAX = 4 };

/* SETTLED: in the list of those that need no thread and are to be told. */
typedef enum resolve_state { SETTLED, SUBMITTED, TOLD } resolve_state;

struct weft__resolve {
    weft__job job;
    resolve_state state;             /* this and the next are the loop's own */
    bool abandoned;                  /* whoever hears of its end frees it */
    void *cookie;
    weft__lookup_fn *look_up;
    int port, result;                /* result: how many addresses, or a code */
    const char *why;
    weft__addr addrs[WEFT__ADDRS_MAX];
    char host[WEFT__HOST_MAX + 1];
};

struct weft__resolver {
    weft__pool *pool;
    weft__bell *bell;
    weft__lookup_fn *look_up;
    weft__job_list settled;
};

static weft__resolve *of(weft__job *job) { return (weft__resolve *)job; }

weft__resolver *weft__resolver_new(weft__bell *bell, weft__lookup_fn *look_up)
{
    weft__resolver *r = weft__calloc(sizeof *r);
    if (!r) return NULL;
    r->pool = weft__pool_new(bell,
        &(weft__pool_opts){ .name = "weft-dns", .threads_max = THREADS_MAX, .queue_max = WEFT__RESOLVES_MAX });
    if (!r->pool) {
        weft__free(r);
        return NULL;
    }
    r->bell = bell;
    r->look_up = look_up;
    return r;
}

void weft__resolver_free(weft__resolver *r)
{
    weft__pool_free(r->pool);
    weft__free(r);
}

static void settle(weft__resolve *one, int result, const char *why)
{
    one->result = result;
    one->why = why;
}

/* In a thread. */
static void look_up(weft__job *job)
{
    weft__resolve *one = of(job);
    struct addrinfo want = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM }, *list = NULL;
    int rc = one->look_up(one->host, NULL, &want, &list);
    if (rc) {
        settle(one, rc == EAI_MEMORY ? WEFT_ENOMEM : WEFT_EDNS, gai_strerror(rc));
        return;
    }
    int n = weft__addrs_order(list, one->port, one->addrs, WEFT__ADDRS_MAX);
    freeaddrinfo(list);
    settle(one, n ? n : WEFT_EDNS, n ? NULL : "the name has no IPv4 or IPv6 address");
}

static void gone(weft__job *job)
{
    if (of(job)->abandoned) weft__free(of(job));
}

int weft__resolve_at_once(const char *host, size_t n, int port, weft__addr *out, const char **why)
{
    *why = NULL;
    if (!n) *why = "the host name is empty";
    else if (n > WEFT__HOST_MAX) *why = "the host name is longer than 253 bytes";
    else if (port < 0 || port > 65535) *why = "the port is not in 0 to 65535";
    if (*why) return WEFT_EDNS;
    return weft__addr_parse((weft_str){ host, n }, port, out) == 0;
}

static bool submit(weft__resolver *r, weft__resolve *one)
{
    one->job = (weft__job){ .run = look_up, .gone = gone, .cookie = one };
    int rc = weft__pool_submit(r->pool, &one->job);
    if (rc == WEFT_ELIMIT) settle(one, rc, "1024 names are waiting to be resolved already");
    else if (rc < 0) settle(one, rc, "no thread could be started to resolve the name");
    return rc == 0;
}

weft__resolve *weft__resolver_start(weft__resolver *r, const char *host, int port, void *cookie)
{
    weft__resolve *one = weft__calloc(sizeof *one);
    if (!one) return NULL;
    one->cookie = cookie;
    one->port = port;
    one->look_up = r->look_up;
    size_t n = strnlen(host, sizeof one->host);
    one->result = weft__resolve_at_once(host, n, port, &one->addrs[0], &one->why);
    if (!one->result) memcpy(one->host, host, n);

    one->state = SUBMITTED;
    if (!one->result && submit(r, one)) return one;
    one->state = SETTLED;
    weft__job_list_add(&r->settled, &one->job);
    weft__bell_ring(r->bell);
    return one;
}

void weft__resolver_end(weft__resolver *r, weft__resolve *one)
{
    if (!one) return;
    if (one->state == SUBMITTED && !weft__pool_take_back(r->pool, &one->job)) {
        one->abandoned = true;
        return;
    }
    if (one->state == SETTLED) weft__job_list_remove(&r->settled, &one->job);
    weft__free(one);
}

int weft__resolver_result(weft__resolve *one, weft__addr *out, int max, const char **why)
{
    if (one->state != TOLD) return WEFT_EBUSY;
    if (why) *why = one->why;
    if (one->result < 0) return one->result;
    int n = one->result < max ? one->result : max;
    memcpy(out, one->addrs, (size_t)n * sizeof *out);
    return n;
}

/* The next one whose end is to be told, or NULL. */
static weft__resolve *next_ended(weft__resolver *r)
{
    weft__job *job = weft__job_list_take(&r->settled);
    if (job) return of(job);
    while ((job = weft__pool_ended(r->pool)) && of(job)->abandoned) weft__free(of(job));
    return job ? of(job) : NULL;
}

int weft__resolver_told(weft__resolver *r, weft__event *events, int max)
{
    int n = 0;
    for (weft__resolve *one; n < max && (one = next_ended(r));) {
        one->state = TOLD;
        events[n++] = (weft__event){ one->cookie, WEFT__IN };
    }
    return n;
}
