/* weft_rate_limit: so many requests of one client in a while, and no more. A bucket that drips is one number: the time at which it is
 * empty again (the generic cell rate algorithm, ITU-T I.371). */
#include "base/mem.h"
#include "task/loop.h"
#include "web/onion.h"
#include "wire/bytes.h"

enum { WINDOW_S = 60, KEYS = 10000, WAYS = 8, KEYS_LARGEST = 1 << 24 };
#define SECOND_NS INT64_C(1000000000)

typedef struct bucket { uint64_t key; int64_t empty_ns; } bucket;

/* What all workers of a machine look at, and change word by word with compare-and-exchange: nobody holds anything, and who dies in the middle
 * leaves whole words. Two that meet at one key's beginning may forget one request of it between them, not more. */
typedef struct table {
    uint64_t seed;                   /* nobody chooses which keys fall together */
    bucket buckets[];                /* sets of WAYS, each for the keys that fall into it */
} table;

typedef struct limiter {
    const weft_rate_limit_opts *opts;
    table *t, *own;                  /* own: where this process serves alone; else t is of the fleet's memory */
    size_t sets;
    int64_t drip_ns;                 /* each request's time */
    int burst;
    weft_str limit_text;
} limiter;

/* ---- keys ---- */

static uint64_t mix(uint64_t n)
{
    n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
    return n ^ n >> 31;
}

/* The first one who asks draws it for all. */
static uint64_t seed_of(const limiter *l)
{
    weft__os *os = weft__loop_os(weft__loop_here());
    uint64_t seed = __atomic_load_n(&l->t->seed, __ATOMIC_RELAXED);
    if (__builtin_expect(seed != 0, 1)) return seed;
    uint64_t drawn = os->ops->random(os) | 1;
    return __atomic_compare_exchange_n(&l->t->seed, &seed, drawn, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED) ? drawn : seed;
}

static uint64_t key_of(const limiter *l, weft_str text)
{
    uint64_t seed = seed_of(l), sum = mix(seed + text.len), word;
    for (size_t at = 0; at < text.len; at += 8) {
        word = 0;
        memcpy(&word, text.ptr + at, text.len - at < 8 ? text.len - at : 8);
        sum = mix(sum ^ word) + seed;
    }
    return sum | 1;                  /* 0: nobody's */
}

/* The key's bucket, or NULL, and the one that is the least loss: an empty one, or that which is empty first. */
static bucket *find(bucket *set, uint64_t key, bucket *least, bucket **at)
{
    *least = (bucket){ .empty_ns = INT64_MAX };
    for (int i = 0; i < WAYS; i++) {
        bucket b = { __atomic_load_n(&set[i].key, __ATOMIC_RELAXED), __atomic_load_n(&set[i].empty_ns, __ATOMIC_RELAXED) };
        if (b.key == key) return &set[i];
        if (b.empty_ns >= least->empty_ns) continue;
        *least = b;
        *at = &set[i];
    }
    return NULL;
}

/* After somebody has become the key's, all look anew: so they agree on the first that is, also when two came at once. */
static bucket *bucket_of(const limiter *l, uint64_t key)
{
    bucket *set = &l->t->buckets[(key >> 8) % l->sets * WAYS], least, *at = set, *b;
    for (int tries = 0; !(b = find(set, key, &least, &at)) && tries < WAYS; tries++) {
        if (!__atomic_compare_exchange_n(&at->key, &least.key, key, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) continue;
        __atomic_compare_exchange_n(&at->empty_ns, &least.empty_ns, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    }
    return b ? b : at;
}

/* ---- the layer ---- */

/* Whoever has one address of IPv6 has as many as there are in its network. */
static weft_str address_of(const weft_request *request)
{
    const weft__peer *peer = weft__exchange_peer_raw(request->exchange);
    size_t n = peer->family == AF_INET ? 4 : peer->family == AF_INET6 ? 8 : 0;
    return (weft_str){ (const char *)peer, offsetof(weft__peer, bytes) + n };
}

static weft_str who(const limiter *l, const weft_request *request)
{
    const weft_rate_limit_opts *o = l->opts;
    if (o->key) return o->key(request);
    const weft__http_header *h = o->header ? weft__http_find(weft__request_head(request), weft_str_of(o->header), NULL) : NULL;
    return h && h->value.len ? h->value : address_of(request);   /* an empty one is nobody's: not free of limits */
}

/* Take one: how many more there are now, and the time until none is taken; or -1, and the time until there is one. */
static int64_t take(const limiter *l, bucket *b, int64_t now_ns, int64_t *reset_ns)
{
    int64_t was = __atomic_load_n(&b->empty_ns, __ATOMIC_RELAXED), empty, most = now_ns + l->drip_ns * l->burst;
    do {
        empty = (was > now_ns ? was : now_ns) + l->drip_ns;
        *reset_ns = empty - most;
        if (*reset_ns > 0) return -1;
    } while (!__atomic_compare_exchange_n(&b->empty_ns, &was, empty, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    *reset_ns = empty - now_ns;
    return (most - empty) / l->drip_ns;
}

static int tell(const limiter *l, weft_reply *reply, int64_t left, int64_t reset_ns)
{
    weft_str rest = weft__arena_printf(reply->arena, "%lld", (long long)(left < 0 ? 0 : left));
    weft_str reset = weft__arena_printf(reply->arena, "%lld", (long long)((reset_ns + SECOND_NS - 1) / SECOND_NS));
    if (!rest.ptr || !reset.ptr) return WEFT_ENOMEM;
    WEFT_TRY(weft__reply_put(reply, WEFT_S("RateLimit-Limit"), l->limit_text));
    WEFT_TRY(weft__reply_put(reply, WEFT_S("RateLimit-Remaining"), rest));
    WEFT_TRY(weft__reply_put(reply, WEFT_S("RateLimit-Reset"), reset));
    return left < 0 ? weft__reply_put(reply, WEFT_S("Retry-After"), reset) : 0;
}

static int before(const weft_request *request, weft_reply *reply, const void *config)
{
    const limiter *l = config;
    int64_t reset_ns;
    weft_str text = who(l, request);
    if (!text.len) return 0;
    int64_t left = take(l, bucket_of(l, key_of(l, text)), weft__loop_now(weft__loop_here()), &reset_ns);
    WEFT_TRY(tell(l, reply, left, reset_ns));
    return left < 0 ? weft_fail(429, "Too Many Requests") : 0;
}

static size_t shared_bytes(const void *made, unsigned slots)
{
    (void)slots;
    return sizeof(table) + ((const limiter *)made)->sets * WAYS * sizeof(bucket);
}

static int make(weft__layer_making *m, const void *config)
{
    const weft_rate_limit_opts *o = config;
    int window_s = o->window_s ? o->window_s : WINDOW_S, keys = o->keys_max ? o->keys_max : KEYS;
    bool good = o->limit > 0 && window_s > 0 && o->burst >= 0 && keys > 0 && keys <= KEYS_LARGEST;
    int64_t drip_ns = good ? window_s * SECOND_NS / o->limit : 1, burst = o->burst ? o->burst : o->limit;
    if (good && !drip_ns) WEFT__LAYER_FAULT(m, "limit %d in %d s; expected one a nanosecond at most", o->limit, window_s);
    if (good && drip_ns && burst > INT64_MAX / 4 / drip_ns) WEFT__LAYER_FAULT(m, "burst %lld takes more than 73 years to be empty", (long long)burst);
    good = good && drip_ns && burst <= INT64_MAX / 4 / drip_ns;
    if (!good) WEFT__LAYER_FAULT(m, "limit %d, window_s %d, burst %d, keys_max %d; expected positive numbers, and keys_max up to %d", o->limit, o->window_s, o->burst,
        o->keys_max, KEYS_LARGEST);
    if (o->key && o->header) WEFT__LAYER_FAULT(m, ".key and .header; expected one of them");
    limiter *l = weft__arena_zalloc(m->arena, sizeof *l);
    if (!l) return WEFT_ENOMEM;
    m->made = l;
    if (!good) return 0;
    *l = (limiter){ .opts = o, .sets = ((size_t)keys + WAYS - 1) / WAYS, .drip_ns = drip_ns, .burst = (int)burst };
    l->limit_text = weft__arena_printf(m->arena, "%d", o->limit);
    if (l->limit_text.ptr) l->own = l->t = weft__calloc(shared_bytes(l, 0));
    return l->own ? 0 : WEFT_ENOMEM;
}

static void share(void *made, void *memory, const struct weft__fleet *fleet)
{
    limiter *l = made;
    (void)fleet;
    weft__free(l->own);
    l->own = NULL;
    l->t = memory;
}

static uint64_t layout(const void *made, uint64_t h)
{
    const limiter *l = made;
    return weft__layout_number(weft__layout_number(weft__layout_number(h, l->sets), (uint64_t)l->drip_ns), (uint64_t)l->burst);
}

static void drop(void *made) { weft__free(((limiter *)made)->own); }

const weft__layer_kind weft__rate_limit_kind = { .name = "weft_rate_limit", .before = before, .make = make, .drop = drop, .shared_bytes = shared_bytes,
    .share = share, .layout = layout };
