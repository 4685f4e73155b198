#include <errno.h>
#include <string.h>
#include "base/mem.h"
#include "os/sim_world.h"

/* As ext4's with blocks of 4 KiB. */
static const int64_t FILE_BYTES_MAX = ((int64_t)1 << 44) - 4096;

static int64_t wall_us(const weft__sim *s) { return s->wall_us + s->now_ns / 1000; }

/* ---- life ---- */

weft__sim_inode *weft__sim_inode_new(weft__sim *s, bool dir, int mode, int *rc)
{
    weft__sim_disk *d = &s->disk;
    *rc = -ENOSPC;
    if (d->inodes == WEFT__SIM_INODES_MAX) return NULL;
    *rc = WEFT_ENOMEM;
    weft__sim_inode *i = weft__calloc(sizeof *i);
    if (!i) return NULL;
    *rc = 0;
    i->number = ++d->numbers;
    i->refs = 1;
    i->dir = dir;
    i->mode = (unsigned)(mode & ~WEFT__SIM_UMASK & (dir ? 01777 : 07777)) | (dir ? S_IFDIR : S_IFREG);
    i->changed_us = wall_us(s);
    i->next = d->all;
    if (i->next) i->next->prev = i;
    d->all = i;
    return i;
}

void weft__sim_inode_settle(weft__sim *s, weft__sim_inode *i)
{
    weft__sim_disk *d = &s->disk;
    bool alive = i->names_now || i->opens;
    if (alive == i->alive) return;
    i->alive = alive;
    d->inodes += alive ? 1 : -1;
    d->used += alive ? i->size : -i->size;
    d->dead += alive ? -i->size : i->size;
}

void weft__sim_inode_drop(weft__sim *s, weft__sim_inode *i)
{
    weft__sim_disk *d = &s->disk;
    if (!i || --i->refs || i == &d->root) return;
    *(i->prev ? &i->prev->next : &d->all) = i->next;
    if (i->next) i->next->prev = i->prev;
    i->names_now = i->opens = 0;
    weft__sim_inode_settle(s, i);
    d->dead -= i->size;
    weft__sim_names_clear(s, &i->now);
    weft__sim_names_clear(s, &i->durable);
    weft__free(i->bytes);
    weft__free(i->synced);
    weft__free(i);
}

/* ---- names ---- */

/* FNV-1a, begun elsewhere by each seed. */
uint64_t weft__sim_name_hash(const weft__sim *s, const char *name, size_t n)
{
    uint64_t h = 0xcbf29ce484222325 ^ s->opts.seed * 0x9e3779b97f4a7c15;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)name[i]) * 0x100000001b3;
    return h ^ h >> 29;
}

weft__sim_link *weft__sim_link_new(weft__sim *s, const char *name, size_t n, weft__sim_inode *to)
{
    weft__sim_link *l = weft__malloc(sizeof *l + n + 1);
    if (!l) return NULL;
    *l = (weft__sim_link){ .refs = 1, .hash = weft__sim_name_hash(s, name, n), .to = to, .n = n };
    memcpy(l->name, name, n);
    l->name[n] = 0;
    to->refs++;
    return l;
}

void weft__sim_link_drop(weft__sim *s, weft__sim_link *l)
{
    if (!l || --l->refs) return;
    weft__sim_inode_drop(s, l->to);
    weft__free(l);
}

static int compare(const weft__sim_link *l, uint64_t hash, const char *name, size_t n)
{
    if (l->hash != hash) return l->hash < hash ? -1 : 1;
    if (l->n != n) return l->n < n ? -1 : 1;
    return memcmp(l->name, name, n);
}

weft__sim_link *weft__sim_names_find(const weft__sim_names *names, uint64_t hash, const char *name, size_t n, size_t *at)
{
    size_t low = 0, high = names->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(names->items[middle], hash, name, n);
        if (!order) {
            *at = middle;
            return names->items[middle];
        }
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    *at = low;
    return NULL;
}

bool weft__sim_names_reserve(weft__sim_names *names, size_t count)
{
    if (count <= names->room) return true;
    size_t room = names->room ? names->room * 2 : 4;
    while (room < count) room *= 2;
    weft__sim_link **items = weft__realloc(names->items, room * sizeof *items);
    if (!items) return false;
    names->items = items;
    names->room = room;
    return true;
}

void weft__sim_names_put(weft__sim *s, weft__sim_names *names, weft__sim_link *l)
{
    size_t at;
    weft__sim_link *old = weft__sim_names_find(names, l->hash, l->name, l->n, &at);
    l->refs++;
    if (!old) {
        memmove(names->items + at + 1, names->items + at, (names->count - at) * sizeof *names->items);
        names->count++;
    }
    names->items[at] = l;
    weft__sim_link_drop(s, old);
}

void weft__sim_names_cut(weft__sim *s, weft__sim_names *names, const weft__sim_link *l)
{
    size_t at;
    weft__sim_link *old = weft__sim_names_find(names, l->hash, l->name, l->n, &at);
    if (!old) return;
    names->count--;
    memmove(names->items + at, names->items + at + 1, (names->count - at) * sizeof *names->items);
    weft__sim_link_drop(s, old);
}

void weft__sim_names_clear(weft__sim *s, weft__sim_names *names)
{
    weft__sim_names old = *names;
    *names = (weft__sim_names){ 0 };
    for (size_t i = 0; i < old.count; i++) weft__sim_link_drop(s, old.items[i]);
    weft__free(old.items);
}

/* ---- bytes ---- */

void weft__sim_inode_touch(weft__sim *s, weft__sim_inode *i, size_t low, size_t high)
{
    i->changed_us = wall_us(s);
    if (low >= high) return;
    bool clean = i->dirty_low >= i->dirty_high;
    if (clean || low < i->dirty_low) i->dirty_low = low;
    if (clean || high > i->dirty_high) i->dirty_high = high;
}

static bool grow(unsigned char **bytes, size_t *room, size_t size)
{
    if (size <= *room) return true;
    size_t more = *room ? *room * 2 : 256;
    if (more < size) more = size;
    unsigned char *p = weft__realloc(*bytes, more);
    if (!p) return false;
    memset(p + *room, 0, more - *room);
    *bytes = p;
    *room = more;
    return true;
}

/* Beyond the size there are always zeros. The room never shrinks, so what was synced has room in `bytes`. */
int weft__sim_inode_resize(weft__sim *s, weft__sim_inode *i, int64_t size)
{
    if (size > FILE_BYTES_MAX) return -EFBIG;
    size_t to = (size_t)size, from = i->size;
    if (to > from && to - from > s->opts.disk_bytes - s->disk.used) return -ENOSPC;
    if (!grow(&i->bytes, &i->room, to)) return WEFT_ENOMEM;
    if (to < from) memset(i->bytes + to, 0, from - to);
    s->disk.used = s->disk.used - from + to;
    i->size = to;
    weft__sim_inode_touch(s, i, to < from ? to : from, to < from ? from : to);
    return 0;
}

bool weft__sim_inode_synced_room(weft__sim_inode *i) { return grow(&i->synced, &i->synced_room, i->size); }

int weft__sim_inode_sync(weft__sim_inode *i)
{
    if (!weft__sim_inode_synced_room(i)) return WEFT_ENOMEM;
    size_t low = i->dirty_low, high = i->dirty_high < i->room ? i->dirty_high : i->room;
    if (high > i->synced_room) high = i->synced_room;
    if (low < high) memcpy(i->synced + low, i->bytes + low, high - low);
    i->synced_size = i->size;
    i->dirty_low = i->dirty_high = 0;
    return 0;
}
