#ifndef WEFT_FILE_H
#define WEFT_FILE_H
/* Files and directories, without ever holding the loop: what is in the page cache is read at once, all else is done on
 * the threads of the file pool while the task waits.
 *
 *     WEFT_FILE(f);
 *     WEFT_TRY(weft_file_open(&f, "orders.csv"));
 *     for (int rc; (rc = weft_file_line(f, &line)) != 0;) { WEFT_TRY(rc); ... }
 *
 * Paths are C strings, taken from the working directory of the process. What you open, you free: WEFT_FILE(f) and
 * WEFT_DIR(d) are declarations that do it at the end of the block, however it is left.
 *
 * Failures have the system's code, negative (-EACCES, -ENOSPC, -EEXIST of <errno.h>; WEFT_ENOENT is -ENOENT), and a text
 * for people: "cannot open /etc/shadow for reading: Permission denied". -EBADF: it was not opened for that. Besides:
 * WEFT_EINVAL for what makes no sense, WEFT_ELIMIT for a limit stated here, WEFT_ENOMEM (also: no thread could be
 * started), WEFT_ECLOSED after weft_file_close, WEFT_EBUSY while another task moves the same position.
 *
 * Cancelling. All functions that wait may return WEFT_ECANCELED or WEFT_ETIMEDOUT of a scope. What only reads (open for
 * reading, read, lines, stat) then returns at once, though its thread may still work: that has memory of its own, and
 * nothing of what was asked is lost. What changes something is either taken back before it began, or the caller waits
 * for its end and gets its result, and the cancel is told by the next wait: so never does a change happen behind the
 * back of who asked for it, nor is memory read that was given back. A position moves only with a call that succeeds.
 *
 * Not for pipes, sockets and terminals: opening one fails with WEFT_EINVAL (a pipe that nobody reads, for writing: -ENXIO)
 * or its reads with -ESPIPE; see weft/net.h. What the system promises and does not: open(2), fsync(2), rename(2).
 *                                                                    Examples: examples/files.c, tests/io/file_test.c  */
#include "weft/task.h"

typedef struct weft_file weft_file;

/* ---- whole files ---- */

/* All bytes of a file, with a NUL behind them; they live like weft_alloc's and count against its limit. WEFT_ELIMIT: it
 * has more than bytes_max (0: 1 MiB); *out is then untouched. Waits: yes.
 *
 *     WEFT_TRY(weft_file_text("settings.json", 64 * 1024, &text));  */
int weft_file_text(const char *path, size_t bytes_max, weft_str *out) WEFT_NODISCARD;

/* Replace a file, or make it, so that whoever reads it, and whoever reads it after a power failure, sees either all of
 * the old bytes or all of the new: written beside it under another name, synced, renamed, its directory synced. 0: it is
 * so and stays so. On failure the old file stands, and nothing is left beside it unless that fails too or the power does
 * (".weft-..." in its directory); only when the text says "perhaps not for good" the new bytes are there and may be lost
 * in a power failure. mode: 0 for that of the file there is, or 0644 for a new one; less the umask. A symbolic link is
 * replaced, not followed. .parents is for weft_dir_make (WEFT_EINVAL). Waits: yes; once it runs, to its end. (Write a
 * compound literal in parentheses.)
 *
 *     WEFT_TRY(weft_file_save("state.json", text));  */
typedef struct weft_mode_opts { weft__named_options_only _; int mode; bool parents; } weft_mode_opts;
#define weft_file_save(path, bytes, ...) weft_file_save_with((path), (bytes), &(weft_mode_opts){ __VA_ARGS__ })
int weft_file_save_with(const char *path, weft_str bytes, const weft_mode_opts *opts) WEFT_NODISCARD;

/* Add to the end of a file, which is made when it is not there (mode 0644): one write with O_APPEND, so that lines of many
 * tasks and processes come one after the other and none into another. A disk that takes only a part (it is full) is
 * asked to take the rest; the text of a failure says how many bytes are there. Waits: yes; once it runs, to its end.
 *
 *     WEFT_TRY(weft_file_append("log.txt", weft_format("%s %d\n", name, n)));  */
int weft_file_append(const char *path, weft_str bytes) WEFT_NODISCARD;

/* ---- open files ---- */

/* How to open a file; without any option for reading.
 * read, write: both may be given. append: for writing, each time at the end. create: make it when it is not there, with
 * `mode` (0644), less the umask. beneath: the directory that the path is taken from and never leads out of, for paths that
 * others have a say in: "..", "/" and links that would are refused (-EXDEV; where a sandbox forbids openat2 all links are). exclusive: make it, and fail with -EEXIST when it is there. truncate: empty it.
 * line_bytes_max: of weft_file_line, without the line's end; 64 KiB.  */
typedef struct weft_open_opts {
    weft__named_options_only _;
    bool read, write, append, create, exclusive, truncate;
    int mode;
    size_t line_bytes_max;
    const char *beneath;
} weft_open_opts;

/* Open: weft_file_open(&f, "out.txt", .write = true, .create = true, .truncate = true). *out is untouched on failure.
 * WEFT_EINVAL: the options contradict each other, or it is a pipe or a socket; -EISDIR: a directory. It is closed on exec. Waits: yes. */
#define weft_file_open(out, path, ...) weft_file_open_with((out), (path), &(weft_open_opts){ __VA_ARGS__ })
int weft_file_open_with(weft_file **out, const char *path, const weft_open_opts *opts) WEFT_NODISCARD;

/* A file without a name in this directory (NULL: /tmp), to read and write, with mode 0600; it is gone when it is closed. 0;
 * WEFT_ENOENT, -EACCES, -EROFS, -ENOSPC, -EMFILE ...: none could be made, *out is untouched. Where the file system knows no
 * file without a name it has one for a moment. Waits: yes.
 *
 *     WEFT_FILE(f);
 *     WEFT_TRY(weft_file_temp(&f, NULL));  */
int weft_file_temp(weft_file **out, const char *directory) WEFT_NODISCARD;

/* A file that is freed at the end of the block; NULL until it is opened. */
#define WEFT_FILE(f) weft_file *f __attribute__((cleanup(weft__file_leave), unused)) = NULL
void weft__file_leave(weft_file **f);

/* Close it: 0, or the code that closing failed with (network file systems tell then that bytes could not be written; all
 * others tell it from weft_file_sync). It is closed in each case, also when the task was cancelled. Calls of other tasks
 * that are under way end with WEFT_ECLOSED, as by a cancel: reads at once, and what a thread has begun to change keeps
 * its result; a failure to close is then logged. Later calls get WEFT_ECLOSED. Twice is once. Waits: when it is open for
 * writing, and no call is under way. */
int weft_file_close(weft_file *f);

/* Close it and give its memory back: no task may use it from now on. A failure to close is logged. NULL is none. Waits:
 * as weft_file_close does. */
void weft_file_free(weft_file *f);

/* At most n bytes (n > 0) from the position, or from `offset`: how many, less than n only at the end, 0 there; < 0 on
 * error. Long ones let others run in between. After a failure `to` may hold a part. Wait: for what is not in the page
 * cache; now and then also when it is. */
int64_t weft_file_read(weft_file *f, void *to, size_t n) WEFT_NODISCARD;
int64_t weft_file_pread(weft_file *f, void *to, size_t n, int64_t offset) WEFT_NODISCARD;

/* The next line from the position, without its end ("\n" or "\r\n"): 1 with a line, 0 at the end, < 0 on error. The last
 * one may have no end. It has a NUL behind it and lives until the next step on this file. WEFT_ELIMIT: it is longer than
 * line_bytes_max, and stays there. Takes no more memory than two of the longest. At the end of a file that grows the
 * next call goes on. Waits: as weft_file_read does. */
int weft_file_line(weft_file *f, weft_str *out) WEFT_NODISCARD;

/* All bytes, at the position (at the end with .append) or at `offset`: 0, or the code that a part of them failed with; the
 * text says how many were written, and the position stays. A disk may refuse later what it took now: weft_file_sync
 * tells: -ENOSPC, -EIO, -EDQUOT, -EFBIG. An offset below 0, or one in a file opened with .append: WEFT_EINVAL. Wait: yes;
 * once it runs, to its end.
 *
 *     WEFT_TRY(weft_file_write(f, WEFT_S("done\n")));  */
int weft_file_write(weft_file *f, weft_str bytes) WEFT_NODISCARD;
int weft_file_pwrite(weft_file *f, weft_str bytes, int64_t offset) WEFT_NODISCARD;

/* Move the position, in bytes from the beginning, 0 or more (beyond the end too: what is between is zeros once something is
 * written there), and tell it. 0; WEFT_EINVAL: below 0; WEFT_EBUSY: a call of another task moves it; WEFT_ECLOSED.
 * Wait: never. */
int weft_file_seek(weft_file *f, int64_t offset) WEFT_NODISCARD;
int64_t weft_file_position(const weft_file *f);

/* Make what was written survive a power failure. After a failure take what was written since the last success for lost,
 * also when a later call succeeds, as the system does. The name of a new file is made to stay by weft_dir_sync. 0;
 * -EIO, -ENOSPC. Waits: yes, for the disk. */
int weft_file_sync(weft_file *f) WEFT_NODISCARD;

/* Cut to this many bytes, or make it longer by zeros; the position stays. 0; WEFT_EINVAL: below 0, or it was opened for
 * reading; -EFBIG. Waits: yes. */
int weft_file_truncate(weft_file *f, int64_t bytes) WEFT_NODISCARD;

/* ---- names ---- */

/* What a file is. modified_us: microseconds since 1970; mode: the permissions alone (0644); neither is_file nor is_dir: a
 * pipe, a socket, a device. */
typedef struct weft_file_info { int64_t bytes, modified_us; int mode; bool is_file, is_dir; } weft_file_info;

/* Of a name (symbolic links are followed), and of an open file. 0; WEFT_ENOENT: there is none, -ENOTDIR, -EACCES; *out is
 * then untouched. Wait: yes.
 *
 *     if (weft_file_stat("inbox", &info) == 0 && info.is_dir) ...  */
int weft_file_stat(const char *path, weft_file_info *out) WEFT_NODISCARD;
int weft_file_info_of(weft_file *f, weft_file_info *out) WEFT_NODISCARD;

/* Give a file or directory another name, on the same file system; a file that has it is replaced in one step.
 * 0; WEFT_ENOENT, -EXDEV: another file system, -ENOTEMPTY and -EEXIST: a directory with something in it has the name, -EISDIR,
 * -ENOTDIR, -EACCES; nothing has changed then. Waits: yes; once it runs, to its end.
 *
 *     WEFT_TRY(weft_file_rename("report.part", "report.csv"));  */
int weft_file_rename(const char *from, const char *to) WEFT_NODISCARD;

/* Remove a file, or an empty directory (-ENOTEMPTY); of a symbolic link the link. Who has it open keeps what it holds. 0;
 * WEFT_ENOENT, -EACCES, -EBUSY. Waits: yes; once it runs, to its end. */
int weft_file_remove(const char *path) WEFT_NODISCARD;

/* ---- directories ---- */

/* Make a directory (mode 0755, less the umask). -EEXIST: something is there; with .parents = true those above are made
 * too, and one that is there already is fine. WEFT_ENOENT: the one above is missing; -ENOTDIR, -EACCES, -ENOSPC; WEFT_EINVAL:
 * .mode is not in 0 to 07777. Waits: yes; once it runs, to its end.
 *
 *     WEFT_TRY(weft_dir_make("data/2026/11", .parents = true));  */
#define weft_dir_make(path, ...) weft_dir_make_with((path), &(weft_mode_opts){ __VA_ARGS__ })
int weft_dir_make_with(const char *path, const weft_mode_opts *opts) WEFT_NODISCARD;

/* Make what was created, renamed and removed in a directory survive a power failure. 0; WEFT_ENOENT, -EIO. Waits:
 * yes, for the disk. */
int weft_dir_sync(const char *path) WEFT_NODISCARD;

/* The names in a directory, without "." and "..", in no order, in bounded memory. One that comes or goes meanwhile may be
 * listed or not.
 *
 *     WEFT_DIR(d);
 *     WEFT_TRY(weft_dir_open(&d, "inbox"));
 *     for (int rc; (rc = weft_dir_next(d, &name)) != 0;) { WEFT_TRY(rc); ... }  */
typedef struct weft_dir weft_dir;
/* 0; WEFT_ENOENT, -ENOTDIR, -EACCES, -EMFILE; *out is then untouched. Takes 8 KiB. Waits: yes. */
int weft_dir_open(weft_dir **out, const char *path) WEFT_NODISCARD;
/* 1 with a name, which lives until the next step; 0 at the end; < 0 on error: WEFT_EBUSY, another task lists it;
 * WEFT_ECLOSED, it was freed. Waits: when a thread has to read on, every few hundred names. */
int weft_dir_next(weft_dir *d, weft_str *name) WEFT_NODISCARD;
/* Close it. A task that waits in weft_dir_next gets WEFT_ECLOSED, as soon as the thread that reads for it has ended; nobody
 * may begin another step. NULL is none. Waits: never. */
void weft_dir_free(weft_dir *d);
#define WEFT_DIR(d) weft_dir *d __attribute__((cleanup(weft__dir_leave), unused)) = NULL
void weft__dir_leave(weft_dir **d);
#endif
