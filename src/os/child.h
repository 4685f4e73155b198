#ifndef WEFT_SRC_OS_CHILD_H
#define WEFT_SRC_OS_CHILD_H
/* Other programs as children: started with pipes, told when they end, signalled. */
#include "os/os.h"

/* What a child has as its descriptors 0, 1 and 2. */
typedef enum weft__child_end {
    WEFT__CHILD_INHERITS,            /* ours */
    WEFT__CHILD_NULL,                /* /dev/null */
    WEFT__CHILD_PIPE,                /* a pipe, whose other end is ours and does not block */
    WEFT__CHILD_WITH_OUT             /* 2 only: where 1 goes */
} weft__child_end;

typedef struct weft__child_opts {
    const char *program;             /* as written: a name to be found in `path`, or a path */
    const char *path;                /* directories with ':' between them; empty ones are left out */
    const char *const *argv, *const *env;        /* NULL at the end */
    const char *folder;              /* NULL: ours */
    weft__child_end in, out, err;
    bool group;                      /* it leads a process group of its own */
} weft__child_opts;

/* `watch` becomes readable (IN) when the child ends; it, like in, out and err (our ends of the pipes, or -1), is for
 * the os's watch and close; recv and send do for pipes what they do for sockets. */
typedef struct weft__child { int pid, watch, in, out, err; bool group, reaped; } weft__child;

/* Where a start failed, so that it can be told clearly. */
typedef enum weft__child_step {
    WEFT__CHILD_FOLDER, WEFT__CHILD_FIND, WEFT__CHILD_ACCESS, WEFT__CHILD_PIPES, WEFT__CHILD_EXEC, WEFT__CHILD_WATCH
} weft__child_step;

/* How a child ended: by itself with a status (signal 0), or by a signal. */
typedef struct weft__child_exit { int status, signal; } weft__child_exit;

typedef struct weft__child_ops {
    /* Start it: its signal mask is empty, SIGPIPE is as usual, no other descriptor of ours is in it. Takes as long as
     * the kernel needs to load the program. 0; or a code and the step that failed: -ENOENT, -EACCES, -ENOEXEC ... */
    int (*spawn)(weft__os *, const weft__child_opts *, weft__child *out, weft__child_step *step);
    /* 0 with how it ended, once: it is then gone for good, and what is left of a group that it led has been sent SIGKILL;
     * -EAGAIN: it runs; -ECHILD: somebody else has asked. */
    int (*reap)(weft__os *, weft__child *, weft__child_exit *out);
    /* Send a signal, to the whole group of one that leads one. Nothing happens to one that was reaped. */
    int (*signal)(weft__os *, const weft__child *, int number);
} weft__child_ops;

extern const weft__child_ops weft__linux_children;
/* The environment of this process. */
const char *const *weft__os_environment(void);
#endif
