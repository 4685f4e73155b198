/* The program's file run anew: as a child, and in the place of this process. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"
#include "os/child.h"
#include "os/handover.h"

enum { ARGUMENT_BYTES_MAX = 1 << 20, VARIABLES_MAX = 1 << 16, PATH_BYTES = 4096 };
static char variable_of_path[sizeof "WEFT__PROGRAM=" + 4096] = "WEFT__PROGRAM=";
static char *const path = variable_of_path + sizeof "WEFT__PROGRAM=" - 1;

/* ---- which file ---- */

static bool is_same_file(const char *file, const struct stat *me)
{
    struct stat st;
    return stat(file, &st) == 0 && st.st_dev == me->st_dev && st.st_ino == me->st_ino;
}

/* Below the folder, which counts from the one that the program was started in; "": that one. */
static bool lies_in(const char *folder, size_t folder_len, const char *file, const struct stat *me)
{
    char here[PATH_BYTES] = "";
    bool whole = folder_len && *folder == '/';
    if (!whole && !getcwd(here, sizeof here)) return false;
    int n = snprintf(path, PATH_BYTES, "%s%s%.*s%s%s", here, *here ? "/" : "", (int)folder_len, folder, folder_len ? "/" : "", file);
    return n < PATH_BYTES && is_same_file(path, me);
}

static bool is_found(const char *name, const struct stat *me)
{
    for (const char *at = getenv("PATH"); at; at = *at ? at + 1 : NULL) {
        size_t n = strcspn(at, ":");
        if (lies_in(at, n, name, me)) return true;
        at += n;
    }
    return false;
}

/* By the name that it was called by: what a link leads to may be another file by the time of a reload. An interpreter's name is not the program's. */
static bool find_by_name(const char *name)
{
    struct stat me;
    if (!name || !*name || stat("/proc/self/exe", &me) < 0) return false;
    if (!strchr(name, '/')) return is_found(name, &me);
    if (*name != '/') return lies_in("", 0, name, &me);
    return snprintf(path, PATH_BYTES, "%s", name) < PATH_BYTES && is_same_file(path, &me);
}

void weft__exec_remember(bool handed)
{
    const char *before = getenv("WEFT__PROGRAM");
    bool known = handed && before && *before && snprintf(path, PATH_BYTES, "%s", before) < PATH_BYTES;
    if (before) unsetenv("WEFT__PROGRAM");
    if (known || find_by_name(program_invocation_name)) return;
    ssize_t n = readlink("/proc/self/exe", path, PATH_BYTES - 1);
    path[n > 0 ? n : 0] = 0;
}

const char *weft__exec_path(void) { return path; }

void weft__exec_describe(char *to, size_t room)
{
    char real[PATH_MAX];
    bool other = realpath(path, real) && strcmp(real, path) != 0;
    snprintf(to, room, "%s%s%s%s", path, other ? " (" : "", other ? real : "", other ? ")" : "");
}

/* Each word changes all bits behind it. */
static uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

uint64_t weft__exec_identity(void)
{
    struct stat st;
    if (stat("/proc/self/exe", &st) < 0) return 0;
    uint64_t h = mix(mix(mix(1, st.st_dev), st.st_ino), (uint64_t)st.st_size);
    return mix(mix(h, (uint64_t)st.st_mtim.tv_sec), (uint64_t)st.st_mtim.tv_nsec) | 1;
}

/* The arguments of this process, one behind the other, each with a NUL; *n bytes. NULL: not to be had. */
static char *read_arguments(size_t *n)
{
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    char *text = fd < 0 ? NULL : weft__malloc(ARGUMENT_BYTES_MAX + 1);
    *n = 0;
    for (ssize_t got; text && *n < ARGUMENT_BYTES_MAX && (got = read(fd, text + *n, ARGUMENT_BYTES_MAX - *n)) > 0;) *n += (size_t)got;
    if (fd >= 0) close(fd);
    if (text) text[*n] = 0;
    return text;
}

typedef struct command { char *text, **argv; const char **env; } command;

static void command_free(command *c)
{
    weft__free(c->text);
    weft__free(c->argv);
    weft__free(c->env);
}

static bool is_same_variable(const char *a, const char *b)
{
    size_t n = strcspn(b, "=") + 1;
    return strncmp(a, b, n) == 0;
}

static int command_make(command *c, const char *variable)
{
    const char *const *now = weft__os_environment();
    size_t bytes, args = 0, count = 0, k = 0;
    *c = (command){ .text = read_arguments(&bytes) };
    if (!c->text || !bytes) return WEFT_ENOMEM;
    for (size_t i = 0; i < bytes; i++) args += !c->text[i];
    while (now && now[count] && count < VARIABLES_MAX) count++;
    c->argv = weft__calloc((args + 2) * sizeof *c->argv);
    c->env = weft__calloc((count + 3) * sizeof *c->env);
    if (!c->argv || !c->env) return WEFT_ENOMEM;
    for (size_t i = 0, at = 0; i < args; i++) {
        c->argv[i] = c->text + at;
        at += strlen(c->text + at) + 1;
    }
    for (size_t i = 0; i < count; i++)
        if (!is_same_variable(now[i], variable)) c->env[k++] = now[i];
    c->env[k++] = variable;
    c->env[k] = variable_of_path;
    return 0;
}

static void keep_open(const int *fds, int count, bool open)
{
    for (int i = 0; i < count; i++) fcntl(fds[i], F_SETFD, open ? 0 : FD_CLOEXEC);
}

static int run(const command *c, const int *keep, int count)
{
    keep_open(keep, count, true);
    execve(path, c->argv, (char *const *)(uintptr_t)c->env);
    int rc = -errno;
    keep_open(keep, count, false);
    return rc;
}

static _Noreturn void be_child(const command *c, pid_t parent, const int *keep, int count)
{
    sigset_t none;
    sigemptyset(&none);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);
    sigprocmask(SIG_SETMASK, &none, NULL);
    (void)run(c, keep, count);
    _exit(127);
}

pid_t weft__exec_child(const char *variable, const int *keep, int count)
{
    command c;
    int rc = command_make(&c, variable);
    if (rc == 0 && access(path, X_OK) < 0) rc = -errno;
    if (rc == 0) {
        fflush(NULL);
        pid_t parent = getpid();
        rc = fork();
        if (rc == 0) be_child(&c, parent, keep, count);
        if (rc < 0) rc = -errno;
    }
    command_free(&c);
    return rc;
}

int weft__exec_here(const char *variable, const int *keep, int count)
{
    command c;
    int rc = command_make(&c, variable);
    if (rc == 0) {
        fflush(NULL);
        rc = run(&c, keep, count);
    }
    command_free(&c);
    return rc;
}
