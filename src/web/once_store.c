#include "web/once_store.h"
#include <string.h>

/* Somebody, while something of theirs is here. */
struct weft__once_owner {
    weft__once_owner *in_bucket;                 /* the next of the same bucket, or of those that are free */
    uint64_t who;
    uint32_t running;
    weft__once_ranked kept, bytes;               /* how many are kept, and how many bytes of these */
    weft__once_entry *newest, *oldest;           /* of those kept */
};

enum { RUNNING_SHARE = 4, BLOCK = 512, AT_ONCE = 256 };

/* Texts lie in blocks of one size, so that room for them never comes to pieces. */
struct weft__once_block { weft__once_block *next; char bytes[BLOCK - sizeof(void *)]; };
enum { BLOCK_TEXT = sizeof((weft__once_block *)NULL)->bytes };

/* ---- memory ---- */

static uint32_t buckets_for(uint32_t entries_max)
{
    uint32_t buckets = 16;
    while (buckets < entries_max) buckets *= 2;
    return buckets;
}

/* As many as answers of bytes_max take when the last block of each is nearly empty. */
static size_t blocks_for(uint32_t entries_max, size_t bytes_max)
{
    size_t blocks = bytes_max / BLOCK_TEXT + entries_max + 1;
    return blocks < UINT32_MAX ? blocks : UINT32_MAX - 1;
}

/* Where the tables lie behind the store; NULL: how long it all is. */
static size_t lay_out(weft__once_store *s, uint32_t entries_max, size_t bytes_max)
{
    enum { EDGE = 64 };
    size_t sizes[] = { sizeof *s, buckets_for(entries_max) * sizeof *s->buckets, buckets_for(entries_max) * sizeof *s->owner_buckets,
        entries_max * sizeof *s->entry_items, ((size_t)entries_max + 1) * sizeof *s->owner_items, ((size_t)entries_max + 1) * sizeof *s->by_kept.items,
        ((size_t)entries_max + 1) * sizeof *s->by_bytes.items, blocks_for(entries_max, bytes_max) * sizeof *s->block_items };
    size_t at[weft_count(sizes)], end = 0;
    for (size_t i = 0; i < weft_count(sizes); i++) {
        at[i] = end;
        end += (sizes[i] + EDGE - 1) / EDGE * EDGE;
    }
    if (!s) return end;
    char *base = (char *)s;
    s->buckets = (void *)(base + at[1]);
    s->owner_buckets = (void *)(base + at[2]);
    s->entry_items = (void *)(base + at[3]);
    s->owner_items = (void *)(base + at[4]);
    s->by_kept.items = (void *)(base + at[5]);
    s->by_bytes.items = (void *)(base + at[6]);
    s->block_items = (void *)(base + at[7]);
    return end;
}

size_t weft__once_bytes(uint32_t entries_max, size_t bytes_max) { return lay_out(NULL, entries_max, bytes_max); }

weft__once_store *weft__once_lay_out(void *memory, uint32_t entries_max, size_t bytes_max, int64_t ttl_ns)
{
    weft__once_store *s = memory;
    *s = (weft__once_store){ .entries_max = entries_max, .bytes_max = bytes_max, .ttl_ns = ttl_ns, .mask = buckets_for(entries_max) - 1,
        .blocks_max = (uint32_t)blocks_for(entries_max, bytes_max) };
    lay_out(s, entries_max, bytes_max);
    return s;
}

/* Whoever still means one of its entries knows it by a ticket, and these go on. */
void weft__once_reset(weft__once_store *s)
{
    uint64_t tickets = s->tickets;
    memset(s->buckets, 0, (s->mask + 1) * sizeof *s->buckets);
    memset(s->owner_buckets, 0, (s->mask + 1) * sizeof *s->owner_buckets);
    memset(s->entry_items, 0, s->entries_max * sizeof *s->entry_items);
    weft__once_lay_out(s, s->entries_max, s->bytes_max, s->ttl_ns);
    s->tickets = tickets;
}

static weft__once_entry *entry_new(weft__once_store *s)
{
    weft__once_entry *e = s->entry_free;
    if (e) s->entry_free = e->in_bucket;
    else e = s->entries_fresh < s->entries_max ? &s->entry_items[s->entries_fresh++] : NULL;
    return e;
}

static void entry_free(weft__once_store *s, weft__once_entry *e)
{
    *e = (weft__once_entry){ .in_bucket = s->entry_free };
    s->entry_free = e;
}

static weft__once_owner *owner_new(weft__once_store *s)
{
    weft__once_owner *o = s->owner_free;
    if (o) s->owner_free = o->in_bucket;
    else o = s->owners_fresh <= s->entries_max ? &s->owner_items[s->owners_fresh++] : NULL;
    return o;
}

static void owner_free(weft__once_store *s, weft__once_owner *o)
{
    o->in_bucket = s->owner_free;
    s->owner_free = o;
}

static weft__once_block *block_new(weft__once_store *s)
{
    weft__once_block *b = s->block_free;
    if (b) s->block_free = b->next;
    else b = s->blocks_fresh < s->blocks_max ? &s->block_items[s->blocks_fresh++] : NULL;
    if (b) b->next = NULL;
    return b;
}

static void blocks_free(weft__once_store *s, weft__once_block *b)
{
    while (b) {
        weft__once_block *next = b->next;
        b->next = s->block_free;
        s->block_free = b;
        b = next;
    }
}

/* ---- owners ---- */

static weft__once_owner **owner_bucket(weft__once_store *s, uint64_t who) { return &s->owner_buckets[who & s->mask]; }

static weft__once_owner *owner_find(weft__once_store *s, uint64_t who)
{
    weft__once_owner *o = *owner_bucket(s, who);
    while (o && o->who != who) o = o->in_bucket;
    return o;
}

static weft__once_owner *owner_of(weft__once_store *s, uint64_t who)
{
    weft__once_owner *o = owner_find(s, who), **at = owner_bucket(s, who);
    if (o) return o;
    o = owner_new(s);
    if (!o) return NULL;
    *o = (weft__once_owner){ .in_bucket = *at, .who = who };
    *at = o;
    s->owners++;
    return o;
}

static void owner_drop(weft__once_store *s, weft__once_owner *o)
{
    weft__once_owner **at = owner_bucket(s, o->who);
    if (o->running || o->kept.weight) return;
    while (*at != o) at = &(*at)->in_bucket;
    *at = o->in_bucket;
    s->owners--;
    owner_free(s, o);
}

/* ---- entries ---- */

static weft__once_entry **bucket_of(weft__once_store *s, const uint8_t *name)
{
    uint32_t n;
    memcpy(&n, name, sizeof n);
    return &s->buckets[n & s->mask];
}

/* Out of both lines of those that are kept. */
static void unlink_kept(weft__once_store *s, weft__once_entry *e)
{
    weft__once_owner *o = e->owner;
    if (e->newer) e->newer->older = e->older;
    else s->newest = e->older;
    if (e->older) e->older->newer = e->newer;
    else s->oldest = e->newer;
    if (e->own_newer) e->own_newer->own_older = e->own_older;
    else o->newest = e->own_older;
    if (e->own_older) e->own_older->own_newer = e->own_newer;
    else o->oldest = e->own_newer;
    weft__once_rank_set(&s->by_kept, &o->kept, o->kept.weight - 1);
    weft__once_rank_set(&s->by_bytes, &o->bytes, o->bytes.weight - e->bytes);
}

static void link_kept(weft__once_store *s, weft__once_entry *e)
{
    weft__once_owner *o = e->owner;
    e->older = s->newest;
    if (e->older) e->older->newer = e;
    else s->oldest = e;
    s->newest = e;
    e->own_older = o->newest;
    if (e->own_older) e->own_older->own_newer = e;
    else o->oldest = e;
    o->newest = e;
    weft__once_rank_set(&s->by_kept, &o->kept, o->kept.weight + 1);
    weft__once_rank_set(&s->by_bytes, &o->bytes, o->bytes.weight + e->bytes);
}

static void put_in_bucket(weft__once_store *s, weft__once_entry *e)
{
    weft__once_entry **at = bucket_of(s, e->name);
    e->in_bucket = *at;
    *at = e;
    s->entries++;
    s->bytes += e->bytes;
}

static void take_from_bucket(weft__once_store *s, weft__once_entry *e)
{
    weft__once_entry **at = bucket_of(s, e->name);
    while (*at != e) at = &(*at)->in_bucket;
    *at = e->in_bucket;
    s->entries--;
    s->bytes -= e->bytes;
}

void weft__once_forget(weft__once_store *s, weft__once_entry *e)
{
    weft__once_owner *o = e->owner;
    take_from_bucket(s, e);
    if (e->answered) unlink_kept(s, e);
    else o->running--;
    blocks_free(s, e->text);
    entry_free(s, e);
    owner_drop(s, o);
}

void weft__once_sweep(weft__once_store *s, bool (*lives)(const void *ctx, uint64_t runner), const void *ctx)
{
    for (uint32_t i = 0; i < s->entries_fresh; i++) {
        weft__once_entry *e = &s->entry_items[i];
        if (e->owner && !e->answered && !lives(ctx, e->runner)) weft__once_forget(s, e);
    }
}

weft__once_entry *weft__once_find(weft__once_store *s, const uint8_t name[WEFT__ONCE_NAME], int64_t now_ns)
{
    for (int n = 0; n < AT_ONCE && s->oldest && s->oldest->until_ns <= now_ns; n++) weft__once_forget(s, s->oldest);
    weft__once_entry *e = *bucket_of(s, name);
    while (e && memcmp(e->name, name, WEFT__ONCE_NAME) != 0) e = e->in_bucket;
    if (!e || !e->answered || e->until_ns > now_ns) return e;
    weft__once_forget(s, e);
    return NULL;
}

/* ---- room ---- */

static const weft__once_owner *most_kept(const weft__once_store *s)
{
    weft__once_ranked *x = weft__once_rank_first(&s->by_kept);
    return x ? (weft__once_owner *)((char *)x - offsetof(weft__once_owner, kept)) : NULL;
}

static const weft__once_owner *most_bytes(const weft__once_store *s)
{
    weft__once_ranked *x = weft__once_rank_first(&s->by_bytes);
    return x ? (weft__once_owner *)((char *)x - offsetof(weft__once_owner, bytes)) : NULL;
}

/* Whose oldest goes, so that `who` may have one more. Who has more than everybody else gives up its own; the oldest of all goes only for
 * somebody's first. */
static weft__once_entry *loser_by_count(const weft__once_store *s, const weft__once_owner *who)
{
    const weft__once_owner *most = most_kept(s);
    if (most && most->kept.weight > who->kept.weight + who->running) return most->oldest;
    if (who->oldest) return who->oldest;
    return who->running ? NULL : s->oldest;
}

static weft__once_entry *loser_by_bytes(const weft__once_store *s, const weft__once_owner *who, size_t bytes)
{
    const weft__once_owner *most = most_bytes(s);
    if (most && most->bytes.weight > who->bytes.weight + bytes) return most->oldest;
    if (who->oldest) return who->oldest;
    return bytes <= s->bytes / s->entries ? s->oldest : NULL;    /* one that is no larger than those of others */
}

weft__once_entry *weft__once_begin(weft__once_store *s, const uint8_t name[WEFT__ONCE_NAME], uint64_t who, uint64_t runner)
{
    uint32_t share = s->entries_max / RUNNING_SHARE ? s->entries_max / RUNNING_SHARE : 1;
    weft__once_owner *o = owner_of(s, who);
    if (!o) return NULL;
    bool room = o->running < share;
    while (room && s->entries >= s->entries_max) {
        weft__once_entry *loser = loser_by_count(s, o);
        room = loser;
        if (loser && loser->owner != o) weft__once_forget(s, loser);
        else if (loser) {
            o->running++;            /* so that it stays */
            weft__once_forget(s, loser);
            o->running--;
        }
    }
    weft__once_entry *e = room ? entry_new(s) : NULL;
    if (!e) {
        owner_drop(s, o);
        return NULL;
    }
    *e = (weft__once_entry){ .owner = o, .bytes = sizeof *e, .ticket = ++s->tickets, .runner = runner };
    memcpy(e->name, name, sizeof e->name);
    o->running++;
    put_in_bucket(s, e);
    return e;
}

/* ---- texts ---- */

/* Behind what is in them already; false: no block is left, and what went in stays. */
static bool put(weft__once_store *s, weft__once_block **last, size_t *at, weft_str text)
{
    while (text.len) {
        if (!*last || *at == BLOCK_TEXT) {
            weft__once_block *more = block_new(s);
            if (!more) return false;
            if (*last) (*last)->next = more;
            *last = more;
            *at = 0;
        }
        size_t n = text.len < BLOCK_TEXT - *at ? text.len : BLOCK_TEXT - *at;
        memcpy((*last)->bytes + *at, text.ptr, n);
        *at += n;
        text.ptr += n;
        text.len -= n;
    }
    return true;
}

static weft__once_block *put_all(weft__once_store *s, weft_str lines, weft_str body)
{
    weft__once_block *first = block_new(s), *last = first;
    size_t at = 0;
    if (first && put(s, &last, &at, lines) && put(s, &last, &at, body)) return first;
    blocks_free(s, first);
    return NULL;
}

void weft__once_copy(const weft__once_entry *e, char *to)
{
    const weft__once_block *b = e->text;
    size_t at = 0, all = e->lines_len + e->body_len;
    for (size_t done = 0; done < all;) {
        size_t whole = done < e->lines_len ? e->lines_len - done : all - done, n = whole < BLOCK_TEXT - at ? whole : BLOCK_TEXT - at;
        memcpy(to + done + (done >= e->lines_len), b->bytes + at, n);
        done += n;
        at += n;
        if (at < BLOCK_TEXT) continue;
        b = b->next;
        at = 0;
    }
    to[e->lines_len] = to[all + 1] = 0;
}

bool weft__once_keep(weft__once_store *s, weft__once_entry *e, int status, weft_str lines, weft_str body, int64_t now_ns)
{
    size_t bytes = sizeof *e + lines.len + body.len + 2;
    bool room = bytes <= s->bytes_max;
    for (int n = 0; room && s->bytes - e->bytes + bytes > s->bytes_max; n++) {
        weft__once_entry *loser = loser_by_bytes(s, e->owner, bytes);
        if (loser && n == AT_ONCE) return false;
        room = loser;
        if (loser) weft__once_forget(s, loser);
    }
    weft__once_block *text = room ? put_all(s, lines, body) : NULL;
    if (!text) {
        weft__once_forget(s, e);
        return true;
    }
    s->bytes += bytes - e->bytes;
    e->bytes = bytes;
    e->text = text;
    e->lines_len = lines.len;
    e->body_len = body.len;
    e->status = status;
    e->until_ns = now_ns + s->ttl_ns;
    e->answered = true;
    e->owner->running--;
    link_kept(s, e);
    return true;
}
