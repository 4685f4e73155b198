/* What is reloaded while people are in its rooms (tests/e2e/rooms.sh, handover.sh), and starts as a folder says.
 *   Usage: e2e-load-handover FOLDER; the environment's PORT, WORKERS, GRACE_MS and STUCK_MS
 *   Whoever starts, also to try whether the program does, is number N of all and finds in FOLDER/plan.N how: "wait": until there is FOLDER/go; "hang": for ever,
 *   and its loop turns; "stand": so does its loop; "fail": it cannot; "crash"; "late": it does, and is ended 200 ms later. Without it, or with anything else: at once.
 *   FOLDER/routes: the program has other routes; child: before it serves it starts a program that outlives it, whose pid it adds to FOLDER/children; sandbox: its
 *   workers confine themselves.  */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include <weft.h>

enum { STARTS_MAX = 1000, LOOK_MS = 20, LATE_US = 200000 };

static const char *folder;
static int number(const char *name, int otherwise)
{
    const char *text = getenv(name);
    return text ? atoi(text) : otherwise;
}

static bool is_there(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

/* ---- how it starts ---- */

/* Which start this is, of all that there were: the first whose file nobody has made. */
static int take_number(void)
{
    char path[512];
    for (int n = 1; n < STARTS_MAX; n++) {
        snprintf(path, sizeof path, "%s/start.%d", folder, n);
        int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
        if (fd < 0) continue;
        dprintf(fd, "%d\n", (int)getpid());
        close(fd);
        return n;
    }
    return 0;
}

static void read_plan(char *plan, int room)
{
    char path[512];
    snprintf(path, sizeof path, "%s/plan.%d", folder, take_number());
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, plan, (size_t)room - 1);
    if (fd >= 0) close(fd);
    plan[n > 0 ? n : 0] = 0;
    plan[strcspn(plan, "\n")] = 0;
}

typedef struct ready { char unused; } ready;
static int ready_open(const weft_none *in, ready **out)
{
    char plan[16];
    (void)in;
    read_plan(plan, sizeof plan);
    while (strcmp(plan, "wait") == 0 && !is_there("go")) WEFT_TRY(weft_sleep_ms(LOOK_MS));
    while (strcmp(plan, "hang") == 0) WEFT_TRY(weft_sleep_ms(LOOK_MS));
    while (strcmp(plan, "stand") == 0) usleep(LOOK_MS * 1000);
    if (strcmp(plan, "fail") == 0) return weft_fail(500, "as planned");
    if (strcmp(plan, "crash") == 0) raise(SIGSEGV);
    if (strcmp(plan, "late") == 0) setitimer(ITIMER_REAL, &(struct itimerval){ .it_value.tv_usec = LATE_US }, NULL);
    *out = weft_new(ready);
    return *out ? 0 : WEFT_ENOMEM;
}
static int ready_close(ready *r, int rc) { (void)r; return rc; }
static const weft_provider starts = WEFT_PROVIDER(ready, weft_none, ready_open, ready_close, .per = WEFT_PER_WORKER);

/* ---- what it serves ---- */

WEFT_INPUT(chat_in, path(weft_str, room), query(weft_str, name));
static int chat(const chat_in *in, weft_ws *ws)
{
    char pid[24];
    weft_str said;
    int rc;
    weft_room *room = weft_room_join(ws, in->room, .id = in->name, .announce = true);
    if (weft_room_failed(room)) return weft_room_failed(room);
    snprintf(pid, sizeof pid, "pid %d", (int)getpid());
    WEFT_TRY(weft_ws_send(ws, weft_str_of(pid)));
    while ((rc = weft_ws_recv(ws, &said)) > 0) WEFT_TRY(weft_room_send(room, said));
    return rc;
}

WEFT_INPUT(room_in, path(weft_str, room));
WEFT_MODEL(InRoom, field(int, pid), field(int, count), list(weft_str, ids));
static int members(const room_in *in, InRoom *out)
{
    out->pid = getpid();
    out->count = (int)weft_room_count(in->room);
    return weft_room_members(in->room, &out->ids);
}

static int worker(const weft_none *in, int *out)
{
    (void)in;
    *out = getpid();
    return 0;
}

/* Its loop turns no more, as long as the process is. */
static int stand(const weft_none *in, int *out)
{
    (void)in;
    for (*out = 0;;) usleep(LOOK_MS * 1000);
    return 0;
}

#define ROUTES WEFT_WS("/rooms/{room}", chat, chat_in), WEFT_GET("/members/{room}", members, room_in, InRoom), WEFT_GET("/worker", worker, weft_none, int), \
    WEFT_GET("/stand", stand, weft_none, int)
static const weft_app one = { .title = "one", .starts = WEFT_STARTS(&starts), .routes = WEFT_ROUTES(ROUTES) };
static const weft_app other = { .title = "other", .starts = WEFT_STARTS(&starts), .routes = WEFT_ROUTES(ROUTES, WEFT_METRICS("/metrics")) };

static void start_child(void)
{
    char path[512];
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sleep", "sleep", "60", (char *)NULL);
        _exit(127);
    }
    snprintf(path, sizeof path, "%s/children", folder);
    int fd = open(path, O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0) return;
    dprintf(fd, "%d\n", (int)pid);
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    folder = argv[1];
    if (is_there("child")) start_child();
    return weft_serve(is_there("routes") ? &other : &one, .port = number("PORT", 8000), .workers = number("WORKERS", 2), .grace_ms = number("GRACE_MS", 2000),
        .stuck_ms = number("STUCK_MS", 30000), .sandbox = is_there("sandbox"), .sandbox_folders = folder, .watchdog_ms = -1);
}
