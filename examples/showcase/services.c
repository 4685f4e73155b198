#include "services.h"
#include "before.h"
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

service services[SERVICES] = {
    { .name = "store1", .delay_ms = 2000 }, { .name = "store2", .delay_ms = 2000 }, { .name = "store3", .delay_ms = 2000 },
    { .name = "store4", .delay_ms = 2000 }, { .name = "store5", .delay_ms = 2000 },
    [FLIGHTS] = { .name = "flights", .delay_ms = 2000 }, [HOTELS] = { .name = "hotels", .delay_ms = 3000 },
    [DASHBOARD] = { .name = "dashboard", .delay_ms = 1000 }, [CATALOG] = { .name = "catalog", .delay_ms = 0 },
};

/* ---- what the environment asks for ---- */

static bool read_delay(void)
{
    const char *text = getenv("WEFT_SHOWCASE_DELAY_MS");
    if (!text || !*text) return true;
    char *end;
    errno = 0;
    long ms = strtol(text, &end, 10);
    if (*end || errno || ms < 0 || ms > 3600000) {
        fprintf(stderr, "showcase: WEFT_SHOWCASE_DELAY_MS is '%s': expected milliseconds from 0 to 3600000\n", text);
        return false;
    }
    for (int i = STORE1; i <= DASHBOARD; i++) services[i].delay_ms = (int)ms;
    return true;
}

static bool fault_known(const char *fault)
{
    static const char *const known[] = { "hang", "refuse", "garbage", "cut" };
    for (unsigned i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(fault, known[i]) == 0) return true;
    }
    int status = atoi(fault);
    return strlen(fault) == 3 && status >= 400 && status <= 599;
}

static service *store_named(const char *name)
{
    for (int i = STORE1; i <= STORE5; i++) {
        if (strcmp(services[i].name, name) == 0) return &services[i];
    }
    return NULL;
}

static bool read_fault(char *text)
{
    char *colon = strchr(text, ':');
    if (colon) *colon = 0;
    service *s = store_named(text);
    if (!s || !colon || !fault_known(colon + 1)) {
        fprintf(stderr, "showcase: WEFT_SHOWCASE_FAULTS has '%s%s%s': expected store1 to store5, a colon, and a status "
            "from 400 to 599, hang, refuse, garbage or cut\n", text, colon ? ":" : "", colon ? colon + 1 : "");
        return false;
    }
    snprintf(s->fault, sizeof s->fault, "%s", colon + 1);
    return true;
}

static bool read_faults(void)
{
    const char *all = getenv("WEFT_SHOWCASE_FAULTS");
    char text[256];
    if (!all) return true;
    if (strlen(all) >= sizeof text) {
        fprintf(stderr, "showcase: WEFT_SHOWCASE_FAULTS is longer than %zu bytes\n", sizeof text - 1);
        return false;
    }
    strcpy(text, all);
    for (char *rest = text, *one; (one = strsep(&rest, ","));) {
        if (*one && !read_fault(one)) return false;
    }
    return true;
}

/* ---- processes ---- */

static void become(const service *s, int out, int parent)
{
    char path[4096], delay[16];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 32);
    if (n < 0) _exit(127);
    path[n] = 0;
    char *slash = strrchr(path, '/');
    strcpy(slash + 1, "upstream");
    snprintf(delay, sizeof delay, "%d", s->delay_ms);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(1);                     /* it died before we asked to be told */
    setpgid(0, 0);                                         /* Ctrl-C is for the showcase, which then ends us */
    dup2(out, STDOUT_FILENO);
    unsetenv("WEFT_WORKERS");              /* it is the showcase's */
    execl(path, path, s->name, delay, s->fault, (char *)NULL);
    fprintf(stderr, "showcase: cannot run %s: %s\n", path, strerror(errno));
    _exit(127);
}

/* The line that says where it listens. */
static bool read_url(service *s, int from)
{
    FILE *in = fdopen(from, "r");
    char line[256];
    bool found = false;
    while (in && !found && fgets(line, sizeof line, in)) {
        char *url = strstr(line, "http://");
        if (!url) continue;
        url[strcspn(url, " \r\n")] = 0;
        snprintf(s->url, sizeof s->url, "%.63s", url);
        found = true;
    }
    if (in) fclose(in);
    if (!found) fprintf(stderr, "showcase: the service %s ended before it listened\n", s->name);
    return found;
}

static bool start(service *s)
{
    int ends[2], parent = getpid();
    if (pipe(ends) < 0) {
        perror("showcase: pipe");
        return false;
    }
    s->pid = fork();
    if (s->pid == 0) {
        close(ends[0]);
        become(s, ends[1], parent);
    }
    close(ends[1]);
    if (s->pid < 0) {
        perror("showcase: fork");
        close(ends[0]);
        return false;
    }
    return read_url(s, ends[0]);
}

/* A port that stays ours and on which nobody listens. */
static bool refuse(service *s)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) < 0 || getsockname(fd, (struct sockaddr *)&at, &len) < 0) {
        perror("showcase: a port for a store that refuses");
        return false;
    }
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d", ntohs(at.sin_port));
    return true;
}

/* ---- those of the main before ---- */

static const char RUNNING[] = "WEFT_SHOWCASE_RUNNING";

bool services_were_there(void)
{
    bool ours;
    return before_find(RUNNING, &ours) != NULL;
}

/* Who only tries cannot wait for one, and it has a process id for as long as nobody does. */
static bool has_not_ended(int pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    bool lives = fd >= 0 && poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0) == 0;
    if (fd >= 0) close(fd);
    return lives;
}

static bool runs(const service *s) { return s->lent ? has_not_ended(s->pid) : waitpid(s->pid, NULL, WNOHANG) == 0; }

/* "4711 http://127.0.0.1:18000;4712 ...", one for each service: its process, or 0. */
static void find_those_before(void)
{
    bool ours;
    const char *at = before_find(RUNNING, &ours);
    for (int i = 0; at && i < SERVICES; i++) {
        service *s = &services[i];
        int used = 0;
        if (sscanf(at, "%d %63[^;];%n", &s->pid, s->url, &used) < 2 || !used) break;
        at += used;
        s->lent = !ours;
        if (s->pid > 0 && !runs(s)) s->pid = 0;
    }
}

static bool leave_them(void)
{
    char all[SERVICES * 80] = "";
    size_t n = 0;
    for (int i = 0; i < SERVICES; i++) n += (size_t)snprintf(all + n, sizeof all - n, "%d %s;", services[i].pid, services[i].url);
    return before_leave(RUNNING, all);
}

static bool is_there(service *s)
{
    if (s->pid > 0) return true;
    s->lent = false;
    return strcmp(s->fault, "refuse") == 0 ? refuse(s) : start(s);
}

bool services_start(void)
{
    bool good = read_delay() && read_faults();
    if (!good) return false;
    find_those_before();
    for (int i = 0; good && i < SERVICES; i++) good = is_there(&services[i]);
    good = good && leave_them();
    if (!good) services_stop();
    return good;
}

void services_stop(void)
{
    for (int i = 0; i < SERVICES; i++) {
        if (services[i].pid > 0 && !services[i].lent) kill(services[i].pid, SIGTERM);
    }
    for (int i = 0; i < SERVICES; i++) {
        if (services[i].pid > 0 && !services[i].lent) waitpid(services[i].pid, NULL, 0);
        services[i].pid = 0;
    }
}
