#ifndef WEFT_SRC_OS_FILE_H
#define WEFT_SRC_OS_FILE_H
/* Files and directories: one operation, described by a record, so that it can be tried at once on the loop, sent to a
 * thread, and failed by a test. linux and the simulator's disk give the same answers (tests/os/file_same_test.c).
 *
 * Paths have a NUL and are taken from the working directory of the process ("/" in the simulator). A signal does not
 * interrupt an operation. Descriptors are those of the os: `os->ops->close` closes them too. */
#include <sys/stat.h>
#include "os/os.h"

typedef enum weft__file_kind {
    WEFT__FILE_OPEN,        /* path, flags (O_*; O_CLOEXEC is added), mode (less the umask) -> fd. `to`: a directory that the
                             * path is taken from and must not lead out of (-EXDEV), whatever its links say */
    WEFT__FILE_CLOSE,       /* fd; it is closed also when that fails */
    WEFT__FILE_READ,        /* fd, iov, offset (-1: at the file's position) -> bytes, may be short; 0 at the end */
    WEFT__FILE_WRITE,       /* fd, iov, offset (-1: at the position; with O_APPEND at the end) -> bytes, may be short */
    WEFT__FILE_SYNC,        /* fd; data_only: what is needed to read it back. After a failure what was written since
                             * the last success may be lost, also when a later one succeeds */
    WEFT__FILE_TRUNCATE,    /* fd, offset: the new length, longer by zeros */
    WEFT__FILE_STAT,        /* fd, or path when fd is -1 -> stat */
    WEFT__FILE_RENAME,      /* path, to: whatever has that name is replaced in one step */
    WEFT__FILE_REMOVE,      /* path: a file or an empty directory */
    WEFT__FILE_MKDIR,       /* path, mode (less the umask) */
    WEFT__FILE_LIST,        /* fd of an open directory, iov[0] (WEFT__FILE_LIST_MIN bytes or more): names, each with its NUL, without
                             * "." and "..", in no order -> bytes; 0 at the end. Goes on where it was */
    WEFT__FILE_TEMP,        /* path: a directory, mode -> fd of a file without a name, to read and write */
    WEFT__FILE_SYNC_PATH,   /* path: of a directory, so that what was created, renamed or removed in it stays so */
    WEFT__FILE_KINDS
} weft__file_kind;

enum { WEFT__FILE_LIST_MIN = 512, WEFT__FILE_IOV_MAX = 1024 };

/* The caller's memory, and all it points to, until file_do returns. */
typedef struct weft__file_op {
    weft__file_kind kind;
    int fd, flags, mode;
    bool data_only;
    bool at_once;           /* READ: only what is in the page cache; -EAGAIN: it is not, or nobody can tell */
    const char *path, *to;
    struct iovec *iov;
    int iov_count;          /* 1 to WEFT__FILE_IOV_MAX */
    int64_t offset;
    struct stat *stat;
    int64_t result;         /* >= 0, or -errno; outputs are untouched then */
} weft__file_op;

typedef struct weft__file_ops {
    /* Does it and sets `result`. linux: from any thread, may block (but a READ at_once), and takes nothing from the
     * os, which may be gone or NULL. The simulator: on the loop's thread or in a job, and it takes no virtual time. */
    void (*file_do)(weft__os *, weft__file_op *);
} weft__file_ops;
#endif
