#define _GNU_SOURCE
#include "outside_server.h"
#include <errno.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "weft/check.h"

/* Databases do not run as root. "": as who we are. */
static const char *user_of(const outside_kind *kind) { return getuid() ? "" : getpwnam(kind->user) ? kind->user : "nobody"; }

static int free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    WEFT_NEED(fd >= 0 && bind(fd, (void *)&a, sizeof a) == 0 && getsockname(fd, (void *)&a, &n) == 0);
    close(fd);
    return ntohs(a.sin_port);
}

static void give_to_user(const outside_kind *kind, const char *path)
{
    const char *u = user_of(kind);
    const struct passwd *p = *u ? getpwnam(u) : NULL;
    WEFT_NEED(!p || chown(path, p->pw_uid, p->pw_gid) == 0);
}

/* ---- scripts ---- */

static void show(const char *path)
{
    char line[300];
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) fprintf(stderr, "  %s", line);
    if (f) fclose(f);
}

/* What stays of it must not keep the pipes of the test. */
void outside_run(const outside_server *s, const outside_kind *kind, const char *script)
{
    char command[7000], said[120], as[100] = "";
    const char *u = user_of(kind);
    snprintf(said, sizeof said, "%s/said", s->folder);
    if (*u) snprintf(as, sizeof as, "setpriv --init-groups --reuid=%s --regid=$(id -g %s) ", u, u);
    WEFT_NEED(snprintf(command, sizeof command, "%ssh -c 'exec > %s 2>&1 < /dev/null; cd %s; %s'", as, said, s->folder, script) < (int)sizeof command);
    int status = system(command);
    if (status != 0) show(said);
    WEFT_NEED(status == 0);
}

/* It is there before the server is, which may not come to be. What is being written while it removes is removed again. */
static void keep(const outside_server *s, const outside_kind *kind)
{
    char script[1500];
    snprintf(script, sizeof script, "(setsid sh -c \"trap : INT TERM HUP; while kill -0 %d || [ -d /proc/%d ]; do sleep 0.3; done; %s; cd /;"
        " for i in 1 2 3 4 5; do rm -rf %s && break; sleep 1; done\" > /dev/null 2>&1 &)", s->pid, s->pid, kind->stop, s->folder);
    outside_run(s, kind, script);
}

/* ---- servers ---- */

static void start(const outside_server *s, const outside_kind *kind)
{
    char script[5000];
    WEFT_NEED(mkdir(s->folder, kind->mode) == 0);
    give_to_user(kind, s->folder);
    keep(s, kind);
    kind->script(s, script, sizeof script);
    outside_run(s, kind, script);
}

/* Who was at it before has died in the middle. */
static void clear(const outside_server *s, const outside_kind *kind)
{
    char script[300];
    struct stat is;
    if (stat(s->folder, &is) < 0 && errno == ENOENT) return;
    snprintf(script, sizeof script, "%s; rm -rf %s/* || :", kind->stop, s->folder);
    outside_run(s, kind, script);
    WEFT_NEED(rmdir(s->folder) == 0);
}

/* Who runs the tests is the parent of this process; without processes for tests it is this one. */
static int runner(void)
{
    char mine[300], theirs[300], link[40];
    snprintf(link, sizeof link, "/proc/%d/exe", (int)getppid());
    ssize_t a = readlink("/proc/self/exe", mine, sizeof mine), b = readlink(link, theirs, sizeof theirs);
    return a > 0 && a == b && memcmp(mine, theirs, (size_t)a) == 0 ? getppid() : getpid();
}

static void start_of_run(outside_server *s, const outside_kind *kind, const char *port, void (*ready)(const outside_server *s))
{
    clear(s, kind);
    s->port = free_port();
    start(s, kind);
    if (ready) ready(s);
    FILE *f = fopen(port, "w");
    WEFT_NEED(f && fprintf(f, "%d\n", s->port) > 0 && fclose(f) == 0);
}

/* One of the processes of a run at a time: a name that is no file, and goes with who has it, however he ends. */
static int lock_of_run(const outside_server *s)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), n = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "%s", s->folder);
    WEFT_NEED(fd >= 0);
    for (int i = 0; i < 12000; i++) {
        if (bind(fd, (void *)&name, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) == 0) return fd;
        WEFT_NEED(errno == EADDRINUSE);
        usleep(10000);
    }
    WEFT_NEED(!"the server that another process starts is there within two minutes");
    return -1;
}

void outside_of_run(outside_server *s, const outside_kind *kind, void (*ready)(const outside_server *s))
{
    char path[160];
    if (s->port) return;
    s->pid = runner();
    snprintf(s->folder, sizeof s->folder, "/tmp/weft-%s-%d", kind->name, s->pid);
    int lock = lock_of_run(s);
    snprintf(path, sizeof path, "%s/port", s->folder);
    FILE *f = fopen(path, "r");
    if (!f) start_of_run(s, kind, path, ready);
    else WEFT_NEED(fscanf(f, "%d", &s->port) == 1 && fclose(f) == 0);
    close(lock);
}

void outside_own(outside_server *s, const outside_kind *kind, void (*ready)(const outside_server *s))
{
    *s = (outside_server){ .port = free_port(), .pid = getpid() };
    snprintf(s->folder, sizeof s->folder, "/tmp/weft-%s-own-%d", kind->name, s->pid);
    start(s, kind);
    if (ready) ready(s);
}
