#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "os/child.h"

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#define P_PIDFD_ ((idtype_t)3)

extern char **environ;

const char *const *weft__os_environment(void) { return (const char *const *)environ; }

/* ---- finding the program ---- */

static int runnable(int folder, const char *path)
{
    struct stat st;
    if (fstatat(folder, path, &st, 0) < 0) return -errno;
    if (S_ISDIR(st.st_mode)) return -EACCES;
    return faccessat(folder, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

/* As a shell does: the first one that may be run; one that may not be is told when there is no other. */
static int find(int folder, const char *name, const char *path, char out[PATH_MAX])
{
    int failure = -ENOENT;
    for (size_t n; *path; path += n + (path[n] == ':')) {
        n = strcspn(path, ":");
        if (!n || snprintf(out, PATH_MAX, "%.*s/%s", (int)n, path, name) >= PATH_MAX) continue;
        int rc = runnable(folder, out);
        if (rc == 0) return 0;
        if (rc == -EACCES) failure = rc;
    }
    return failure;
}

static int locate(const weft__child_opts *o, int folder, char out[PATH_MAX], weft__child_step *step)
{
    *step = WEFT__CHILD_FIND;
    if (!*o->program) return -ENOENT;
    if (!strchr(o->program, '/')) return find(folder, o->program, o->path, out);
    *step = WEFT__CHILD_ACCESS;
    if (snprintf(out, PATH_MAX, "%s", o->program) >= PATH_MAX) return -ENAMETOOLONG;
    return runnable(folder, out);
}

/* ---- pipes ---- */

/* Above 2, so that no end is overwritten while the child's are put in place. */
static int lift(int fd)
{
    if (fd < 0 || fd > 2) return fd;
    int up = fcntl(fd, F_DUPFD_CLOEXEC, 3), rc = errno;
    close(fd);
    errno = rc;
    return up;
}

/* Only our end does not block: what the child makes of its own is its business. */
static int pipe_open(bool we_write, int *ours, int *theirs)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
    ends[0] = lift(ends[0]);
    ends[1] = ends[0] < 0 ? (close(ends[1]), -1) : lift(ends[1]);
    int rc = -errno;
    if (ends[1] < 0) {
        if (ends[0] >= 0) close(ends[0]);
        return rc;
    }
    *ours = ends[we_write];
    *theirs = ends[!we_write];
    return fcntl(*ours, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;       /* what blocks would hold the loop */
}

typedef struct pipes { int in, out, err; } pipes;

static void close_one(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static void close_pipes(pipes *p)
{
    close_one(&p->in);
    close_one(&p->out);
    close_one(&p->err);
}

static void close_ours(weft__child *c)
{
    close_one(&c->in);
    close_one(&c->out);
    close_one(&c->err);
}

static int open_pipes(const weft__child_opts *o, weft__child *c, pipes *theirs)
{
    int rc = 0;
    if (o->in == WEFT__CHILD_PIPE) rc = pipe_open(true, &c->in, &theirs->in);
    if (rc == 0 && o->out == WEFT__CHILD_PIPE) rc = pipe_open(false, &c->out, &theirs->out);
    if (rc == 0 && o->err == WEFT__CHILD_PIPE) rc = pipe_open(false, &c->err, &theirs->err);
    return rc;
}

/* ---- starting ---- */

static int give_end(posix_spawn_file_actions_t *a, weft__child_end kind, int fd, int as)
{
    switch (kind) {
    case WEFT__CHILD_INHERITS: return 0;
    case WEFT__CHILD_NULL: return posix_spawn_file_actions_addopen(a, as, "/dev/null", as ? O_WRONLY : O_RDONLY, 0);
    case WEFT__CHILD_PIPE: return posix_spawn_file_actions_adddup2(a, fd, as);
    case WEFT__CHILD_WITH_OUT: return posix_spawn_file_actions_adddup2(a, 1, as);
    }
    return EINVAL;
}

/* What the program opened without O_CLOEXEC, and other threads at this moment, is none of the child's business. */
static int close_others(posix_spawn_file_actions_t *a)
{
#if __GLIBC_PREREQ(2, 34)
    return posix_spawn_file_actions_addclosefrom_np(a, 3);
#else
    (void)a;
    return 0;
#endif
}

static int actions_fill(posix_spawn_file_actions_t *a, const weft__child_opts *o, int folder, const pipes *theirs)
{
    int rc = o->folder ? posix_spawn_file_actions_addfchdir_np(a, folder) : 0;
    if (!rc) rc = give_end(a, o->in, theirs->in, 0);
    if (!rc) rc = give_end(a, o->out, theirs->out, 1);
    if (!rc) rc = give_end(a, o->err, theirs->err, 2);
    return rc ? rc : close_others(a);
}

static int attributes_fill(posix_spawnattr_t *a, bool group)
{
    sigset_t set;
    sigemptyset(&set);
    int rc = posix_spawnattr_setsigmask(a, &set);
    sigaddset(&set, SIGPIPE);
    if (!rc) rc = posix_spawnattr_setsigdefault(a, &set);
    if (!rc && group) rc = posix_spawnattr_setpgroup(a, 0);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    return rc ? rc : posix_spawnattr_setflags(a, (short)(flags | (group ? POSIX_SPAWN_SETPGROUP : 0)));
}

static int start(const weft__child_opts *o, const char *file, int folder, const pipes *theirs, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init(&actions)) return WEFT_ENOMEM;
    int rc = posix_spawnattr_init(&attributes);
    if (rc) goto no_attributes;
    rc = actions_fill(&actions, o, folder, theirs);
    if (!rc) rc = attributes_fill(&attributes, o->group);
    if (!rc) rc = posix_spawn(pid, file, &actions, &attributes, (char *const *)(uintptr_t)o->argv, (char *const *)(uintptr_t)o->env);
    posix_spawnattr_destroy(&attributes);
no_attributes:
    posix_spawn_file_actions_destroy(&actions);
    return -rc;
}

/* Without a descriptor for its end nobody would hear of it. It may have ended already, but it is there until it is
 * reaped: unless the kernel does that, because SIGCHLD is ignored. */
static int watch_end(weft__child *c)
{
    c->watch = (int)syscall(SYS_pidfd_open, c->pid, 0);
    if (c->watch >= 0) return 0;
    int rc = errno == ESRCH ? -ECHILD : -errno;
    if (rc == -ECHILD) return rc;
    kill(c->group ? -c->pid : c->pid, SIGKILL);
    while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR) continue;
    return rc;
}

static int spawn_in(const weft__child_opts *o, int folder, weft__child *c, weft__child_step *step)
{
    char file[PATH_MAX];
    pipes theirs = { -1, -1, -1 };
    int rc = locate(o, folder, file, step);
    if (rc < 0) return rc;
    *step = WEFT__CHILD_PIPES;
    rc = open_pipes(o, c, &theirs);
    if (rc == 0) {
        *step = WEFT__CHILD_EXEC;
        rc = start(o, file, folder, &theirs, &c->pid);
    }
    close_pipes(&theirs);
    /* The child does so itself. Where it is not waited for (an emulator), it may not have yet. */
    if (rc == 0 && o->group) (void)setpgid(c->pid, c->pid);
    if (rc == 0) {
        *step = WEFT__CHILD_WATCH;
        rc = watch_end(c);
    }
    if (rc < 0) close_ours(c);
    return rc;
}

static int child_spawn(weft__os *os, const weft__child_opts *o, weft__child *out, weft__child_step *step)
{
    (void)os;
    weft__child c = { .pid = -1, .watch = -1, .in = -1, .out = -1, .err = -1, .group = o->group };
    *step = WEFT__CHILD_FOLDER;
    int folder = o->folder ? open(o->folder, O_PATH | O_DIRECTORY | O_CLOEXEC) : AT_FDCWD;
    if (o->folder && folder < 0) return -errno;
    int rc = spawn_in(o, folder, &c, step);
    if (o->folder) close(folder);
    if (rc == 0) *out = c;
    return rc;
}

/* ---- its end ---- */

static int look(const weft__child *c, siginfo_t *info, int how)
{
    info->si_pid = 0;
    int rc = waitid(P_PIDFD_, (id_t)c->watch, info, WEXITED | WNOHANG | how);
    if (rc < 0 && errno == EINVAL) rc = waitid(P_PID, (id_t)c->pid, info, WEXITED | WNOHANG | how);
    return rc;
}

/* Until it is reaped its number is nobody else's, and neither is that of its group. */
static void end_group(const weft__child *c)
{
    siginfo_t info;
    if (look(c, &info, WNOWAIT) == 0 && info.si_pid) kill(-c->pid, SIGKILL);
}

static int child_reap(weft__os *os, weft__child *c, weft__child_exit *out)
{
    (void)os;
    siginfo_t info;
    if (c->reaped) return -ECHILD;
    if (c->group) end_group(c);
    int rc = look(c, &info, 0);
    if (rc < 0 && errno == EINTR) return -EAGAIN;
    if (rc < 0) {
        c->reaped = true;
        return -errno;
    }
    if (!info.si_pid) return -EAGAIN;
    c->reaped = true;
    bool itself = info.si_code == CLD_EXITED;
    *out = (weft__child_exit){ itself ? info.si_status : -1, itself ? 0 : info.si_status };
    return 0;
}

static int child_signal(weft__os *os, const weft__child *c, int number)
{
    (void)os;
    if (c->reaped) return 0;
    int rc = c->group ? kill(-c->pid, number) : (int)syscall(SYS_pidfd_send_signal, c->watch, number, NULL, 0);
    return rc < 0 ? -errno : 0;
}

const weft__child_ops weft__linux_children = { .spawn = child_spawn, .reap = child_reap, .signal = child_signal };
