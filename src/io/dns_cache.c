#include "io/dns_cache.h"
#include "base/mem.h"
#include "task/error.h"
#include "weft/net.h"

enum { BUCKETS = 256, KEEP_MS = 30000, KEEP_FAILED_MS = 1000, NAMES = 1024, HOST_MAX = 253 };

static weft_dns_opts settings = {
    .keep_ms = KEEP_MS, .keep_failed_ms = KEEP_FAILED_MS, .names_max = NAMES
};

typedef struct cache cache;
typedef struct asker { weft__fiber *fiber; struct asker *next; } asker;

/* Invariant: one that has neither a look-up nor askers may go at any time. */
typedef struct entry entry;
struct entry {
    weft__watch watch;               /* of the look-up */
    cache *cache;
    entry *next;                     /* in its bucket */
    entry *newer, *older;            /* in the order of use */
    weft__resolve *look_up;          /* NULL: none is under way */
    asker *askers;
    uint64_t ended; /* how many look-ups have ended: what follows is of the last one */
    int64_t until_ns;
    int result;                      /* how many addresses, or a code */
    const char *why;
    weft__addr *addrs;
    char host[];
};

struct cache {
    weft__loop *loop;
    weft_dns_opts opts;
    uint64_t seed;
    entry *buckets[BUCKETS];
    entry *newest, *oldest;
    int count;
};

/* ---- entries ---- */

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

static bool same(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b)) a++, b++;
    return lower(*a) == lower(*b);
}

/* Seeded: whoever chooses the names cannot choose the buckets. */
static entry **bucket_of(cache *c, const char *host)
{
    uint64_t h = c->seed;
    for (; *host; host++) h = (h ^ (unsigned char)lower(*host)) * 0x100000001b3;
    return &c->buckets[(h ^ h >> 32) % BUCKETS];
}

static entry *find(cache *c, const char *host)
{
    entry *e = *bucket_of(c, host);
    while (e && !same(e->host, host)) e = e->next;
    return e;
}

static void use_link(entry *e)
{
    cache *c = e->cache;
    e->newer = NULL;
    e->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = e;
    c->newest = e;
}

static void use_unlink(entry *e)
{
    cache *c = e->cache;
    *(e->newer ? &e->newer->older : &c->newest) = e->older;
    *(e->older ? &e->older->newer : &c->oldest) = e->newer;
}

static void entry_free(entry *e)
{
    entry **at = bucket_of(e->cache, e->host);
    while (*at != e) at = &(*at)->next;
    *at = e->next;
    use_unlink(e);
    e->cache->count--;
    weft__free(e->addrs);
    weft__free(e);
}

static bool is_idle(const entry *e) { return !e->look_up && !e->askers; }

/* A place for one more: true, or all that there are have askers. */
static bool make_place(cache *c)
{
    if (c->count < c->opts.names_max) return true;
    entry *e = c->oldest;
    while (e && !is_idle(e)) e = e->newer;
    if (e) entry_free(e);
    return e != NULL;
}

/* ---- looking up ---- */

static int64_t keep_ns(const cache *c, int result)
{
    int ms = result > 0 ? c->opts.keep_ms : result == WEFT_EDNS ? c->opts.keep_failed_ms : -1;
    return ms < 0 ? 0 : ms * 1000000LL;
}

static void take_result(entry *e)
{
    weft__os *os = weft__loop_os(e->cache->loop);
    weft__addr found[WEFT__ADDRS_MAX];
    e->why = NULL;
    e->result = os->ops->resolved(e->look_up, found, WEFT__ADDRS_MAX, &e->why);
    weft__free(e->addrs);
    e->addrs = e->result > 0 ? weft__malloc((size_t)e->result * sizeof *e->addrs) : NULL;
    if (e->addrs) memcpy(e->addrs, found, (size_t)e->result * sizeof *e->addrs);
    else if (e->result > 0) e->result = WEFT_ENOMEM;
    os->ops->resolve_free(os, e->look_up);
    e->look_up = NULL;
}

static void look_up_ended(weft__watch *w, uint32_t events)
{
    (void)events;
    entry *e = (entry *)w;
    take_result(e);
    e->ended++;
    e->until_ns = weft__loop_now(e->cache->loop) + keep_ns(e->cache, e->result);
    for (asker *a = e->askers; a; a = a->next) weft__wake(a->fiber, 0);
}

/* The port is each asker's own. */
static int look_up_start(entry *e)
{
    weft__os *os = weft__loop_os(e->cache->loop);
    e->look_up = os->ops->resolve(os, e->host, 0, &e->watch);
    return e->look_up ? 0 : WEFT_ENOMEM;
}

static entry *entry_new(cache *c, const char *host)
{
    size_t n = strlen(host) + 1;
    entry *e = weft__calloc(sizeof *e + n);
    if (!e) return NULL;
    e->watch.ready = look_up_ended;
    e->cache = c;
    memcpy(e->host, host, n);
    entry **bucket = bucket_of(c, host);
    e->next = *bucket;
    *bucket = e;
    c->count++;
    use_link(e);
    return e;
}

/* ---- asking ---- */

static int answer(const entry *e, int port, weft__addr *out, int max, const char **why)
{
    *why = e->why;
    int n = e->result < max ? e->result : max;
    for (int i = 0; i < n; i++) {
        out[i] = e->addrs[i];
        weft__addr_set_port(&out[i], port);
    }
    return n;
}

/* 0 when a look-up has ended since this began to wait. */
static int wait_for_it(entry *e, int64_t deadline_ns)
{
    asker own = { weft__self(), e->askers };
    uint64_t before = e->ended;
    int rc = 0;
    e->askers = &own;
    while (rc == 0 && e->ended == before) rc = weft__park("a host name", deadline_ns);
    asker **at = &e->askers;
    while (*at != &own) at = &(*at)->next;
    *at = own.next;
    return rc;
}

/* Without a place in the cache: a look-up of one's own. It lives in the os until it is told off, so
 * that a cancel in the middle leaves nothing behind. */
typedef struct lookup { weft__watch watch; weft__fiber *task; bool ended; } lookup;

static void lookup_ended(weft__watch *w, uint32_t events)
{
    (void)events;
    lookup *l = (lookup *)w;
    l->ended = true;
    weft__wake(l->task, 0);
}

static int ask_alone(weft__os *os, const char *host, int port, weft__addr *out, int max,
    int64_t deadline_ns, const char **why)
{
    lookup l = { .watch.ready = lookup_ended, .task = weft__self() };
    weft__resolve *name = os->ops->resolve(os, host, port, &l.watch);
    if (!name) return WEFT_ENOMEM;
    int rc = 0;
    while (rc == 0 && !l.ended) rc = weft__park("a host name", deadline_ns);
    if (rc == 0) rc = os->ops->resolved(name, out, max, why);
    os->ops->resolve_free(os, name);
    return rc;
}

/* ---- the cache of a loop ---- */

static void cache_free(void *arg)
{
    cache *c = arg;
    weft__os *os = weft__loop_os(c->loop);
    while (c->newest) {
        if (c->newest->look_up) os->ops->resolve_free(os, c->newest->look_up);
        entry_free(c->newest);
    }
    *weft__loop_slot(c->loop, WEFT__SLOT_DNS) = NULL;
    weft__free(c);
}

static cache *cache_of(weft__loop *loop)
{
    void **slot = weft__loop_slot(loop, WEFT__SLOT_DNS);
    if (*slot) return *slot;
    cache *c = weft__calloc(sizeof *c);
    if (!c) return NULL;
    c->loop = loop;
    c->opts = settings;
    c->seed = weft__loop_os(loop)->ops->random(weft__loop_os(loop));
    if (weft__loop_on_free(loop, cache_free, c) < 0) {
        weft__free(c);
        return NULL;
    }
    return *slot = c;
}

int weft__dns_find(weft__loop *loop, const char *host, int port, weft__addr *out, int max,
    int64_t deadline_ns, const char **why)
{
    weft__os *os = weft__loop_os(loop);
    cache *c = cache_of(loop);
    if (!c) return WEFT_ENOMEM;
    entry *e = strlen(host) <= HOST_MAX ? find(c, host) : NULL;
    bool known = e && !e->look_up && e->until_ns > weft__loop_now(loop);
    if (!e && (strlen(host) > HOST_MAX || !make_place(c)))
        return ask_alone(os, host, port, out, max, deadline_ns, why);
    if (!e) e = entry_new(c, host);
    if (!e) return WEFT_ENOMEM;
    use_unlink(e);
    use_link(e);
    int rc = 0;
    if (!known && !e->look_up) rc = look_up_start(e);
    if (!known && rc == 0) rc = wait_for_it(e, deadline_ns);
    if (rc == 0) rc = answer(e, port, out, max, why);
    if (is_idle(e) && e->until_ns <= weft__loop_now(loop)) entry_free(e);
    return rc;
}

void weft__dns_forget(weft__loop *loop, const char *host)
{
    cache *c = *weft__loop_slot(loop, WEFT__SLOT_DNS);
    entry *e = c ? find(c, host) : NULL;
    if (e) e->until_ns = 0;
}

int weft_dns_cache_with(const weft_dns_opts *o)
{
    const char *wrong = o->keep_ms < -1          ? "keep_ms"
                        : o->keep_failed_ms < -1 ? "keep_failed_ms"
                        : o->names_max < 0       ? "names_max"
                                                 : NULL;
    if (wrong)
        return weft__fail_as(
            NULL, WEFT_EINVAL, 0, "option %s of weft_dns_cache makes no sense", wrong);
    settings.keep_ms = o->keep_ms ? o->keep_ms : KEEP_MS;
    settings.keep_failed_ms = o->keep_failed_ms ? o->keep_failed_ms : KEEP_FAILED_MS;
    settings.names_max = o->names_max ? o->names_max : NAMES;
    return 0;
}
