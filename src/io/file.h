#ifndef WEFT_SRC_IO_FILE_H
#define WEFT_SRC_IO_FILE_H
/* What the files of weft_file share: the file, and how an operation gets to a thread and back. */
#include "os/file.h"
#include "task/offload.h"
#include "weft/file.h"

/* A call under way, on the stack of its task: a close ends its wait. */
typedef struct weft__file_call weft__file_call;
struct weft__file_call { weft__file_call *next, *prev; weft__fiber *fiber; bool moves; };

/* A descriptor goes with its last user: the file while it is open, each call under way, each read that its caller has
 * left and whose thread still works; so its number is not used anew before. Memory likewise, with the handle itself.
 * Both counts are atomic: when the loop is gone threads may be the last. */
struct weft_file {
    weft__os *os;
    const weft__file_ops *files;
    int fd;
    int users, holders;
    bool closed, writes, appends;
    bool regular;                    /* when it was opened: neither a device nor the like */
    bool stale;                      /* what was read ahead may have been written over meanwhile */
    int64_t position;
    int64_t bytes_at_open, modified_us_at_open;      /* what it said of itself then */
    char *in;                        /* read ahead for lines: `room` bytes and one for a NUL; the unread ones, from */
    size_t room, start, len;         /* start to len, are those at `position` */
    size_t line_bytes_max;
    int64_t breathed_ns;             /* when reads of it last made room for the poller */
    unsigned reads;
    int64_t run_from, run_to;        /* of the reads that followed each other */
    int64_t warm_to;                 /* up to there a thread has read ahead of them */
    const char *moving;              /* the name of the task that moves the position; NULL: none does */
    weft__file_call *calls;
    char path[];                     /* for messages */
};

/* ---- operations (file_job.c) ---- */

/* Records "cannot READ PATH FOR-WHAT: WHY" and gives the code; a cancel stays the scope's. */
int weft__file_fail(int64_t code, const char *doing, const char *path, const char *more);

/* A function on a thread of the file pool, with all it points to the caller's, who waits for its end. 0: it ran. */
int weft__file_run(weft__thread_work *work, void (*run)(weft__thread_work *), const char *name);
/* One operation likewise: its result, or the code why it never ran. */
int64_t weft__file_do(weft__os *os, weft__file_op *op, const char *name);

/* Those that a cancelled caller leaves at once: the job has copies of all it needs. Results as weft__file_do gives them. */
/* Reads `window` bytes, of which the first n are wanted. */
int64_t weft__file_fetch(weft_file *f, void *to, size_t n, size_t window, int64_t at);
int64_t weft__file_open_fd(weft__os *os, const char *path, const char *beneath, int flags, int mode, struct stat *st);
int64_t weft__file_look(weft__os *os, const char *path, struct stat *st);

/* ---- life (file.c) ---- */

/* The os of this task, if it has files: 0, or a code for the call named. */
int weft__file_here(const char *call, const char *path, weft__os **out);
/* 0, or WEFT_EINVAL for the call named. */
int weft__file_mode_check(const char *call, int mode);
/* Over an open descriptor, which it takes. NULL: no memory, and it is closed. */
weft_file *weft__file_over(weft__os *os, int fd, const char *path);
/* A call of this task begins, which moves the position or does not; and ends. 0, WEFT_ECLOSED, WEFT_EBUSY, a cancel. When the
 * file is closed in between, a wait of the call is woken with WEFT_ECLOSED; one that lets others run has to look itself. */
int weft__file_enter(weft_file *f, weft__file_call *c, const char *doing, bool moves);
void weft__file_exit(weft_file *f, weft__file_call *c);
void weft__file_keep(weft_file *f);
void weft__file_let_go(weft_file *f);
/* What was read ahead: by the task that moves the position; and by one that does not, when it has changed the bytes. */
static inline void weft__file_forget(weft_file *f) { f->start = f->len = 0; f->stale = false; }
static inline void weft__file_changed(weft_file *f) { f->stale = true; }
#endif
