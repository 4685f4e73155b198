#include <errno.h>
#include <string.h>
#include "os/sim_world.h"

/* ---- walking ---- */

static const char *skip_slashes(const char *p)
{
    while (*p == '/') p++;
    return p;
}

static weft__sim_last kind_of(const char *name, size_t n)
{
    if (n == 1 && name[0] == '.') return WEFT__SIM_DOT;
    if (n == 2 && name[0] == '.' && name[1] == '.') return WEFT__SIM_DOTDOT;
    return WEFT__SIM_NORMAL;
}

/* The next directory on the way, from `dir`. */
static int step(weft__sim *s, weft__sim_inode **dir, const char *name, size_t n)
{
    weft__sim_last kind = kind_of(name, n);
    size_t at;
    if (kind == WEFT__SIM_DOTDOT) *dir = (*dir)->parent;
    if (kind != WEFT__SIM_NORMAL) return 0;
    if (n > WEFT__SIM_NAME_MAX) return -ENAMETOOLONG;
    weft__sim_link *l = weft__sim_names_find(&(*dir)->now, weft__sim_name_hash(s, name, n), name, n, &at);
    if (!l) return -ENOENT;
    if (!l->to->dir) return -ENOTDIR;
    *dir = l->to;
    return 0;
}

int weft__sim_walk(weft__sim *s, const char *path, weft__sim_place *out)
{
    if (!*path) return -ENOENT;
    if (strnlen(path, WEFT__SIM_PATH_MAX) == WEFT__SIM_PATH_MAX) return -ENAMETOOLONG;
    weft__sim_place p = { .dir = &s->disk.root, .last = WEFT__SIM_ROOT };
    const char *name = skip_slashes(path);
    while (*name) {
        size_t n = strcspn(name, "/"), at;
        const char *next = skip_slashes(name + n);
        if (*next) {
            int rc = step(s, &p.dir, name, n);
            if (rc < 0) return rc;
            name = next;
            continue;
        }
        p.last = kind_of(name, n);
        p.name = name;
        p.n = n;
        p.slash = name[n] == '/';
        p.hash = weft__sim_name_hash(s, name, n);
        if (p.last == WEFT__SIM_NORMAL) p.link = weft__sim_names_find(&p.dir->now, p.hash, name, n, &at);
        break;
    }
    *out = p;
    return 0;
}

static bool too_long(const weft__sim_place *p) { return p->last == WEFT__SIM_NORMAL && p->n > WEFT__SIM_NAME_MAX; }

weft__sim_inode *weft__sim_look_up(weft__sim *s, const char *path, int *rc)
{
    weft__sim_place p;
    *rc = weft__sim_walk(s, path, &p);
    if (*rc < 0) return NULL;
    if (p.last == WEFT__SIM_DOTDOT) return p.dir->parent;
    if (p.last != WEFT__SIM_NORMAL) return p.dir;
    if (too_long(&p)) *rc = -ENAMETOOLONG;
    else if (!p.link) *rc = -ENOENT;
    else if (p.slash && !p.link->to->dir) *rc = -ENOTDIR;
    return *rc < 0 ? NULL : p.link->to;
}

/* ---- changing ---- */

static weft__sim_inode *make(weft__sim *s, const weft__sim_place *at, bool dir, int mode, int *rc)
{
    *rc = WEFT_ENOMEM;
    if (!weft__sim_names_reserve(&at->dir->now, at->dir->now.count + 1)) return NULL;
    weft__sim_inode *i = weft__sim_inode_new(s, dir, mode, rc);
    if (!i) return NULL;
    weft__sim_link *l = weft__sim_link_new(s, at->name, at->n, i);
    weft__sim_change *c = l ? weft__sim_change_plan(s, NULL, NULL, at->dir, l) : NULL;
    if (c) weft__sim_change_commit(s, c);
    else *rc = WEFT_ENOMEM;
    weft__sim_link_drop(s, l);
    weft__sim_inode_drop(s, i);
    return c ? i : NULL;
}

weft__sim_inode *weft__sim_create(weft__sim *s, const weft__sim_place *at, int mode, int *rc)
{
    *rc = -ENAMETOOLONG;
    return too_long(at) ? NULL : make(s, at, false, mode, rc);
}

int weft__sim_mkdir(weft__sim *s, const char *path, int mode)
{
    weft__sim_place p;
    int rc = weft__sim_walk(s, path, &p);
    if (rc < 0) return rc;
    if (p.last != WEFT__SIM_NORMAL) return -EEXIST;
    if (too_long(&p)) return -ENAMETOOLONG;
    if (p.link) return -EEXIST;
    make(s, &p, true, mode, &rc);
    return rc;
}

static int cut(weft__sim *s, const weft__sim_place *p)
{
    weft__sim_change *c = weft__sim_change_plan(s, p->dir, p->link, NULL, NULL);
    if (!c) return WEFT_ENOMEM;
    weft__sim_change_commit(s, c);
    return 0;
}

int weft__sim_remove(weft__sim *s, const char *path)
{
    weft__sim_place p;
    int rc = weft__sim_walk(s, path, &p);
    if (rc < 0) return rc;
    if (p.last == WEFT__SIM_DOT) return WEFT_EINVAL;
    if (p.last == WEFT__SIM_DOTDOT) return -ENOTEMPTY;
    if (p.last == WEFT__SIM_ROOT) return -EBUSY;
    if (too_long(&p)) return -ENAMETOOLONG;
    if (!p.link) return -ENOENT;
    if (p.slash && !p.link->to->dir) return -ENOTDIR;
    if (p.link->to->dir && p.link->to->now.count) return -ENOTEMPTY;
    return cut(s, &p);
}

/* True: `dir` is `of`, or above it. */
static bool is_above(const weft__sim_inode *dir, const weft__sim_inode *of)
{
    for (;; of = of->parent) {
        if (of == dir) return true;
        if (!of->parent || of == of->parent) return false;
    }
}

/* In the order in which the kernel finds fault. */
static int may_rename(const weft__sim_place *from, const weft__sim_place *to)
{
    if (from->last != WEFT__SIM_NORMAL || to->last != WEFT__SIM_NORMAL) return -EBUSY;
    if (too_long(from)) return -ENAMETOOLONG;
    if (!from->link) return -ENOENT;
    if (too_long(to)) return -ENAMETOOLONG;
    const weft__sim_inode *what = from->link->to, *there = to->link ? to->link->to : NULL;
    if (!what->dir && (from->slash || to->slash)) return -ENOTDIR;
    if (what->dir && is_above(what, to->dir)) return WEFT_EINVAL;
    if (there && there->dir && is_above(there, from->dir)) return -ENOTEMPTY;
    if (!there || there == what) return 0;
    if (what->dir && !there->dir) return -ENOTDIR;
    if (!what->dir && there->dir) return -EISDIR;
    return there->dir && there->now.count ? -ENOTEMPTY : 0;
}

int weft__sim_rename(weft__sim *s, const char *path, const char *new_path)
{
    weft__sim_place from, to;
    int rc = weft__sim_walk(s, path, &from);
    if (rc == 0) rc = weft__sim_walk(s, new_path, &to);
    if (rc == 0) rc = may_rename(&from, &to);
    if (rc < 0 || from.link == to.link) return rc;
    if (!weft__sim_names_reserve(&to.dir->now, to.dir->now.count + 1)) return WEFT_ENOMEM;
    weft__sim_link *made = weft__sim_link_new(s, to.name, to.n, from.link->to);
    weft__sim_change *c = made ? weft__sim_change_plan(s, from.dir, from.link, to.dir, made) : NULL;
    if (c) weft__sim_change_commit(s, c);
    weft__sim_link_drop(s, made);
    return c ? 0 : WEFT_ENOMEM;
}
