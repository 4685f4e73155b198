#ifndef WEFT_SRC_OS_SIM_DISK_H
#define WEFT_SRC_OS_SIM_DISK_H
/* The inside of the simulator's disk, shared by sim_inode.c, sim_path.c, sim_journal.c and sim_disk.c.
 *
 * Everything exists twice: as programs see it, and as it would be after a crash (`durable`, `synced`). A sync carries
 * the first over into the second; a crash the second into the first. Between them, for names, stands the list of
 * changes: a change of two directories (a rename) becomes durable as one. */
#include "os/file.h"

enum {
    WEFT__SIM_FILE_FIRST = 10000,               /* descriptors of files lie below those of sockets */
    WEFT__SIM_FILES_MAX = 4096,
    WEFT__SIM_INODES_MAX = 65536,
    WEFT__SIM_CHANGES_MAX = 16384,              /* beyond that the oldest becomes durable by itself */
    WEFT__SIM_NAME_MAX = 255, WEFT__SIM_PATH_MAX = 4096,
    WEFT__SIM_UMASK = 022
};

struct weft__sim;
typedef struct weft__sim_inode weft__sim_inode;

/* A name for an inode. Never changed and shared by counting: by the directory as it is, by the durable one, and by
 * the changes that lie between. */
typedef struct weft__sim_link { int refs; uint64_t hash; weft__sim_inode *to; size_t n; char name[]; } weft__sim_link;

/* Ordered by hash, then by name: programs see an order that depends on the seed and not on what they did. */
typedef struct weft__sim_names { weft__sim_link **items; size_t count, room; } weft__sim_names;

struct weft__sim_inode {
    weft__sim_inode *next, *prev;               /* of all, but the root */
    uint64_t number;
    int refs;                                   /* links, open files, changes; the last one frees it */
    unsigned mode;
    bool dir, touched, reached;                 /* touched, reached: marks of one walk over all */
    bool alive;                                 /* it has a name now, or is open; else a crash may bring it back */
    int64_t changed_us;
    int names_now;                              /* as stat tells it */
    int opens;

    weft__sim_inode *parent;                    /* of a directory; NULL: it was removed */
    weft__sim_names now, durable;
    size_t coming;                              /* names that pending changes will add to `durable` */

    unsigned char *bytes, *synced;              /* of a file */
    size_t size, room, synced_size, synced_room;
    size_t dirty_low, dirty_high;               /* where the two may differ; also the size, when low < high */
};

/* gone: a link that `from` loses, or NULL; made: one that `to` gets (in place of what has the name), or NULL. */
typedef struct weft__sim_change weft__sim_change;
struct weft__sim_change {
    weft__sim_change *next, *prev;
    weft__sim_inode *from, *to;
    weft__sim_link *gone, *made;
    bool marked;
};

typedef struct weft__sim_open_file {
    weft__sim_inode *inode;                     /* NULL: closed */
    int fd, generation, flags;
    int64_t at;
    uint64_t listed;                            /* the hash up to which a directory was listed */
    bool listing;
} weft__sim_open_file;

typedef struct weft__sim_disk {
    weft__sim_inode root;
    weft__sim_inode *all;
    int inodes;                                 /* that are alive */
    uint64_t numbers;
    size_t used, dead;                          /* bytes of files that are alive, and of those that are not */
    weft__sim_change *first, *last;
    int changes;
    weft__sim_open_file *files;
    int files_count, files_room;
    unsigned power_left;                        /* operations until the power fails; 0: it does not */
    bool powerless;
} weft__sim_disk;

/* sim_inode.c */
weft__sim_inode *weft__sim_inode_new(struct weft__sim *s, bool dir, int mode, int *rc);    /* one reference */
void weft__sim_inode_drop(struct weft__sim *s, weft__sim_inode *i);
void weft__sim_inode_settle(struct weft__sim *s, weft__sim_inode *i);        /* whether it is alive may have changed */
weft__sim_link *weft__sim_link_new(struct weft__sim *s, const char *name, size_t n, weft__sim_inode *to);
void weft__sim_link_drop(struct weft__sim *s, weft__sim_link *l);
/* The link with this name, or NULL; *at is its place, or where it belongs. */
weft__sim_link *weft__sim_names_find(const weft__sim_names *names, uint64_t hash, const char *name, size_t n, size_t *at);
uint64_t weft__sim_name_hash(const struct weft__sim *s, const char *name, size_t n);
bool weft__sim_names_reserve(weft__sim_names *names, size_t count);
void weft__sim_names_put(struct weft__sim *s, weft__sim_names *names, weft__sim_link *l);  /* room is reserved; replaces */
void weft__sim_names_cut(struct weft__sim *s, weft__sim_names *names, const weft__sim_link *l);
void weft__sim_names_clear(struct weft__sim *s, weft__sim_names *names);
/* 0, -ENOSPC, -EFBIG, WEFT_ENOMEM: nothing is changed. Longer by zeros. */
int weft__sim_inode_resize(struct weft__sim *s, weft__sim_inode *i, int64_t size);
void weft__sim_inode_touch(struct weft__sim *s, weft__sim_inode *i, size_t low, size_t high);
int weft__sim_inode_sync(weft__sim_inode *i);                /* 0 or WEFT_ENOMEM */
bool weft__sim_inode_synced_room(weft__sim_inode *i);        /* `synced` has room for all that is there now */

/* sim_path.c: where a path ends, as namei.c of the kernel sees it. */
typedef enum weft__sim_last { WEFT__SIM_NORMAL, WEFT__SIM_DOT, WEFT__SIM_DOTDOT, WEFT__SIM_ROOT } weft__sim_last;
typedef struct weft__sim_place {
    weft__sim_inode *dir;                       /* that the last name is looked for in */
    weft__sim_last last;
    const char *name;
    size_t n;
    uint64_t hash;
    bool slash;                                 /* one follows the last name */
    weft__sim_link *link;                       /* what has the name now, or NULL */
} weft__sim_place;
int weft__sim_walk(struct weft__sim *s, const char *path, weft__sim_place *out);
/* What is there, or NULL: *rc is then -ENOENT, -ENOTDIR or -ENAMETOOLONG. */
weft__sim_inode *weft__sim_look_up(struct weft__sim *s, const char *path, int *rc);
int weft__sim_mkdir(struct weft__sim *s, const char *path, int mode);
int weft__sim_remove(struct weft__sim *s, const char *path);
int weft__sim_rename(struct weft__sim *s, const char *path, const char *to);
/* A new file at a place where nothing is, or NULL. */
weft__sim_inode *weft__sim_create(struct weft__sim *s, const weft__sim_place *at, int mode, int *rc);

/* sim_journal.c */
/* A change is made in two steps, so that it cannot fail in the middle: `plan` takes all memory, also for `to` as it is
 * now; `commit` makes the change in both. */
weft__sim_change *weft__sim_change_plan(struct weft__sim *s, weft__sim_inode *from, weft__sim_link *gone,
    weft__sim_inode *to, weft__sim_link *made);
void weft__sim_change_commit(struct weft__sim *s, weft__sim_change *c);
void weft__sim_sync_dir(struct weft__sim *s, weft__sim_inode *dir);
void weft__sim_changes_free(struct weft__sim *s);

/* sim_disk.c */
extern const weft__file_ops weft__sim_files;
void weft__sim_disk_init(struct weft__sim *s);
void weft__sim_disk_free(struct weft__sim *s);
bool weft__sim_disk_close(struct weft__sim *s, int fd);      /* false: no open file */
#endif
