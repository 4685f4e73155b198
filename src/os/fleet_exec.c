/* The program's file run anew: as a child, and in the place of this process. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/mem.h"
#include "os/child.h"
#include "os/fleet.h"

enum { ARGUMENT_BYTES_MAX = 1 << 20, VARIABLES_MAX = 1 << 16, ELDERS_MS = 10 * 60 * 1000, ELDERS_LOOK_US = 20 * 1000 };
static char path[4096];
bool weft__handed_over;

void weft__exec_remember(void)
{
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
}

const char *weft__exec_path(void) { return path; }

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
    c->env = weft__calloc((count + 2) * sizeof *c->env);
    if (!c->argv || !c->env) return WEFT_ENOMEM;
    for (size_t i = 0, at = 0; i < args; i++) {
        c->argv[i] = c->text + at;
        at += strlen(c->text + at) + 1;
    }
    for (size_t i = 0; i < count; i++)
        if (!is_same_variable(now[i], variable)) c->env[k++] = now[i];
    c->env[k] = variable;
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

/* ---- what is handed over ---- */

static bool take_fds(const char **at, weft__handover *h)
{
    while (**at && **at != ';') {
        char *end;
        long fd = strtol(*at, &end, 10);
        if (end == *at || fd < 3 || fd > INT32_MAX || h->fd_count == WEFT__FLEET_LISTENERS_MAX) return false;
        if (fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0) return false;
        h->fds[h->fd_count++] = (int)fd;
        *at = *end == ',' ? end + 1 : end;
    }
    return **at == ';';
}

static bool take_pids(const char **from, weft__handover *h)
{
    const char *at = *from;
    while (*at && *at != ';') {
        char *end;
        long pid = strtol(at, &end, 10);
        if (end == at || pid <= 1 || pid > INT32_MAX || h->elder_count == WEFT__FLEET_SLOTS_MAX) return false;
        h->elders[h->elder_count].pid = (pid_t)pid;
        h->elders[h->elder_count++].told = *end == '!';
        if (*end == '!') end++;
        at = *end == ',' ? end + 1 : end;
        if (*end && *end != ',' && *end != ';') return false;
    }
    *from = at;
    return true;
}

static bool take_fd(const char **at, int *fd)
{
    char *end;
    long n = **at == ',' ? strtol(*at + 1, &end, 10) : -1;
    if (n < 3 || n > INT32_MAX || fcntl((int)n, F_SETFD, FD_CLOEXEC) < 0) return false;
    *fd = (int)n;
    *at = end;
    return true;
}

/* Nothing, or all of it. */
static bool take_memory(const char *at, weft__fleet_past *past)
{
    char *end;
    if (!*at) return true;
    past->at = strtoull(at + 1, &end, 16);
    at = end;
    if (!take_fd(&at, &past->memory) || !take_fd(&at, &past->bell) || !take_fd(&at, &past->voices)) return false;
    while (*at && past->slots < WEFT__FLEET_SLOTS_MAX && take_fd(&at, &past->bells[past->slots])) past->slots++;
    return !*at && past->slots;
}

bool weft__handover_take(const char *name, weft__handover *out)
{
    const char *set = getenv(name);
    weft__handover h = { .fd_count = 0 };
    if (!set) return false;
    h.given = *set == '=';
    if (h.given) set++;
    bool good = take_fds(&set, &h);
    set += good;
    good = good && take_pids(&set, &h) && take_memory(set, &h.past);
    unsetenv(name);
    weft__handed_over |= good;
    if (good) *out = h;
    return good;
}

static int still_there(const weft__handover *h)
{
    int n = 0, status;
    for (int i = 0; i < h->elder_count; i++) {
        pid_t got = waitpid(h->elders[i].pid, &status, WNOHANG);
        n += got == 0 || (got < 0 && errno == EINTR);
    }
    return n;
}

void weft__elders_end(const weft__handover *h)
{
    for (int i = 0; i < h->elder_count; i++)
        if (!h->elders[i].told) kill(h->elders[i].pid, SIGTERM);
    for (int64_t until_ms = weft__fleet_now_ms() + ELDERS_MS; still_there(h) && weft__fleet_now_ms() < until_ms;) usleep(ELDERS_LOOK_US);
}

bool weft__handover_format(const char *name, const weft__handover *h, char *to, size_t room)
{
    size_t n = (size_t)snprintf(to, room, "%s=%s", name, h->given ? "=" : "");
    for (int i = 0; i < h->fd_count && n < room; i++) n += (size_t)snprintf(to + n, room - n, "%s%d", i ? "," : "", h->fds[i]);
    if (n < room) n += (size_t)snprintf(to + n, room - n, ";");
    for (int i = 0; i < h->elder_count && n < room; i++)
        n += (size_t)snprintf(to + n, room - n, "%s%d%s", i ? "," : "", (int)h->elders[i].pid, h->elders[i].told ? "!" : "");
    const weft__fleet_past *p = &h->past;
    if (p->slots && n < room) n += (size_t)snprintf(to + n, room - n, ";%llx,%d,%d,%d", (unsigned long long)p->at, p->memory, p->bell, p->voices);
    for (unsigned i = 0; i < p->slots && n < room; i++) n += (size_t)snprintf(to + n, room - n, ",%d", p->bells[i]);
    return n < room;
}

int weft__handover_fds(const weft__handover *h, int fds[WEFT__HANDOVER_FDS_MAX])
{
    int n = 0;
    for (int i = 0; i < h->fd_count; i++) fds[n++] = h->fds[i];
    if (!h->past.slots) return n;
    fds[n++] = h->past.memory;
    fds[n++] = h->past.bell;
    fds[n++] = h->past.voices;
    for (unsigned i = 0; i < h->past.slots; i++) fds[n++] = h->past.bells[i];
    return n;
}
