#include <string.h>
#include "base/mem.h"
#include "os/sim_world.h"

enum { PAGE = 4096 };

/* ---- changes ---- */

static void change_free(weft__sim *s, weft__sim_change *c)
{
    if (c->made) c->to->coming--;
    weft__sim_link_drop(s, c->gone);
    weft__sim_link_drop(s, c->made);
    weft__sim_inode_drop(s, c->from);
    weft__sim_inode_drop(s, c->to);
    weft__free(c);
}

static weft__sim_inode *inode_keep(weft__sim_inode *i)
{
    if (i) i->refs++;
    return i;
}

static weft__sim_link *link_keep(weft__sim_link *l)
{
    if (l) l->refs++;
    return l;
}

/* The names of now get as much room as the durable ones, so that a crash needs no memory. */
static bool reserve(weft__sim_inode *to)
{
    size_t count = to->durable.count + to->coming + 1;
    return weft__sim_names_reserve(&to->durable, count) && weft__sim_names_reserve(&to->now, count);
}

weft__sim_change *weft__sim_change_plan(weft__sim *s, weft__sim_inode *from, weft__sim_link *gone,
    weft__sim_inode *to, weft__sim_link *made)
{
    (void)s;
    if (made && !reserve(to)) return NULL;
    weft__sim_change *c = weft__calloc(sizeof *c);
    if (!c) return NULL;
    c->from = inode_keep(from);
    c->to = inode_keep(to);
    c->gone = link_keep(gone);
    c->made = link_keep(made);
    if (made) to->coming++;
    return c;
}

static void lose_name(weft__sim *s, weft__sim_inode *i)
{
    i->names_now--;
    if (i->dir) i->parent = NULL;
    weft__sim_inode_settle(s, i);
}

static void gain_name(weft__sim *s, weft__sim_inode *i, weft__sim_inode *dir)
{
    i->names_now++;
    if (i->dir) i->parent = dir;
    weft__sim_inode_settle(s, i);
}

static void change_now(weft__sim *s, const weft__sim_change *c)
{
    if (c->gone) {
        lose_name(s, c->gone->to);
        weft__sim_names_cut(s, &c->from->now, c->gone);
        weft__sim_inode_touch(s, c->from, 0, 0);
    }
    if (!c->made) return;
    size_t at;
    weft__sim_link *old = weft__sim_names_find(&c->to->now, c->made->hash, c->made->name, c->made->n, &at);
    if (old) lose_name(s, old->to);
    gain_name(s, c->made->to, c->to);
    weft__sim_names_put(s, &c->to->now, c->made);
    weft__sim_inode_touch(s, c->to, 0, 0);
}

static void unlink_change(weft__sim_disk *d, weft__sim_change *c)
{
    *(c->prev ? &c->prev->next : &d->first) = c->next;
    *(c->next ? &c->next->prev : &d->last) = c->prev;
    d->changes--;
}

static void make_durable(weft__sim *s, weft__sim_change *c)
{
    unlink_change(&s->disk, c);
    if (c->gone) weft__sim_names_cut(s, &c->from->durable, c->gone);
    if (c->made) weft__sim_names_put(s, &c->to->durable, c->made);
    change_free(s, c);
}

void weft__sim_change_commit(weft__sim *s, weft__sim_change *c)
{
    weft__sim_disk *d = &s->disk;
    change_now(s, c);
    c->prev = d->last;
    *(d->last ? &d->last->next : &d->first) = c;
    d->last = c;
    d->changes++;
    while (d->changes > WEFT__SIM_CHANGES_MAX || (d->dead > s->opts.disk_bytes && d->first)) make_durable(s, d->first);
}

void weft__sim_changes_free(weft__sim *s)
{
    for (weft__sim_change *c; (c = s->disk.first);) {
        unlink_change(&s->disk, c);
        change_free(s, c);
    }
}

static void touch(const weft__sim_change *c)
{
    if (c->from) c->from->touched = true;
    if (c->to) c->to->touched = true;
}

static bool is_touched(const weft__sim_change *c)
{
    return (c->from && c->from->touched) || (c->to && c->to->touched);
}

static void untouch_all(weft__sim_disk *d)
{
    d->root.touched = false;
    for (weft__sim_inode *i = d->all; i; i = i->next) i->touched = false;
}

/* With a change go those before it in the same directories: no directory ever shows a later change without an
 * earlier one. */
void weft__sim_sync_dir(weft__sim *s, weft__sim_inode *dir)
{
    weft__sim_disk *d = &s->disk;
    dir->touched = true;
    for (weft__sim_change *c = d->last; c; c = c->prev) {
        c->marked = is_touched(c);
        if (c->marked) touch(c);
    }
    untouch_all(d);
    for (weft__sim_change *c = d->first, *next; c; c = next) {
        next = c->next;
        if (c->marked) make_durable(s, c);
    }
}

/* ---- a crash ---- */

/* The kernel writes back when it likes: some of what was not synced is there, in the order of each directory. */
static void lucky_changes(weft__sim *s)
{
    weft__sim_disk *d = &s->disk;
    for (weft__sim_change *c = d->first, *next; c; c = next) {
        next = c->next;
        if (!is_touched(c) && weft__sim_chance(s, s->opts.crash_keep_percent, 100)) {
            make_durable(s, c);
            continue;
        }
        touch(c);
        unlink_change(d, c);
        change_free(s, c);
    }
    untouch_all(d);
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* Of what was written and not synced some pages may have reached the disk, and the length or not. */
static void lucky_pages(weft__sim *s, weft__sim_inode *i)
{
    unsigned percent = s->opts.crash_keep_percent;
    if (!percent || i->dirty_low >= i->dirty_high || !weft__sim_inode_synced_room(i)) return;
    bool size_too = weft__sim_chance(s, percent, 100);
    size_t end = size_too ? least(i->dirty_high, i->synced_room) : least(i->dirty_high, i->size);
    for (size_t low = i->dirty_low, high; low < end; low = high) {
        high = least((low / PAGE + 1) * PAGE, end);
        if (weft__sim_chance(s, percent, 100)) memcpy(i->synced + low, i->bytes + low, high - low);
    }
    if (size_too) i->synced_size = i->size;
    if (i->synced_room > i->synced_size) memset(i->synced + i->synced_size, 0, i->synced_room - i->synced_size);
}

/* Not alive yet. `bytes` has the room: it never shrinks, and whatever was synced was in it. */
static void restore_file(weft__sim *s, weft__sim_inode *i)
{
    lucky_pages(s, i);
    if (i->synced_size) memcpy(i->bytes, i->synced, i->synced_size);
    if (i->room > i->synced_size) memset(i->bytes + i->synced_size, 0, i->room - i->synced_size);
    s->disk.dead = s->disk.dead - i->size + i->synced_size;
    i->size = i->synced_size;
    i->dirty_low = i->dirty_high = 0;
}

/* There is room: see `reserve`. */
static void restore_names(weft__sim *s, weft__sim_inode *dir)
{
    weft__sim_names *now = &dir->now;
    while (now->count) weft__sim_link_drop(s, now->items[--now->count]);
    for (size_t k = 0; k < dir->durable.count; k++) {
        weft__sim_link *l = dir->durable.items[k];
        l->refs++;
        gain_name(s, l->to, dir);
        now->items[now->count++] = l;
    }
}

/* A directory is reached by one name only: of two, which a cut-off rename may leave, the first counts. */
static bool reach(weft__sim *s, weft__sim_inode *dir)
{
    bool more = false;
    for (size_t k = 0; k < dir->durable.count; k++) {
        weft__sim_inode *i = dir->durable.items[k]->to;
        if (i->dir && i->reached) {
            weft__sim_names_cut(s, &dir->durable, dir->durable.items[k--]);
            continue;
        }
        i->reached = true;
        more |= i->dir;
    }
    return more;
}

/* `touched` marks those that have been looked through. */
static void reach_all(weft__sim *s)
{
    weft__sim_disk *d = &s->disk;
    d->root.touched = true;
    for (bool more = reach(s, &d->root); more;) {
        more = false;
        for (weft__sim_inode *i = d->all; i; i = i->next) {
            if (!i->dir || !i->reached || i->touched) continue;
            i->touched = true;
            more |= reach(s, i);
        }
    }
}

static void restore(weft__sim *s)
{
    weft__sim_disk *d = &s->disk;
    for (weft__sim_inode *i = d->all; i; i = i->next) {
        i->names_now = 0;
        i->parent = NULL;
        weft__sim_inode_settle(s, i);
        if (i->reached) continue;
        weft__sim_names_clear(s, &i->now);
        weft__sim_names_clear(s, &i->durable);
    }
    for (weft__sim_inode *i = d->all; i; i = i->next)
        if (i->reached && !i->dir) restore_file(s, i);
    restore_names(s, &d->root);
    for (weft__sim_inode *i = d->all; i; i = i->next)
        if (i->reached && i->dir) restore_names(s, i);
}

/* Everything is held meanwhile, so that nothing is freed while it is walked over. */
void weft__sim_crash(weft__os *sim)
{
    weft__sim *s = weft__sim_of(sim);
    weft__sim_disk *d = &s->disk;
    weft__sim_note(s, WEFT__SIM_OP_CRASH, d->changes, d->inodes);
    for (weft__sim_inode *i = d->all; i; i = i->next) i->refs++;
    lucky_changes(s);
    for (int k = 0; k < d->files_count; k++) weft__sim_disk_close(s, d->files[k].fd);
    reach_all(s);
    restore(s);
    for (weft__sim_inode *i = d->all, *next; i; i = next) {
        next = i->next;
        i->reached = false;
        weft__sim_inode_drop(s, i);
    }
    untouch_all(d);
    d->powerless = false;
    d->power_left = 0;
}
