#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "os/sim_world.h"

enum { GENERATIONS = 240 };

/* Others are refused: to ignore one would be to promise something. */
static const int FLAGS = O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
    | O_NONBLOCK | O_SYNC | O_DSYNC | O_NOCTTY;

typedef weft__sim_open_file open_file;

/* ---- descriptors ---- */

static open_file *find(weft__sim *s, int fd)
{
    int slot = fd < WEFT__SIM_FILE_FIRST ? -1 : (fd - WEFT__SIM_FILE_FIRST) % WEFT__SIM_FILES_MAX;
    if (slot < 0 || slot >= s->disk.files_count) return NULL;
    open_file *f = &s->disk.files[slot];
    return f->inode && f->fd == fd ? f : NULL;
}

static open_file *slot_new(weft__sim_disk *d)
{
    if (d->files_count == d->files_room) {
        int room = d->files_room ? d->files_room * 2 : 8;
        open_file *files = weft__realloc(d->files, (size_t)room * sizeof *files);
        if (!files) return NULL;
        d->files = files;
        d->files_room = room;
    }
    d->files[d->files_count] = (open_file){ 0 };
    return &d->files[d->files_count++];
}

/* A place for one more, which stays empty until it is used; or NULL. */
static open_file *reserve_file(weft__sim *s, int *rc)
{
    weft__sim_disk *d = &s->disk;
    for (int k = 0; k < d->files_count; k++)
        if (!d->files[k].inode) return &d->files[k];
    *rc = -EMFILE;
    if (d->files_count == WEFT__SIM_FILES_MAX) return NULL;
    *rc = WEFT_ENOMEM;
    return slot_new(d);
}

static int64_t open_inode(weft__sim *s, open_file *f, weft__sim_inode *i, int flags)
{
    int slot = (int)(f - s->disk.files), generation = (f->generation + 1) % GENERATIONS;
    int fd = WEFT__SIM_FILE_FIRST + generation * WEFT__SIM_FILES_MAX + slot;
    *f = (open_file){ .inode = i, .fd = fd, .generation = generation, .flags = flags };
    i->refs++;
    i->opens++;
    weft__sim_inode_settle(s, i);
    s->open_fds++;
    return fd;
}

bool weft__sim_disk_close(weft__sim *s, int fd)
{
    open_file *f = find(s, fd);
    if (!f) return false;
    f->inode->opens--;
    weft__sim_inode_settle(s, f->inode);
    weft__sim_inode_drop(s, f->inode);
    f->inode = NULL;
    s->open_fds--;
    return true;
}

/* ---- opening ---- */

static bool writes(int flags) { return (flags & O_ACCMODE) != O_RDONLY; }

/* In the order in which the kernel finds fault with what is there. */
static int may_open(const weft__sim_inode *i, const weft__file_op *op, bool slash)
{
    if ((op->flags & O_CREAT) && (op->flags & O_EXCL)) return -EEXIST;
    if (i->dir && (op->flags & O_CREAT)) return -EISDIR;
    if (!i->dir && (slash || (op->flags & O_DIRECTORY))) return -ENOTDIR;
    return i->dir && (writes(op->flags) || (op->flags & O_TRUNC)) ? -EISDIR : 0;
}

static weft__sim_inode *find_or_create(weft__sim *s, const weft__file_op *op, int *rc)
{
    weft__sim_place p;
    *rc = weft__sim_walk(s, op->path, &p);
    if (*rc < 0) return NULL;
    if (p.last == WEFT__SIM_NORMAL && (op->flags & O_CREAT)) {
        *rc = -EISDIR;
        if (p.slash) return NULL;
        if (!p.link) return weft__sim_create(s, &p, op->mode, rc);
    }
    weft__sim_inode *i = weft__sim_look_up(s, op->path, rc);
    if (!i) return NULL;
    *rc = may_open(i, op, p.slash);
    if (*rc == 0 && (op->flags & O_TRUNC)) *rc = weft__sim_inode_resize(s, i, 0);
    return *rc < 0 ? NULL : i;
}

/* There are no links: what leads out of a directory says so. */
static bool leads_out(const char *path)
{
    int depth = 0;
    if (*path == '/') return true;
    for (const char *name = path; *name; name += strspn(name, "/")) {
        size_t n = strcspn(name, "/");
        bool up = n == 2 && name[0] == '.' && name[1] == '.', stays = n == 1 && name[0] == '.';
        depth += up ? -1 : !stays;
        if (depth < 0) return true;
        name += n;
    }
    return false;
}

static int64_t open_path(weft__sim *s, const weft__file_op *op);
static int64_t open_beneath(weft__sim *s, const weft__file_op *op)
{
    char path[2 * WEFT__SIM_PATH_MAX];
    weft__file_op inside = *op;
    int rc = 0;
    const weft__sim_inode *dir = weft__sim_look_up(s, op->to, &rc);
    if (!dir) return rc;
    if (!dir->dir) return -ENOTDIR;
    if (!*op->path) return -ENOENT;
    if (leads_out(op->path)) return -EXDEV;
    inside.path = path;
    inside.to = NULL;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", op->to, op->path) >= WEFT__SIM_PATH_MAX) return -ENAMETOOLONG;
    return open_path(s, &inside);
}

static int64_t open_path(weft__sim *s, const weft__file_op *op)
{
    if (op->to) return open_beneath(s, op);
    if ((op->flags & ~FLAGS) || (op->flags & O_ACCMODE) == O_ACCMODE) return WEFT_EINVAL;
    if ((op->flags & O_CREAT) && (op->flags & O_DIRECTORY)) return WEFT_EINVAL;
    int rc;
    open_file *f = reserve_file(s, &rc);
    if (!f) return rc;
    weft__sim_inode *i = find_or_create(s, op, &rc);
    return i ? open_inode(s, f, i, op->flags) : rc;
}

static int64_t temp(weft__sim *s, const weft__file_op *op)
{
    int rc;
    open_file *f = reserve_file(s, &rc);
    if (!f) return rc;
    const weft__sim_inode *dir = weft__sim_look_up(s, op->path, &rc);
    if (!dir) return rc;
    if (!dir->dir) return -ENOTDIR;
    weft__sim_inode *i = weft__sim_inode_new(s, false, op->mode, &rc);
    if (!i) return rc;
    int64_t fd = open_inode(s, f, i, O_RDWR);
    weft__sim_inode_drop(s, i);
    return fd;
}

static int64_t close_fd(weft__sim *s, const weft__file_op *op)
{
    return weft__sim_disk_close(s, op->fd) ? 0 : -EBADF;
}

/* ---- bytes ---- */

static size_t total(const weft__file_op *op)
{
    size_t n = 0;
    for (int k = 0; k < op->iov_count; k++) n += op->iov[k].iov_len;
    return n;
}

static size_t maybe_short(weft__sim *s, size_t n)
{
    if (n < 2 || !weft__sim_chance(s, s->opts.file_short_percent, 100)) return n;
    return 1 + weft__sim_draw(s) % (n - 1);
}

/* Between the pieces and the bytes of a file. */
static void copy(const weft__file_op *op, unsigned char *bytes, size_t n, bool out)
{
    for (struct iovec *v = op->iov; n; v++) {
        size_t part = v->iov_len < n ? v->iov_len : n;
        if (part) memcpy(out ? v->iov_base : bytes, out ? bytes : v->iov_base, part);
        bytes += part;
        n -= part;
    }
}

static bool makes_no_sense(const weft__file_op *op)
{
    return op->iov_count < 1 || op->iov_count > WEFT__FILE_IOV_MAX || op->offset < -1;
}

static int64_t read_file(weft__sim *s, const weft__file_op *op)
{
    if (makes_no_sense(op)) return WEFT_EINVAL;
    open_file *f = find(s, op->fd);
    if (!f || (f->flags & O_ACCMODE) == O_WRONLY) return -EBADF;
    if (f->inode->dir) return -EISDIR;
    if (op->at_once && !weft__sim_chance(s, s->opts.cached_percent, 100)) return -EAGAIN;
    int64_t at = op->offset < 0 ? f->at : op->offset, left = (int64_t)f->inode->size - at;
    size_t n = total(op);
    if (left <= 0 || !n) return 0;
    n = maybe_short(s, n < (size_t)left ? n : (size_t)left);
    copy(op, f->inode->bytes + at, n, true);
    if (op->offset < 0) f->at = at + (int64_t)n;
    weft__sim_note_content(s, (const char *)f->inode->bytes + at, n);
    return (int64_t)n;
}

/* As much of it as the disk has room for. */
static int make_room(weft__sim *s, weft__sim_inode *i, int64_t at, size_t *n)
{
    size_t space = s->opts.disk_bytes - s->disk.used + i->size;
    if ((size_t)at < space && *n > space - (size_t)at) *n = space - (size_t)at;
    int64_t end = at + (int64_t)*n;
    return end > (int64_t)i->size ? weft__sim_inode_resize(s, i, end) : 0;
}

static int64_t write_file(weft__sim *s, const weft__file_op *op)
{
    if (makes_no_sense(op)) return WEFT_EINVAL;
    open_file *f = find(s, op->fd);
    if (!f || !writes(f->flags)) return -EBADF;
    weft__sim_inode *i = f->inode;
    size_t n = total(op);
    int64_t at = f->flags & O_APPEND ? (int64_t)i->size : op->offset < 0 ? f->at : op->offset;
    if (!n) return 0;
    n = maybe_short(s, n);
    int rc = at > INT64_MAX - (int64_t)n ? -EFBIG : make_room(s, i, at, &n);
    if (rc < 0) return rc;
    copy(op, i->bytes + at, n, false);
    weft__sim_inode_touch(s, i, (size_t)at, (size_t)at + n);
    if (op->offset < 0) f->at = at + (int64_t)n;
    weft__sim_note_content(s, (const char *)i->bytes + at, n);
    rc = f->flags & (O_SYNC | O_DSYNC) ? weft__sim_inode_sync(i) : 0;
    return rc < 0 ? rc : (int64_t)n;
}

static int64_t truncate_file(weft__sim *s, const weft__file_op *op)
{
    if (op->offset < 0) return WEFT_EINVAL;
    open_file *f = find(s, op->fd);
    if (!f) return -EBADF;
    return writes(f->flags) ? weft__sim_inode_resize(s, f->inode, op->offset) : WEFT_EINVAL;
}

/* ---- durability ---- */

static int64_t sync_inode(weft__sim *s, weft__sim_inode *i)
{
    if (!i->dir) return weft__sim_inode_sync(i);
    weft__sim_sync_dir(s, i);
    return 0;
}

static int64_t sync_fd(weft__sim *s, const weft__file_op *op)
{
    open_file *f = find(s, op->fd);
    return f ? sync_inode(s, f->inode) : -EBADF;
}

static int64_t sync_path(weft__sim *s, const weft__file_op *op)
{
    int rc;
    weft__sim_inode *i = weft__sim_look_up(s, op->path, &rc);
    if (!i) return rc;
    return i->dir ? sync_inode(s, i) : -ENOTDIR;
}

/* As Linux has it: what could not be written back counts as clean from then on. */
static void forget_dirt(weft__sim *s, const weft__file_op *op)
{
    open_file *f = find(s, op->fd);
    if (f) f->inode->dirty_low = f->inode->dirty_high = 0;
}

/* ---- what is there ---- */

static int64_t stat_file(weft__sim *s, const weft__file_op *op)
{
    const open_file *f = find(s, op->fd);
    int rc = -EBADF;
    const weft__sim_inode *i = f ? f->inode : op->fd == -1 ? weft__sim_look_up(s, op->path, &rc) : NULL;
    if (!i) return rc;
    struct timespec t = { i->changed_us / 1000000, i->changed_us % 1000000 * 1000 };
    *op->stat = (struct stat){
        .st_dev = 1, .st_ino = i->number, .st_mode = i->mode, .st_nlink = i->dir ? 2 : (nlink_t)i->names_now,
        .st_size = i->dir ? 4096 : (off_t)i->size, .st_blksize = 4096, .st_blocks = (blkcnt_t)(i->size + 511) / 512,
        .st_atim = t, .st_mtim = t, .st_ctim = t,
    };
    return 0;
}

/* Goes on behind the hash it has reached, so that names which come and go meanwhile disturb nothing. */
static size_t list_names(open_file *f, char *to, size_t room)
{
    const weft__sim_names *names = &f->inode->now;
    size_t used = 0;
    for (size_t k = 0; k < names->count; k++) {
        const weft__sim_link *l = names->items[k];
        if (f->listing && l->hash <= f->listed) continue;
        if (l->n + 1 > room - used) break;
        memcpy(to + used, l->name, l->n + 1);
        used += l->n + 1;
        f->listed = l->hash;
        f->listing = true;
    }
    return used;
}

static int64_t list(weft__sim *s, const weft__file_op *op)
{
    open_file *f = find(s, op->fd);
    if (op->iov->iov_len < WEFT__FILE_LIST_MIN) return WEFT_EINVAL;
    if (!f) return -EBADF;
    if (!f->inode->dir) return -ENOTDIR;
    if (!f->inode->parent) return -ENOENT;
    size_t n = list_names(f, op->iov->iov_base, op->iov->iov_len);
    weft__sim_note_content(s, op->iov->iov_base, n);
    return (int64_t)n;
}

/* ---- names ---- */

static int64_t rename_path(weft__sim *s, const weft__file_op *op) { return weft__sim_rename(s, op->path, op->to); }
static int64_t remove_path(weft__sim *s, const weft__file_op *op) { return weft__sim_remove(s, op->path); }
static int64_t make_dir(weft__sim *s, const weft__file_op *op) { return weft__sim_mkdir(s, op->path, op->mode); }

/* ---- all of them ---- */

static int64_t (*const does[WEFT__FILE_KINDS])(weft__sim *, const weft__file_op *) = {
    [WEFT__FILE_OPEN] = open_path, [WEFT__FILE_CLOSE] = close_fd, [WEFT__FILE_READ] = read_file,
    [WEFT__FILE_WRITE] = write_file, [WEFT__FILE_SYNC] = sync_fd, [WEFT__FILE_TRUNCATE] = truncate_file,
    [WEFT__FILE_STAT] = stat_file, [WEFT__FILE_RENAME] = rename_path, [WEFT__FILE_REMOVE] = remove_path,
    [WEFT__FILE_MKDIR] = make_dir, [WEFT__FILE_LIST] = list, [WEFT__FILE_TEMP] = temp,
    [WEFT__FILE_SYNC_PATH] = sync_path,
};

static int fault(weft__sim *s, const weft__file_op *op)
{
    weft__sim_disk *d = &s->disk;
    int code = weft__sim_fault(s, WEFT__SIM_OP_FILE + op->kind);
    if (d->power_left && !--d->power_left) d->powerless = true;
    return d->powerless ? -EIO : code;
}

static void file_do(weft__os *os, weft__file_op *op)
{
    weft__sim *s = weft__sim_of(os);
    if ((unsigned)op->kind >= WEFT__FILE_KINDS) {
        op->result = WEFT_EINVAL;
        return;
    }
    int code = fault(s, op);
    if (code && op->kind == WEFT__FILE_CLOSE) weft__sim_disk_close(s, op->fd);
    if (code && op->kind == WEFT__FILE_SYNC) forget_dirt(s, op);
    op->result = code ? code : does[op->kind](s, op);
    uint64_t path = op->path ? weft__sim_name_hash(s, op->path, strlen(op->path)) : 0;
    weft__sim_note(s, WEFT__SIM_OP_FILE + op->kind, op->result, (int64_t)(path ^ (uint64_t)op->fd));
}

const weft__file_ops weft__sim_files = { .file_do = file_do };

/* ---- life ---- */

int weft__sim_power_cut(weft__os *sim, unsigned nth)
{
    weft__sim *s = weft__sim_of(sim);
    if (!nth) return WEFT_EINVAL;
    s->disk.power_left = nth;
    return 0;
}

int64_t weft__sim_disk_used(const weft__os *sim) { return (int64_t)weft__sim_of(sim)->disk.used; }

void weft__sim_disk_init(weft__sim *s)
{
    weft__sim_disk *d = &s->disk;
    d->numbers = 1;
    d->root = (weft__sim_inode){ .number = 1, .refs = 1, .dir = true, .mode = S_IFDIR | 0755, .parent = &d->root };
    d->root.changed_us = s->wall_us + s->now_ns / 1000;
}

/* Without changes and open files what no directory holds is gone, and then the rest with the directories. */
void weft__sim_disk_free(weft__sim *s)
{
    weft__sim_disk *d = &s->disk;
    for (int k = 0; k < d->files_count; k++) weft__sim_disk_close(s, d->files[k].fd);
    weft__sim_changes_free(s);
    weft__sim_names_clear(s, &d->root.now);
    weft__sim_names_clear(s, &d->root.durable);
    weft__free(d->files);
}
