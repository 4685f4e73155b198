/* weft_idempotency: a request that is sent again, with the key of the first, is answered as that was. */
#include <string.h>
#include "base/mem.h"
#include "crypto/secret.h"
#include "os/fleet.h"
#include "task/loop.h"
#include "web/once_store.h"
#include "web/security.h"
#include "web/words.h"

enum { TTL_S = 24 * 3600, ENTRIES = 1000, BYTES = 16 << 20, KEY_MAX = 255 };
#define SECOND_NS INT64_C(1000000000)

/* What all workers of a machine have together; or what this process has alone. */
typedef struct shared {
    weft__fleet_lock lock;
    bool begun;
    uint8_t seed[WEFT__MAC];         /* nobody chooses which names fall together */
    uint64_t swept;                  /* the fleet's generation when those who live no more were last looked for */
    weft__once_store store;
} shared;

typedef struct once {
    const weft_idempotency_opts *opts;
    uint32_t entries_max;
    size_t bytes_max;
    int64_t ttl_ns;
    shared *all, *own;               /* own: where this process serves alone */
    const weft__fleet *fleet;        /* NULL: it does */
} once;

/* ---- the store is held ---- */

static bool lives(const void *fleet, uint64_t runner) { return weft__fleet_lives(fleet, runner); }

/* False: somebody holds it for longer than anybody should. Who died with it may have left anything: answers are forgotten, as at a restart. */
static bool enter(const once *o)
{
    if (!o->fleet) return true;
    weft__fleet_held held = weft__fleet_lock_take(o->fleet, &o->all->lock);
    if (held == WEFT__FLEET_BROKEN) weft__once_reset(&o->all->store);
    return held != WEFT__FLEET_BUSY;
}

static void leave(const once *o)
{
    if (o->fleet) weft__fleet_lock_give(&o->all->lock);
}

/* For what must not be left undone: who holds it for long is stuck, and will be ended. */
static void enter_at_last(const once *o)
{
    while (!enter(o)) (void)!weft_sleep_ms(1);
}

/* ---- names ---- */

/* Bytes on their way into a name. Each piece has its length in front, so that no two requests run into the same bytes. */
typedef struct name {
    const once *o;
    uint8_t sum[WEFT__ONCE_NAME];
    uint64_t lens[8];
    weft_str pieces[17];
    unsigned count;
} name;

static void name_fold(name *n)
{
    n->pieces[0] = (weft_str){ (const char *)n->sum, sizeof n->sum };
    const shared *all = n->o->all;
    weft__mac_of((weft_str){ (const char *)all->seed, sizeof all->seed }, n->pieces, 1 + 2 * n->count, n->sum);
    n->count = 0;
}

static void name_add(name *n, weft_str s)
{
    if (n->count == weft_count(n->lens)) name_fold(n);
    n->lens[n->count] = s.len;
    n->pieces[1 + 2 * n->count] = (weft_str){ (const char *)&n->lens[n->count], sizeof n->lens[0] };
    n->pieces[2 + 2 * n->count++] = s.len ? s : WEFT_S("");
}

/* Every line of it, and what no line can be. */
static bool name_add_header(name *n, const weft__http_head *head, weft_str of)
{
    bool any = false;
    for (const weft__http_header *h = NULL; (h = weft__http_find(head, of, h)); any = true) name_add(n, h->value);
    name_add(n, WEFT_S("\n"));
    return any;
}

/* Whoever has one address of IPv6 has as many as there are in its network. */
static weft_str address_of(const weft_request *request)
{
    const weft__peer *peer = weft__exchange_peer_raw(request->exchange);
    size_t bytes = peer->family == AF_INET ? 4 : peer->family == AF_INET6 ? 8 : 0;
    return (weft_str){ (const char *)peer, offsetof(weft__peer, bytes) + bytes };
}

/* By what a client shows who it is: known headers, and those that providers of the route look at. Without any, by its address. */
static void name_add_client(name *n, const weft_request *request)
{
    static const weft_str known[] = { WEFT_S("Authorization"), WEFT_S("Cookie"), WEFT_S("X-Api-Key"), WEFT_S("X-Auth-Token") };
    const weft__http_head *head = weft__request_head(request);
    const weft__needs *needs = request->endpoint ? request->endpoint->needs : NULL;
    bool any = false;
    for (size_t i = 0; i < weft_count(known); i++) any |= name_add_header(n, head, known[i]);
    for (uint32_t i = 0; needs && i < needs->count; i++) {
        const weft__sources *headers = &needs->items[i].head.headers;
        const weft_security *scheme = weft__security_of(needs->items[i].of->provider);
        for (uint32_t k = 0; k < headers->count; k++) any |= name_add_header(n, head, headers->items[k].name);
        if (scheme && scheme->kind == WEFT__KEY_HEADER) any |= name_add_header(n, head, weft_str_of(scheme->key));
    }
    if (!any) name_add(n, address_of(request));
}

/* Whose share of the store it takes: credentials that nobody has checked yet are made up as one likes, addresses are not. */
static uint64_t owner_of(const once *o, const weft_request *request, weft_str client)
{
    uint64_t who;
    name n = { .o = o };
    name_add(&n, client.len ? client : address_of(request));
    name_fold(&n);
    memcpy(&who, n.sum, sizeof who);
    return who;
}

static void name_of(const once *o, const weft_request *request, weft_str client, weft_str key, uint8_t out[WEFT__ONCE_NAME])
{
    const weft__http_head *head = weft__request_head(request);
    name n = { .o = o };
    name_add(&n, head->method);
    name_add(&n, head->target);
    name_add(&n, head->host);
    name_add(&n, key);
    name_add(&n, client);
    if (!client.len) name_add_client(&n, request);
    name_fold(&n);
    memcpy(out, n.sum, WEFT__ONCE_NAME);
}

/* ---- answers, kept and given again ---- */

/* What layers around this one have said before: they say it anew each time. */
typedef struct said { weft_header *items; uint32_t count; } said;

static bool is_said(const said *before, const weft_header *h)
{
    for (uint32_t i = 0; i < before->count; i++)
        if (before->items[i].value.ptr == h->value.ptr && weft__same_nocase(before->items[i].name, h->name)) return true;
    return false;
}

/* What came from inside; but cookies are for the one who was answered first. */
static weft_str lines_of(const weft_reply *r, const said *before)
{
    static const weft_str replayed = WEFT_S("Idempotency-Replayed: true\r\n");
    weft_reply some = *r;
    some.headers.items = weft__arena_alloc(r->arena, (r->headers.count + 1) * sizeof *some.headers.items);
    some.headers.count = 0;
    for (uint32_t i = 0; some.headers.items && i < r->headers.count; i++) {
        const weft_header *h = &r->headers.items[i];
        if (!weft__same_nocase(h->name, WEFT_S("set-cookie")) && !is_said(before, h)) some.headers.items[some.headers.count++] = *h;
    }
    return some.headers.items ? weft__reply_lines(r->arena, &some, r->content_type, replayed) : (weft_str){ 0 };
}

/* A copy of one that is kept, for when the store is not held any more. */
typedef struct kept { int status; weft_str lines, body; } kept;

static int copy(const weft__once_entry *e, weft_arena *arena, kept *out)
{
    char *text = weft__arena_alloc(arena, e->lines_len + e->body_len + 2);
    if (!text) return WEFT_ENOMEM;
    weft__once_copy(e, text);
    *out = (kept){ e->status, { text, e->lines_len }, { text + e->lines_len + 1, e->body_len } };
    return 0;
}

/* ---- the layer ---- */

/* Who comes again may be let in by then, or not be too early any more; and a failure of ours may be another one's success. */
static bool stays(int status)
{
    return status < 500 && status != 401 && status != 403 && status != 408 && status != 425 && status != 429;
}

/* The entry is this request's as long as it has its ticket: else the store has been emptied meanwhile. */
typedef struct running { weft__once_entry *entry; uint64_t ticket; } running;

static void forget(const once *o, const running *mine)
{
    enter_at_last(o);
    if (mine->entry->ticket == mine->ticket) weft__once_forget(&o->all->store, mine->entry);
    leave(o);
}

/* A large answer may push out very many small ones: meanwhile others have the store, too. */
static void keep(const once *o, const running *mine, const weft_reply *reply, weft_str lines)
{
    enum { TIMES_MAX = WEFT__ONCE_ENTRIES_LARGEST / 100 };
    bool done = false;
    for (int i = 0; i < TIMES_MAX && !done; i++) {
        enter_at_last(o);
        done = mine->entry->ticket != mine->ticket
            || weft__once_keep(&o->all->store, mine->entry, reply->status, lines, reply->body, weft__loop_now(weft__loop_here()));
        leave(o);
    }
    if (!done) forget(o, mine);
}

static int run_once(const once *o, const running *mine, weft_reply *reply, weft_next *next)
{
    said before = { weft__arena_alloc(reply->arena, (reply->headers.count + 1) * sizeof *before.items), reply->headers.count };
    if (!before.items) {
        forget(o, mine);
        return WEFT_ENOMEM;
    }
    if (before.count) memcpy(before.items, reply->headers.items, before.count * sizeof *before.items);
    int rc = weft_next_run(next);
    bool lasts = !weft_reply_begun(reply) && reply->has_body && stays(reply->status) && !weft__cancelled();
    weft_str lines = lasts ? lines_of(reply, &before) : (weft_str){ 0 };
    if (lines.ptr) keep(o, mine, reply, lines);
    else forget(o, mine);
    return rc;
}

/* Requests of workers that are no more count against nobody. */
static weft__once_entry *begin(const once *o, const uint8_t name[WEFT__ONCE_NAME], uint64_t who)
{
    uint64_t me = o->fleet ? weft__fleet_who(o->fleet) : 0, generation = o->fleet ? weft__fleet_generation(o->fleet) : 0;
    weft__once_entry *e = weft__once_begin(&o->all->store, name, who, me);
    if (e || o->all->swept == generation) return e;
    o->all->swept = generation;
    weft__once_sweep(&o->all->store, lives, o->fleet);
    return weft__once_begin(&o->all->store, name, who, me);
}

typedef enum found { ANSWERED, RUNS, BEGUN, NO_ROOM, NO_MEMORY } found;

static found find(const once *o, const weft_request *request, weft_str client, weft_str key, kept *answer, running *mine)
{
    shared *all = o->all;
    uint8_t name[WEFT__ONCE_NAME];
    if (!all->begun) weft_random_bytes(all->seed, sizeof all->seed);
    all->begun = true;
    name_of(o, request, client, key, name);
    weft__once_entry *known = weft__once_find(&all->store, name, weft__loop_now(weft__loop_here()));
    if (known && !known->answered && o->fleet && !weft__fleet_lives(o->fleet, known->runner)) {
        weft__once_forget(&all->store, known);
        known = NULL;
    }
    if (known && !known->answered) return RUNS;
    if (known) return copy(known, request->exchange->arena, answer) < 0 ? NO_MEMORY : ANSWERED;
    mine->entry = begin(o, name, owner_of(o, request, client));
    if (!mine->entry) return NO_ROOM;
    mine->ticket = mine->entry->ticket;
    return BEGUN;
}

static int run(const weft_request *request, weft_reply *reply, weft_next *next)
{
    const once *o = weft_next_config(next);
    const weft__http_head *head = weft__request_head(request);
    const weft__http_header *key = weft__http_find(head, weft_str_of(o->opts->header ? o->opts->header : "Idempotency-Key"), NULL);
    bool meant = head->verb == WEFT__POST || head->verb == WEFT__PATCH;
    kept answer;
    running mine;
    if (!meant || (!key && !o->opts->required)) return weft_next_run(next);
    if (!key || !key->value.len) return weft_fail(400, "This request needs an Idempotency-Key");
    if (key->value.len > KEY_MAX) return weft_fail(400, "The Idempotency-Key has more than %d bytes", KEY_MAX);
    weft_str client = o->opts->client ? o->opts->client(request) : (weft_str){ "", 0 };
    if (!enter(o)) return weft_fail(503, "Answers by Idempotency-Key cannot be looked at just now");
    found f = find(o, request, client, key->value, &answer, &mine);
    leave(o);
    switch (f) {
    case BEGUN: return run_once(o, &mine, reply, next);
    /* Given as what is inside would give it: what layers around have said joins it. */
    case ANSWERED: return weft__exchange_reply(request->exchange, answer.status, answer.lines, answer.body);
    case RUNS: return weft_fail(409, "A request with this Idempotency-Key is being answered");
    case NO_ROOM: return weft_fail(503, "Too many requests with an Idempotency-Key are being answered");
    case NO_MEMORY: break;
    }
    return WEFT_ENOMEM;
}

/* ---- made ready ---- */

static size_t shared_bytes(const void *made, unsigned slots)
{
    const once *o = made;
    (void)slots;
    return offsetof(shared, store) + weft__once_bytes(o->entries_max, o->bytes_max);
}

static shared *begin_in(const once *o, void *memory)
{
    shared *all = memory;
    (void)weft__once_lay_out(&all->store, o->entries_max, o->bytes_max, o->ttl_ns);
    return all;
}

static void share(void *made, void *memory, const weft__fleet *fleet)
{
    once *o = made;
    weft__free(o->own);
    o->own = NULL;
    o->all = fleet->adopted ? memory : begin_in(o, memory);
    o->fleet = fleet;
}

static uint64_t layout(const void *made, uint64_t h)
{
    const once *o = made;
    return weft__layout_number(weft__layout_number(weft__layout_number(h, o->entries_max), o->bytes_max), (uint64_t)o->ttl_ns);
}

static int make(weft__layer_making *m, const void *config)
{
    const weft_idempotency_opts *opts = config;
    once *o = weft__arena_zalloc(m->arena, sizeof *o);
    if (!o) return WEFT_ENOMEM;
    o->opts = opts;
    m->made = o;
    bool good = opts->ttl_s >= 0 && opts->entries_max >= 0 && opts->entries_max <= WEFT__ONCE_ENTRIES_LARGEST;
    if (!good) WEFT__LAYER_FAULT(m, "ttl_s %d, entries_max %d; expected positive numbers, and entries_max up to %d", opts->ttl_s, opts->entries_max, WEFT__ONCE_ENTRIES_LARGEST);
    if (opts->header && !weft__http_name_valid(weft_str_of(opts->header))) WEFT__LAYER_FAULT(m, "header '%s' is no token", opts->header);
    if (!good) return 0;
    o->entries_max = (uint32_t)(opts->entries_max ? opts->entries_max : ENTRIES);
    o->bytes_max = opts->bytes_max ? opts->bytes_max : BYTES;
    o->ttl_ns = (opts->ttl_s ? opts->ttl_s : TTL_S) * SECOND_NS;
    o->own = weft__calloc(shared_bytes(o, 0));
    if (o->own) o->all = begin_in(o, o->own);
    return o->own ? 0 : WEFT_ENOMEM;
}

static void drop(void *made) { weft__free(((once *)made)->own); }

const weft__layer_kind weft__idempotency_kind = { .name = "weft_idempotency", .run = run, .make = make, .drop = drop, .shared_bytes = shared_bytes,
    .share = share, .layout = layout };
