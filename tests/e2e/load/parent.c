/* A program whose main starts others before it serves (tests/e2e/parent.sh): one as another program, one as a fork of itself. Each says in FOLDER/PID what it was left
 * of a reload, "spawned DESCRIPTORS BLOCKED HANDLED VARIABLES", and waits for SIGTERM, which it gets when its parent ends.
 *   Usage: e2e-load-parent FOLDER; the environment's PORT. FOLDER/wait has the id of a process whose main waits until that is gone, and says so in FOLDER/waits; FOLDER/ends has
 *   the id of one whose main ends then with status 4; FOLDER/one: it has one worker and not two.  */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <weft.h>

enum { LOOK_MS = 20 };
static const int asked[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGCHLD };
extern char **environ;

/* ---- of the children ---- */

/* Sockets, memory, eventfds: nothing that a program of this kind was ever meant to have. */
static int count_descriptors(void)
{
    char name[64];
    int n = 0;
    DIR *all = opendir("/proc/self/fd");
    for (struct dirent *one; all && (one = readdir(all));) {
        ssize_t len = readlinkat(dirfd(all), one->d_name, name, sizeof name - 1);
        name[len > 0 ? len : 0] = 0;
        n += strncmp(name, "socket:", 7) == 0 || strncmp(name, "/memfd:", 7) == 0 || strncmp(name, "anon_inode:", 11) == 0;
    }
    if (all) closedir(all);
    return n;
}

static _Noreturn void be_child(const char *folder, const char *kind, int parent)
{
    char path[512], next[520];
    int blocked = 0, handled = 0, variables = 0;
    sigset_t mask;
    struct sigaction act;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(0);
    sigprocmask(SIG_SETMASK, NULL, &mask);
    for (size_t i = 0; i < weft_count(asked); i++) {
        blocked += sigismember(&mask, asked[i]);
        handled += sigaction(asked[i], NULL, &act) == 0 && act.sa_handler != SIG_DFL && act.sa_handler != SIG_IGN;
    }
    for (char **one = environ; *one; one++) variables += strncmp(*one, "WEFT__", 6) == 0;
    snprintf(path, sizeof path, "%s/%d", folder, (int)getpid());
    snprintf(next, sizeof next, "%s.next", path);
    FILE *out = fopen(next, "we");
    if (!out) _exit(1);
    fprintf(out, "%s %d %d %d %d\n", kind, count_descriptors(), blocked, handled, variables);
    if (fclose(out) != 0 || rename(next, path) != 0) _exit(1);
    for (;;) pause();
}

static bool start_children(char *program, char *folder)
{
    char parent[16];
    pid_t pid, me = getpid();
    snprintf(parent, sizeof parent, "%d", (int)me);
    if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, (char *[]){ program, folder, parent, NULL }, environ) != 0) return false;
    pid = fork();
    if (pid == 0) be_child(folder, "forked", me);
    return pid > 0;
}

/* ---- of the program ---- */

static const char *folder;
static bool is_there(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

/* Not a trial of it, which is another process. */
static bool is_for_me(const char *name)
{
    char path[512], text[16] = "";
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && read(fd, text, sizeof text - 1) > 0 && atoi(text) == getpid();
    if (fd >= 0) close(fd);
    return good;
}

static void wait_while_asked(void)
{
    char path[512];
    if (!is_for_me("wait")) return;
    snprintf(path, sizeof path, "%s/waits", folder);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0) close(fd);
    while (is_there("wait")) usleep(LOOK_MS * 1000);
}

static int nothing(void) { return weft_sleep_ms(1); }

static int worker(const weft_none *in, int *out)
{
    (void)in;
    *out = getpid();
    return 0;
}

static int slow(const weft_none *in, int *out)
{
    enum { SLOW_MS = 3000 };
    WEFT_TRY(weft_sleep_ms(SLOW_MS));
    return worker(in, out);
}

static const weft_app app = { .title = "parent", .routes = WEFT_ROUTES(WEFT_GET("/worker", worker, weft_none, int), WEFT_GET("/slow", slow, weft_none, int)) };

int main(int argc, char **argv)
{
    if (argc == 3) be_child(argv[1], "spawned", atoi(argv[2]));
    const char *port = getenv("PORT");
    if (argc != 2 || !port || !start_children(argv[0], argv[1])) return 2;
    folder = argv[1];
    wait_while_asked();
    if (is_for_me("ends")) return 4;
    if (weft_run(nothing) < 0) return 3;
    return weft_serve(&app, .port = atoi(port), .workers = is_there("one") ? 1 : 2, .grace_ms = 5000, .watchdog_ms = -1);
}
