#include "web/once_store.h"
#include <string.h>
#include "base/mem.h"

/* Somebody, while something of theirs is here. */
struct weft__once_owner {
    weft__once_owner *in_bucket, *next, *prev;
    uint64_t who;
    uint32_t running, kept;
    size_t bytes;                                /* of those kept */
    weft__once_entry *newest, *oldest;           /* of those kept */
};

enum { RUNNING_SHARE = 4 };

bool weft__once_open(weft__once_store *s, uint32_t entries_max, size_t bytes_max, int64_t ttl_ns)
{
    uint32_t buckets = 16;
    while (buckets < entries_max) buckets *= 2;
    *s = (weft__once_store){ .entries_max = entries_max, .bytes_max = bytes_max, .ttl_ns = ttl_ns, .mask = buckets - 1 };
    s->buckets = weft__calloc(buckets * sizeof *s->buckets);
    s->owner_buckets = weft__calloc(buckets * sizeof *s->owner_buckets);
    if (s->buckets && s->owner_buckets) return true;
    weft__once_close(s);
    return false;
}

void weft__once_close(weft__once_store *s)
{
    for (uint32_t i = 0; s->buckets && i <= s->mask; i++)
        while (s->buckets[i]) weft__once_forget(s, s->buckets[i]);
    weft__free(s->buckets);
    weft__free(s->owner_buckets);
    s->buckets = NULL;
    s->owner_buckets = NULL;
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
    o = weft__malloc(sizeof *o);
    if (!o) return NULL;
    *o = (weft__once_owner){ .in_bucket = *at, .next = s->all_owners, .who = who };
    *at = o;
    if (o->next) o->next->prev = o;
    s->all_owners = o;
    s->owners++;
    return o;
}

static void owner_drop(weft__once_store *s, weft__once_owner *o)
{
    weft__once_owner **at = owner_bucket(s, o->who);
    if (o->running || o->kept) return;
    while (*at != o) at = &(*at)->in_bucket;
    *at = o->in_bucket;
    if (o->prev) o->prev->next = o->next;
    else s->all_owners = o->next;
    if (o->next) o->next->prev = o->prev;
    s->owners--;
    weft__free(o);
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
    o->kept--;
    o->bytes -= e->bytes;
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
    o->kept++;
    o->bytes += e->bytes;
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
    weft__free(e);
    owner_drop(s, o);
}

weft__once_entry *weft__once_find(weft__once_store *s, const uint8_t name[WEFT__ONCE_NAME], int64_t now_ns)
{
    while (s->oldest && s->oldest->until_ns <= now_ns) weft__once_forget(s, s->oldest);
    for (weft__once_entry *e = *bucket_of(s, name); e; e = e->in_bucket)
        if (memcmp(e->name, name, WEFT__ONCE_NAME) == 0) return e;
    return NULL;
}

/* ---- room ---- */

/* Who has most, by number or by bytes. */
static weft__once_owner *heaviest(const weft__once_store *s, bool by_bytes)
{
    weft__once_owner *most = NULL;
    for (weft__once_owner *o = s->all_owners; o; o = o->next)
        if (o->kept && (!most || (by_bytes ? o->bytes > most->bytes : o->kept > most->kept))) most = o;
    return most;
}

/* Whose oldest goes, so that `who` may have one more. Who has more than everybody else gives up its own; the oldest of all goes only for
 * somebody's first. */
static weft__once_entry *loser_by_count(const weft__once_store *s, const weft__once_owner *who)
{
    const weft__once_owner *most = heaviest(s, false);
    if (most && most->kept > who->kept + who->running) return most->oldest;
    if (who->oldest) return who->oldest;
    return who->running ? NULL : s->oldest;
}

static weft__once_entry *loser_by_bytes(const weft__once_store *s, const weft__once_owner *who, size_t bytes)
{
    const weft__once_owner *most = heaviest(s, true);
    if (most && most->bytes > who->bytes + bytes) return most->oldest;
    if (who->oldest) return who->oldest;
    return bytes <= s->bytes / s->entries ? s->oldest : NULL;    /* one that is no larger than those of others */
}

weft__once_entry *weft__once_begin(weft__once_store *s, const uint8_t name[WEFT__ONCE_NAME], uint64_t who)
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
    weft__once_entry *e = room ? weft__malloc(sizeof *e) : NULL;
    if (!e) {
        owner_drop(s, o);
        return NULL;
    }
    *e = (weft__once_entry){ .owner = o, .bytes = sizeof *e };
    memcpy(e->name, name, sizeof e->name);
    o->running++;
    put_in_bucket(s, e);
    return e;
}

static char *put(char *to, weft_str s, weft_str *out)
{
    *out = (weft_str){ to, s.len };
    if (s.len) memcpy(to, s.ptr, s.len);
    to[s.len] = 0;
    return to + s.len + 1;
}

void weft__once_keep(weft__once_store *s, weft__once_entry *e, int status, weft_str lines, weft_str body, int64_t now_ns)
{
    size_t bytes = sizeof *e + lines.len + body.len + 2;
    bool room = bytes <= s->bytes_max;
    while (room && s->bytes - e->bytes + bytes > s->bytes_max) {
        weft__once_entry *loser = loser_by_bytes(s, e->owner, bytes);
        room = loser;
        if (loser) weft__once_forget(s, loser);
    }
    weft__once_entry *kept = room ? weft__malloc(bytes) : NULL;
    if (kept) {
        *kept = *e;
        kept->bytes = bytes;
        kept->status = status;
        kept->until_ns = now_ns + s->ttl_ns;
        kept->answered = true;
        (void)put(put(kept->text, lines, &kept->lines), body, &kept->body);
        put_in_bucket(s, kept);
        link_kept(s, kept);
    }
    weft__once_forget(s, e);
}
