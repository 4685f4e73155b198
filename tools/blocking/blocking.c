/* libweft-blocking.so, for development: loaded by LD_PRELOAD in front of libc, it tells a program of weft's which calls
 * that block it makes inside a coroutine. Each function here looks, and calls libc's.
 *
 * Left out are calls on what never blocks (O_NONBLOCK, memory devices, memory streams), and what goes to stdout and stderr,
 * where programs print on purpose; WEFT_BLOCKING_STDIO=1 takes those in. */
#define _GNU_SOURCE
#undef _FILE_OFFSET_BITS                 /* else open would be open64, which is a name of its own here */
#define _LARGEFILE64_SOURCE 1
#undef _FORTIFY_SOURCE
#define __NO_INLINE__ 1                  /* else the headers define some of these functions themselves */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "task/preload.h"

static _Atomic(const weft__blocking_program *) program;
/* What is called to tell must not be told of. */
static _Thread_local bool telling __attribute__((tls_model("initial-exec")));

__attribute__((visibility("default"))) weft__blocking_attach_fn weft_blocking_attach;
void weft_blocking_attach(const weft__blocking_program *p)
{
    if (p->version == WEFT__BLOCKING_VERSION) atomic_store(&program, p);
}

/* ---- what blocks ---- */

static bool asked(void)
{
    const weft__blocking_program *p = atomic_load_explicit(&program, memory_order_acquire);
    return p && !telling && p->in_task();
}

static void tell(const char *call, const char *on, const void *caller)
{
    char what[96];
    int keep = errno;
    telling = true;
    snprintf(what, sizeof what, "%s%s", call, on);
    atomic_load(&program)->tell(what, (uintptr_t)caller);
    telling = false;
    errno = keep;
}

static bool is_left_out(int fd)
{
    const char *stdio = getenv("WEFT_BLOCKING_STDIO");
    return (fd == STDOUT_FILENO || fd == STDERR_FILENO) && !(stdio && *stdio == '1');
}

/* " of a regular file"; NULL: a call on it does not block, or there is no such descriptor. */
static const char *kind_of(int fd)
{
    struct stat s;
    enum { MEMORY_DEVICES = 1 };
    if (fd < 0 || is_left_out(fd) || fstat(fd, &s) < 0) return NULL;
    /* O_NONBLOCK has no effect on files. */
    if (S_ISREG(s.st_mode) || S_ISBLK(s.st_mode)) return " of a regular file";
    if (S_ISDIR(s.st_mode)) return " of a directory";
    if (S_ISCHR(s.st_mode) && major(s.st_rdev) == MEMORY_DEVICES) return NULL;
    if (fcntl(fd, F_GETFL) & O_NONBLOCK) return NULL;
    if (S_ISFIFO(s.st_mode)) return " of a pipe";
    if (S_ISSOCK(s.st_mode)) return " of a blocking socket";
    return S_ISCHR(s.st_mode) ? " of a device" : " of a blocking descriptor";
}

static void on_descriptor(const char *call, int fd, const void *caller)
{
    int keep = errno;
    const char *kind = kind_of(fd);
    if (kind) tell(call, kind, caller);
    errno = keep;
}

static void on_socket(const char *call, int fd, int flags, const void *caller)
{
    if (!(flags & MSG_DONTWAIT)) on_descriptor(call, fd, caller);
}

static void on_stream(const char *call, FILE *f, const void *caller)
{
    on_descriptor(call, f ? fileno(f) : -1, caller);
}

/* Every stream that is open for writing, stdout and stderr among them. */
static void on_all_streams(const char *call, FILE *f, const void *caller)
{
    if (f) on_stream(call, f, caller);
    else tell(call, " of all streams", caller);
}

/* What was opened tells whether that blocked. */
static void on_opened(const char *call, int fd, const void *caller)
{
    if (asked()) on_descriptor(call, fd, caller);
}

static void always(const char *call, const void *caller) { tell(call, "", caller); }

static void unless(bool waits_not, const char *call, const void *caller)
{
    if (!waits_not) tell(call, "", caller);
}

/* ---- in front of libc ---- */

#define CALLER __builtin_return_address(0)
#define EXPORT __attribute__((visibility("default"), noinline))
#define REAL(type, name, params) \
    static type (*real) params; \
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, #name)

/* type name(params), which first looks whether it blocks. */
#define IN_FRONT(type, name, params, args, look) \
    EXPORT type name params; \
    type name params \
    { \
        REAL(type, name, params); \
        if (__builtin_expect(asked(), 0)) look; \
        return real args; \
    }
#define ALWAYS(type, name, params, args) IN_FRONT(type, name, params, args, always(#name, CALLER))
#define DESCRIPTOR(type, shown, name, params, args) IN_FRONT(type, name, params, args, on_descriptor(shown, fd, CALLER))
#define SOCKET(type, shown, name, params, args) IN_FRONT(type, name, params, args, on_socket(shown, fd, flags, CALLER))
#define STREAM(type, shown, name, params, args) IN_FRONT(type, name, params, args, on_stream(shown, f, CALLER))
#define UNLESS(condition, type, name, params, args) IN_FRONT(type, name, params, args, unless(condition, #name, CALLER))

/* time */
ALWAYS(unsigned, sleep, (unsigned s), (s))
ALWAYS(int, usleep, (useconds_t us), (us))
ALWAYS(int, nanosleep, (const struct timespec *t, struct timespec *left), (t, left))
ALWAYS(int, clock_nanosleep, (clockid_t c, int how, const struct timespec *t, struct timespec *left), (c, how, t, left))

/* descriptors */
DESCRIPTOR(ssize_t, "read", read, (int fd, void *to, size_t n), (fd, to, n))
DESCRIPTOR(ssize_t, "readv", readv, (int fd, const struct iovec *v, int n), (fd, v, n))
DESCRIPTOR(ssize_t, "pread", pread, (int fd, void *to, size_t n, off_t at), (fd, to, n, at))
DESCRIPTOR(ssize_t, "pread", pread64, (int fd, void *to, size_t n, off64_t at), (fd, to, n, at))
DESCRIPTOR(ssize_t, "preadv", preadv, (int fd, const struct iovec *v, int n, off_t at), (fd, v, n, at))
DESCRIPTOR(ssize_t, "preadv", preadv64, (int fd, const struct iovec *v, int n, off64_t at), (fd, v, n, at))
DESCRIPTOR(ssize_t, "read", __read_chk, (int fd, void *to, size_t n, size_t room), (fd, to, n, room))
DESCRIPTOR(ssize_t, "pread", __pread_chk, (int fd, void *to, size_t n, off_t at, size_t room), (fd, to, n, at, room))
DESCRIPTOR(ssize_t, "pread", __pread64_chk, (int fd, void *to, size_t n, off64_t at, size_t room), (fd, to, n, at, room))
DESCRIPTOR(ssize_t, "write", write, (int fd, const void *from, size_t n), (fd, from, n))
DESCRIPTOR(ssize_t, "writev", writev, (int fd, const struct iovec *v, int n), (fd, v, n))
DESCRIPTOR(ssize_t, "pwrite", pwrite, (int fd, const void *from, size_t n, off_t at), (fd, from, n, at))
DESCRIPTOR(ssize_t, "pwrite", pwrite64, (int fd, const void *from, size_t n, off64_t at), (fd, from, n, at))
DESCRIPTOR(ssize_t, "pwritev", pwritev, (int fd, const struct iovec *v, int n, off_t at), (fd, v, n, at))
DESCRIPTOR(ssize_t, "pwritev", pwritev64, (int fd, const struct iovec *v, int n, off64_t at), (fd, v, n, at))
DESCRIPTOR(int, "fsync", fsync, (int fd), (fd))
DESCRIPTOR(int, "fdatasync", fdatasync, (int fd), (fd))
DESCRIPTOR(int, "syncfs", syncfs, (int fd), (fd))
DESCRIPTOR(int, "ftruncate", ftruncate, (int fd, off_t n), (fd, n))
DESCRIPTOR(int, "ftruncate", ftruncate64, (int fd, off64_t n), (fd, n))
UNLESS(how & LOCK_NB || how & LOCK_UN, int, flock, (int fd, int how), (fd, how))

/* sockets */
SOCKET(ssize_t, "recv", recv, (int fd, void *to, size_t n, int flags), (fd, to, n, flags))
SOCKET(ssize_t, "recv", __recv_chk, (int fd, void *to, size_t n, size_t room, int flags), (fd, to, n, room, flags))
SOCKET(ssize_t, "recvfrom", recvfrom, (int fd, void *restrict to, size_t n, int flags, struct sockaddr *restrict a, socklen_t *restrict l), (fd, to, n, flags, a, l))
SOCKET(ssize_t, "recvfrom", __recvfrom_chk, (int fd, void *restrict to, size_t n, size_t room, int flags, struct sockaddr *restrict a, socklen_t *restrict l), (fd, to, n, room, flags, a, l))
SOCKET(ssize_t, "recvmsg", recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags))
SOCKET(ssize_t, "send", send, (int fd, const void *from, size_t n, int flags), (fd, from, n, flags))
SOCKET(ssize_t, "sendto", sendto, (int fd, const void *from, size_t n, int flags, const struct sockaddr *a, socklen_t l), (fd, from, n, flags, a, l))
SOCKET(ssize_t, "sendmsg", sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
DESCRIPTOR(int, "connect", connect, (int fd, const struct sockaddr *a, socklen_t l), (fd, a, l))
DESCRIPTOR(int, "accept", accept, (int fd, struct sockaddr *restrict a, socklen_t *restrict l), (fd, a, l))
DESCRIPTOR(int, "accept4", accept4, (int fd, struct sockaddr *restrict a, socklen_t *restrict l, int flags), (fd, a, l, flags))

/* waiting for several */
UNLESS(ms == 0, int, poll, (struct pollfd *p, nfds_t n, int ms), (p, n, ms))
UNLESS(ms == 0, int, __poll_chk, (struct pollfd *p, nfds_t n, int ms, size_t room), (p, n, ms, room))
UNLESS(t && !t->tv_sec && !t->tv_nsec, int, ppoll, (struct pollfd *p, nfds_t n, const struct timespec *t, const sigset_t *s), (p, n, t, s))
UNLESS(t && !t->tv_sec && !t->tv_usec, int, select, (int n, fd_set *restrict r, fd_set *restrict w, fd_set *restrict x, struct timeval *restrict t), (n, r, w, x, t))
UNLESS(t && !t->tv_sec && !t->tv_nsec, int, pselect, (int n, fd_set *restrict r, fd_set *restrict w, fd_set *restrict x, const struct timespec *restrict t, const sigset_t *restrict s), (n, r, w, x, t, s))
UNLESS(ms == 0, int, epoll_wait, (int fd, struct epoll_event *e, int n, int ms), (fd, e, n, ms))

/* names */
ALWAYS(int, getaddrinfo, (const char *restrict n, const char *restrict s, const struct addrinfo *restrict h, struct addrinfo **restrict r), (n, s, h, r))
ALWAYS(int, getnameinfo, (const struct sockaddr *restrict a, socklen_t l, char *restrict n, socklen_t nl, char *restrict s, socklen_t sl, int f), (a, l, n, nl, s, sl, f))
ALWAYS(struct hostent *, gethostbyname, (const char *n), (n))
ALWAYS(struct hostent *, gethostbyname2, (const char *n, int f), (n, f))
ALWAYS(struct hostent *, gethostbyaddr, (const void *a, socklen_t l, int f), (a, l, f))

/* processes */
ALWAYS(int, system, (const char *c), (c))
ALWAYS(FILE *, popen, (const char *c, const char *how), (c, how))
ALWAYS(int, pclose, (FILE *f), (f))
ALWAYS(pid_t, wait, (int *status), (status))
UNLESS(how & WNOHANG, pid_t, waitpid, (pid_t p, int *status, int how), (p, status, how))
UNLESS(how & WNOHANG, pid_t, wait4, (pid_t p, int *status, int how, struct rusage *u), (p, status, how, u))
UNLESS(how & WNOHANG, int, waitid, (idtype_t t, id_t p, siginfo_t *i, int how), (t, p, i, how))
ALWAYS(int, pause, (void), ())

/* streams */
STREAM(char *, "fgets", fgets, (char *restrict to, int n, FILE *restrict f), (to, n, f))
STREAM(char *, "fgets", __fgets_chk, (char *restrict to, size_t room, int n, FILE *restrict f), (to, room, n, f))
STREAM(int, "fgetc", fgetc, (FILE *f), (f))
STREAM(int, "getc", getc, (FILE *f), (f))
STREAM(size_t, "fread", fread, (void *restrict to, size_t size, size_t n, FILE *restrict f), (to, size, n, f))
STREAM(size_t, "fread", __fread_chk, (void *restrict to, size_t room, size_t size, size_t n, FILE *restrict f), (to, room, size, n, f))
STREAM(ssize_t, "getline", getline, (char **restrict to, size_t *restrict n, FILE *restrict f), (to, n, f))
STREAM(ssize_t, "getline", __getdelim, (char **restrict to, size_t *restrict n, int end, FILE *restrict f), (to, n, end, f))
STREAM(ssize_t, "getdelim", getdelim, (char **restrict to, size_t *restrict n, int end, FILE *restrict f), (to, n, end, f))
STREAM(int, "fputs", fputs, (const char *restrict s, FILE *restrict f), (s, f))
STREAM(int, "fputc", fputc, (int c, FILE *f), (c, f))
STREAM(int, "putc", putc, (int c, FILE *f), (c, f))
STREAM(size_t, "fwrite", fwrite, (const void *restrict from, size_t size, size_t n, FILE *restrict f), (from, size, n, f))
STREAM(int, "fprintf", vfprintf, (FILE *restrict f, const char *restrict fmt, va_list a), (f, fmt, a))
STREAM(int, "fprintf", __vfprintf_chk, (FILE *restrict f, int flag, const char *restrict fmt, va_list a), (f, flag, fmt, a))
STREAM(int, "fclose", fclose, (FILE *f), (f))
IN_FRONT(int, fflush, (FILE *f), (f), on_all_streams("fflush", f, CALLER))
IN_FRONT(int, puts, (const char *s), (s), on_stream("puts", stdout, CALLER))
IN_FRONT(int, putchar, (int c), (c), on_stream("putchar", stdout, CALLER))
IN_FRONT(int, getchar, (void), (), on_stream("getchar", stdin, CALLER))
IN_FRONT(int, vprintf, (const char *restrict fmt, va_list a), (fmt, a), on_stream("printf", stdout, CALLER))

/* A function with further arguments of any type: its sister takes them as a list. */
#define LISTED(name, sister, shown, f, params, last, args) \
    EXPORT int name params; \
    int name params \
    { \
        va_list a; \
        REAL_SISTER(sister); \
        if (__builtin_expect(asked(), 0)) on_stream(shown, f, CALLER); \
        va_start(a, last); \
        int rc = real args; \
        va_end(a); \
        return rc; \
    }
#define REAL_SISTER(name) \
    static __typeof__(&name) real; \
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, #name)

extern int __vprintf_chk(int flag, const char *fmt, va_list a);
extern int __isoc99_vfscanf(FILE *f, const char *fmt, va_list a);
extern int __isoc23_vfscanf(FILE *f, const char *fmt, va_list a);
LISTED(fprintf, vfprintf, "fprintf", f, (FILE *restrict f, const char *restrict fmt, ...), fmt, (f, fmt, a))
LISTED(__fprintf_chk, __vfprintf_chk, "fprintf", f, (FILE *f, int flag, const char *fmt, ...), fmt, (f, flag, fmt, a))
LISTED(printf, vprintf, "printf", stdout, (const char *restrict fmt, ...), fmt, (fmt, a))
LISTED(__printf_chk, __vprintf_chk, "printf", stdout, (int flag, const char *fmt, ...), fmt, (flag, fmt, a))
LISTED(__isoc23_fscanf, __isoc23_vfscanf, "fscanf", f, (FILE *f, const char *fmt, ...), fmt, (f, fmt, a))
LISTED(__isoc99_fscanf, __isoc99_vfscanf, "fscanf", f, (FILE *f, const char *fmt, ...), fmt, (f, fmt, a))

/* ---- opening: told when it is known what was opened ---- */

#define OPENS(type, shown, name, params, args, descriptor) \
    EXPORT type name params; \
    type name params \
    { \
        REAL(type, name, params); \
        type opened = real args; \
        on_opened(shown, descriptor, CALLER); \
        return opened; \
    }
#define STREAM_OF(opened) ((opened) ? fileno(opened) : -1)

OPENS(FILE *, "fopen", fopen, (const char *restrict path, const char *restrict how), (path, how), STREAM_OF(opened))
OPENS(FILE *, "fopen", fopen64, (const char *restrict path, const char *restrict how), (path, how), STREAM_OF(opened))
OPENS(FILE *, "freopen", freopen, (const char *restrict path, const char *restrict how, FILE *restrict f), (path, how, f), STREAM_OF(opened))
OPENS(int, "creat", creat, (const char *path, mode_t mode), (path, mode), opened)
OPENS(int, "creat", creat64, (const char *path, mode_t mode), (path, mode), opened)
OPENS(int, "open", __open_2, (const char *path, int flags), (path, flags), opened)
OPENS(int, "open", __open64_2, (const char *path, int flags), (path, flags), opened)
OPENS(int, "openat", __openat_2, (int dir, const char *path, int flags), (dir, path, flags), opened)
OPENS(int, "openat", __openat64_2, (int dir, const char *path, int flags), (dir, path, flags), opened)

static bool has_mode(int flags) { return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE; }

#define OPEN_WITH_MODE(name, shown, params, args) \
    EXPORT int name params; \
    int name params \
    { \
        mode_t mode = 0; \
        static int (*real) params; \
        if (!real) *(void **)&real = dlsym(RTLD_NEXT, #name); \
        if (has_mode(flags)) { \
            va_list a; \
            va_start(a, flags); \
            mode = va_arg(a, mode_t); \
            va_end(a); \
        } \
        int opened = real args; \
        on_opened(shown, opened, CALLER); \
        return opened; \
    }

OPEN_WITH_MODE(open, "open", (const char *path, int flags, ...), (path, flags, mode))
OPEN_WITH_MODE(open64, "open", (const char *path, int flags, ...), (path, flags, mode))
OPEN_WITH_MODE(openat, "openat", (int dir, const char *path, int flags, ...), (dir, path, flags, mode))
OPEN_WITH_MODE(openat64, "openat", (int dir, const char *path, int flags, ...), (dir, path, flags, mode))
