#ifndef WEFT_SRC_OS_FILE_H
#define WEFT_SRC_OS_FILE_H
/* Files and directories: one operation, described by a record, so that it can be tried at once on the loop, sent to a
 * thread, and failed by a test. `file_do` may block and may be called from any thread (linux); the simulator's disk
 * is in memory and used from the loop's thread alone. */
#include <sys/stat.h>
#include "os/os.h"

typedef enum weft__file_kind {
    WEFT__FILE_OPEN,        /* path, flags (O_*; O_CLOEXEC is added), mode -> fd */
    WEFT__FILE_CLOSE,       /* fd */
    WEFT__FILE_READ,        /* fd, iov, offset (-1: at the file's position) -> bytes; 0 at the end */
    WEFT__FILE_WRITE,       /* fd, iov, offset (-1: at the position, or the end with O_APPEND) -> bytes, may be short */
    WEFT__FILE_SYNC,        /* fd; data_only */
    WEFT__FILE_TRUNCATE,    /* fd, offset: the new length */
    WEFT__FILE_STAT,        /* fd, or path when fd is -1 -> stat */
    WEFT__FILE_RENAME,      /* path, to */
    WEFT__FILE_REMOVE,      /* path: a file or an empty directory */
    WEFT__FILE_MKDIR,       /* path, mode */
    WEFT__FILE_LIST,        /* fd of an open directory, iov[0]: where names go, each with its NUL -> bytes; 0 at the end */
    WEFT__FILE_TEMP,        /* path: a directory -> fd of a file without a name (O_TMPFILE) */
    WEFT__FILE_SYNC_PATH,   /* path: of a directory, so that a rename in it is durable */
    WEFT__FILE_KINDS
} weft__file_kind;

typedef struct weft__file_op {
    weft__file_kind kind;
    int fd, flags, mode;
    bool data_only;
    bool at_once;           /* READ: only what is in the page cache; -EAGAIN: it is not (RWF_NOWAIT) */
    const char *path, *to;
    struct iovec *iov;
    int iov_count;
    int64_t offset;
    struct stat *stat;
    int64_t result;         /* >= 0, or -errno */
} weft__file_op;

typedef struct weft__file_ops {
    void (*file_do)(weft__os *, weft__file_op *);
} weft__file_ops;
#endif
