/* weft_idempotency: a request that is sent again, with the key of the first, is answered as that was. */
#include <string.h>
#include "base/mem.h"
#include "task/loop.h"
#include "web/onion.h"
#include "web/words.h"

enum { TTL_S = 24 * 3600, ENTRIES = 1000, BYTES = 16 << 20, KEY_MAX = 255, BUCKETS = 256 };
#define SECOND_NS INT64_C(1000000000)

/* One answer, or a request that is being answered. What it holds lies behind it. */
typedef struct entry entry;
struct entry {
    entry *in_bucket;                /* the next of the same bucket */
    entry *newer, *older;            /* of those that have an answer */
    weft_str name;                   /* whose key of which request it is */
    size_t bytes;
    int64_t until_ns;
    bool answered;
    int status;
    weft_str type, lines, body;
    char text[];
};

typedef struct store {
    const weft_idempotency_opts *opts;
    int64_t ttl_ns;
    uint32_t entries, entries_max;
    size_t bytes, bytes_max;
    entry *buckets[BUCKETS];
    entry *newest, *oldest;
} store;

/* ---- the store ---- */

static entry **bucket_of(store *s, weft_str name)
{
    uint32_t sum = 2166136261u;      /* FNV-1a: names are told apart by all of their bytes */
    for (size_t i = 0; i < name.len; i++) sum = (sum ^ (unsigned char)name.ptr[i]) * 16777619u;
    return &s->buckets[(sum ^ sum >> 16) % BUCKETS];
}

static void forget(store *s, entry *e)
{
    entry **at = bucket_of(s, e->name);
    while (*at != e) at = &(*at)->in_bucket;
    *at = e->in_bucket;
    if (e->answered) {
        if (e->newer) e->newer->older = e->older;
        else s->newest = e->older;
        if (e->older) e->older->newer = e->newer;
        else s->oldest = e->newer;
    }
    s->entries--;
    s->bytes -= e->bytes;
    weft__free(e);
}

static entry *find(store *s, weft_str name, int64_t now_ns)
{
    while (s->oldest && s->oldest->until_ns <= now_ns) forget(s, s->oldest);
    for (entry *e = *bucket_of(s, name); e; e = e->in_bucket)
        if (weft_str_equal(e->name, name)) return e;
    return NULL;
}

/* Room for one more: the oldest answers go. */
static bool make_room(store *s, size_t bytes)
{
    if (bytes > s->bytes_max) return false;
    while (s->oldest && (s->entries >= s->entries_max || s->bytes + bytes > s->bytes_max)) forget(s, s->oldest);
    return s->entries < s->entries_max && s->bytes + bytes <= s->bytes_max;
}

static char *put(char *to, weft_str s, weft_str *out)
{
    *out = (weft_str){ to, s.len };
    if (s.len) memcpy(to, s.ptr, s.len);
    to[s.len] = 0;
    return to + s.len + 1;
}

static entry *add(store *s, weft_str name, size_t more)
{
    size_t bytes = sizeof(entry) + name.len + 1 + more;
    entry *e = make_room(s, bytes) ? weft__malloc(bytes) : NULL;
    if (!e) return NULL;
    *e = (entry){ .bytes = bytes };
    (void)put(e->text, name, &e->name);
    entry **at = bucket_of(s, e->name);
    e->in_bucket = *at;
    *at = e;
    s->entries++;
    s->bytes += bytes;
    return e;
}

/* ---- answers, kept and given again ---- */

/* Cookies are for the one who was answered first. */
static weft_str lines_of(const weft_reply *r)
{
    weft_reply some = *r;
    some.headers.items = weft__arena_alloc(r->arena, (r->headers.count + 1) * sizeof *some.headers.items);
    some.headers.count = 0;
    for (uint32_t i = 0; some.headers.items && i < r->headers.count; i++)
        if (!weft__same_nocase(r->headers.items[i].name, WEFT_S("set-cookie"))) some.headers.items[some.headers.count++] = r->headers.items[i];
    return some.headers.items ? weft__reply_lines(r->arena, &some, (weft_str){ 0 }, (weft_str){ 0 }) : (weft_str){ 0 };
}

static void keep(store *s, entry *running, const weft_reply *r, int64_t now_ns)
{
    weft_str name = weft__arena_dup(r->arena, running->name), lines = lines_of(r);
    forget(s, running);
    if (!name.ptr || !lines.ptr) return;
    entry *e = add(s, name, r->content_type.len + lines.len + r->body.len + 3);
    if (!e) return;
    char *to = e->text + name.len + 1;
    to = put(to, r->content_type, &e->type);
    to = put(to, lines, &e->lines);
    (void)put(to, r->body, &e->body);
    e->status = r->status;
    e->until_ns = now_ns + s->ttl_ns;
    e->answered = true;
    e->older = s->newest;
    if (e->older) e->older->newer = e;
    else s->oldest = e;
    s->newest = e;
}

static int replay(const entry *e, weft_reply *r)
{
    weft_str lines = weft__arena_dup(r->arena, e->lines), body = weft__arena_dup(r->arena, e->body), type = weft__arena_dup(r->arena, e->type), name, value;
    if (!lines.ptr || !body.ptr || !type.ptr) return WEFT_ENOMEM;
    while (weft__header_line_next(&lines, &name, &value)) {
        ((char *)value.ptr)[value.len] = 0;
        WEFT_TRY(weft__reply_put(r, name, value));
    }
    WEFT_TRY(weft__reply_put(r, WEFT_S("Idempotency-Replayed"), WEFT_S("true")));
    WEFT_TRY(weft_reply_status(r, e->status));
    WEFT_TRY(weft_reply_text(r, body));
    r->content_type = type;
    return 0;
}

/* ---- the layer ---- */

/* Whose it is: two clients may choose the same key. */
static weft_str name_of(const store *s, const weft_request *request, weft_str key)
{
    const weft__http_head *head = weft__request_head(request);
    const weft__http_header *authorization = weft__http_find(head, WEFT_S("Authorization"), NULL), *cookie = weft__http_find(head, WEFT_S("Cookie"), NULL);
    const weft_str none = WEFT_S("");
    weft_str who = s->opts->client ? s->opts->client(request) : authorization ? authorization->value : cookie ? none : weft_request_client(request);
    weft_str also = !s->opts->client && cookie ? cookie->value : none;         /* those of one gateway have its Authorization in common */
    return weft__arena_printf(request->exchange->arena, "%.*s %.*s\n%.*s\n%.*s\n%.*s", WEFT_FMT(head->method), WEFT_FMT(head->target), WEFT_FMT(who), WEFT_FMT(also), WEFT_FMT(key));
}

/* Who comes again may be let in by then, or not be too early any more; and a failure of ours may be another one's success. */
static bool stays(int status)
{
    return status < 500 && status != 401 && status != 403 && status != 408 && status != 425 && status != 429;
}

static int run_once(store *s, weft_str name, weft_reply *reply, weft_next *next)
{
    entry *running = add(s, name, 0);
    if (!running) return weft_fail(503, "Too many requests with an Idempotency-Key are being answered");
    int rc = weft_next_run(next);
    bool lasts = !weft_reply_begun(reply) && reply->has_body && stays(reply->status) && !weft__cancelled();
    if (lasts) keep(s, running, reply, weft__loop_now(weft__loop_here()));
    else forget(s, running);
    return rc;
}

static int run(const weft_request *request, weft_reply *reply, weft_next *next)
{
    store *s = (store *)(uintptr_t)weft_next_config(next);
    const weft__http_head *head = weft__request_head(request);
    const weft__http_header *key = weft__http_find(head, weft_str_of(s->opts->header ? s->opts->header : "Idempotency-Key"), NULL);
    bool meant = head->verb == WEFT__POST || head->verb == WEFT__PATCH;
    if (!meant || (!key && !s->opts->required)) return weft_next_run(next);
    if (!key || !key->value.len) return weft_fail(400, "This request needs an Idempotency-Key");
    if (key->value.len > KEY_MAX) return weft_fail(400, "The Idempotency-Key has more than %d bytes", KEY_MAX);
    weft_str name = name_of(s, request, key->value);
    if (!name.ptr) return WEFT_ENOMEM;
    entry *known = find(s, name, weft__loop_now(weft__loop_here()));
    if (!known) return run_once(s, name, reply, next);
    if (!known->answered) return weft_fail(409, "A request with this Idempotency-Key is being answered");
    return replay(known, reply);
}

static int make(weft__layer_making *m, const void *config)
{
    const weft_idempotency_opts *o = config;
    store *s = weft__arena_zalloc(m->arena, sizeof *s);
    if (!s) return WEFT_ENOMEM;
    *s = (store){ .opts = o, .ttl_ns = (o->ttl_s ? o->ttl_s : TTL_S) * SECOND_NS, .entries_max = (uint32_t)(o->entries_max ? o->entries_max : ENTRIES),
        .bytes_max = o->bytes_max ? o->bytes_max : BYTES };
    if (o->ttl_s < 0 || o->entries_max < 0) WEFT__LAYER_FAULT(m, "ttl_s %d, entries_max %d; expected positive numbers", o->ttl_s, o->entries_max);
    if (o->header && !weft__http_name_valid(weft_str_of(o->header))) WEFT__LAYER_FAULT(m, "header '%s' is no token", o->header);
    m->made = s;
    return 0;
}

static void drop(void *made)
{
    store *s = made;
    for (unsigned i = 0; i < BUCKETS; i++)
        while (s->buckets[i]) forget(s, s->buckets[i]);
}

const weft__layer_kind weft__idempotency_kind = { .name = "weft_idempotency", .run = run, .make = make, .drop = drop };
