/* Rooms over workers: who is in another process hears what is said, is known to be there, and is known to have gone. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "weft.h"

/* Until when this process has no more memory, since somebody said "starve". */
static _Atomic int64_t starves_until;
static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

static void *starving(void *ctx, void *ptr, size_t size)
{
    (void)ctx;
    if (size) return starves_until && now_ms() < starves_until ? NULL : realloc(ptr, size);
    free(ptr);
    return NULL;
}

WEFT_INPUT(chat_in, path(weft_str, room), query(weft_str, name));
static int chat(const chat_in *in, weft_ws *ws)
{
    weft_str said;
    int rc;
    weft_room *room = weft_room_join(ws, in->room, .id = in->name, .announce = true);
    if (weft_room_failed(room)) return weft_room_failed(room);
    char pid[16];
    snprintf(pid, sizeof pid, "pid %d", (int)getpid());
    WEFT_TRY(weft_ws_send(ws, weft_str_of(pid)));
    while ((rc = weft_ws_recv(ws, &said)) > 0) {
        if (weft_str_equal(said, WEFT_S("starve"))) starves_until = now_ms() + 2000;
        else WEFT_TRY(weft_room_send(room, said));
    }
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

/* For so long nothing else of this worker runs. */
WEFT_INPUT(hog_in, path(int, ms));
static int hog(const hog_in *in, int *out)
{
    *out = getpid();
    usleep((useconds_t)in->ms * 1000);
    return 0;
}

/* More than fits between two workers. */
static int flood(const weft_none *in, int *out)
{
    (void)in;
    char large[32 * 1024];
    memset(large, 'x', sizeof large);
    for (int i = 0; i < 64; i++) {
        int heard = weft_room_publish(WEFT_S("void"), ((weft_str){ large, sizeof large }));
        if (heard < 0) return heard;
    }
    *out = getpid();
    return 0;
}

/* Two messages that are too large for other workers. */
static int shout(const weft_none *in, int *out)
{
    (void)in;
    static char large[70000];
    memset(large, 'x', sizeof large);
    for (int i = 0; i < 2; i++) {
        int heard = weft_room_publish(WEFT_S("void"), ((weft_str){ large, sizeof large }));
        if (heard < 0) return heard;
    }
    *out = getpid();
    return 0;
}

static const weft_app app = { .routes = WEFT_ROUTES(WEFT_WS("/rooms/{room}", chat, chat_in), WEFT_GET("/members/{room}", members, room_in, InRoom),
    WEFT_GET("/hog/{ms}", hog, hog_in, int), WEFT_GET("/flood", flood, weft_none, int), WEFT_GET("/shout", shout, weft_none, int)) };

typedef struct serving { pid_t pid; int port, err; } serving;

static serving serve(void)
{
    serving s = { 0 };
    char said[256];
    int out[2], err[2];
    WEFT_NEED(pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC | O_NONBLOCK) == 0);
    fflush(NULL);
    s.pid = fork();
    if (s.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(out[1], 1);
        dup2(err[1], 2);
        weft_set_allocator(starving, NULL);
        exit(weft_serve(&app, .port = -1, .workers = 2, .watchdog_ms = -1));
    }
    close(out[1]);
    close(err[1]);
    s.err = err[0];
    ssize_t n = read(out[0], said, sizeof said - 1);
    said[n < 0 ? 0 : n] = 0;
    close(out[0]);
    const char *colon = strrchr(said, ':');
    s.port = colon ? atoi(colon + 1) : 0;
    return s;
}

static void stop(serving *s)
{
    int status;
    kill(s->pid, SIGTERM);
    WEFT_NEED(waitpid(s->pid, &status, 0) == s->pid);
    WEFT_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(s->err);
}

static int dial(int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
    struct timeval patience = { 20, 0 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    WEFT_NEED(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    return fd;
}

static bool take(int fd, void *to, size_t n)
{
    for (ssize_t got; n; n -= (size_t)got, to = (char *)to + got)
        if ((got = recv(fd, to, n, 0)) <= 0) return false;
    return true;
}

/* ---- a WebSocket, as bytes ---- */

typedef struct person { int fd, pid; char got[512]; } person;

static bool hears(person *p)
{
    unsigned char head[4];
    size_t n;
    if (!take(p->fd, head, 2)) return false;
    n = head[1];
    if (n == 126 && take(p->fd, head + 2, 2)) n = (size_t)head[2] << 8 | head[3];
    if (head[0] != 0x81 || n >= sizeof p->got || !take(p->fd, p->got, n)) return false;
    p->got[n] = 0;
    return true;
}

static person enter(int port, const char *room, const char *name)
{
    char text[512];
    person p = { .fd = dial(port) };
    int n = snprintf(text, sizeof text, "GET /rooms/%s?name=%s HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", room, name);
    WEFT_NEED(send(p.fd, text, (size_t)n, MSG_NOSIGNAL) == n);
    for (size_t at = 0;; at++) {
        WEFT_NEED(at < sizeof text && take(p.fd, text + at, 1));
        if (at >= 3 && memcmp(text + at - 3, "\r\n\r\n", 4) == 0) break;
    }
    WEFT_CHECK(strncmp(text, "HTTP/1.1 101 ", 13) == 0);
    WEFT_CHECK(hears(&p) && sscanf(p.got, "pid %d", &p.pid) == 1);
    return p;
}

static void says(person *p, const char *what)
{
    char frame[128] = { (char)0x81, (char)(0x80 | strlen(what)) };       /* masked with zeros */
    size_t n = strlen(what);
    memcpy(frame + 6, what, n);
    WEFT_NEED(send(p->fd, frame, n + 6, MSG_NOSIGNAL) == (ssize_t)n + 6);
}

/* Two who are in different workers. */
static void two_apart(int port, const char *room, person *a, person *b)
{
    *a = enter(port, room, "ann");
    *b = enter(port, room, "bob");
    for (int i = 0; i < 20 && a->pid == b->pid; i++) {
        person more = enter(port, room, "bob");
        close(b->fd);
        *b = more;
    }
    WEFT_NEED(a->pid != b->pid);
}

static bool hears_of(person *p, const char *what)
{
    for (int i = 0; i < 100; i++) {
        if (!hears(p)) return false;
        if (strstr(p->got, what)) return true;
    }
    return false;
}

/* What one of the workers says of a room, on a connection that stays open: so the next one comes to whoever has fewer. */
static int one_says(int port, const char *room, char *text, size_t size)
{
    int fd = dial(port), n = snprintf(text, size, "GET /members/%s HTTP/1.1\r\nHost: a\r\n\r\n", room);
    WEFT_NEED(send(fd, text, (size_t)n, MSG_NOSIGNAL) == n);
    size_t have = 0;
    text[0] = 0;
    while (have + 1 < size && (!have || text[have - 1] != '}')) {
        ssize_t got = recv(fd, text + have, size - 1 - have, 0);
        if (got <= 0) break;
        have += (size_t)got;
        text[have] = 0;
    }
    return fd;
}

/* What each worker says of a room, when it says so. */
static bool all_say(int port, const char *room, const char *want)
{
    enum { OPEN = 8 };
    int pids[2] = { 0, 0 }, open[OPEN], pid;
    for (int i = 0; i < OPEN; i++) open[i] = -1;
    for (int i = 0; i < 400 && !(pids[0] && pids[1]); i++) {
        char text[2048];
        if (open[i % OPEN] >= 0) close(open[i % OPEN]);
        open[i % OPEN] = one_says(port, room, text, sizeof text);
        const char *body = strstr(text, "\r\n\r\n");
        if (body && sscanf(body, "\r\n\r\n{\"pid\":%d", &pid) == 1 && strstr(body, want)) pids[pids[0] && pids[0] != pid] = pid;
        usleep(5000);
    }
    for (int i = 0; i < OPEN; i++)
        if (open[i] >= 0) close(open[i]);
    return pids[0] && pids[1];
}

WEFT_TEST(who_is_in_another_worker_hears_and_is_known_and_missed)
{
    serving s = serve();
    person a, b;
    two_apart(s.port, "kitchen", &a, &b);
    WEFT_CHECK(hears_of(&a, "\"event\":\"join\",\"room\":\"kitchen\",\"id\":\"bob\""));
    says(&a, "good morning");
    WEFT_CHECK(hears_of(&b, "good morning"));
    says(&b, "and to you");
    WEFT_CHECK(hears_of(&a, "and to you"));
    WEFT_CHECK(all_say(s.port, "kitchen", "\"count\":2,"));
    close(b.fd);
    WEFT_CHECK(hears_of(&a, "\"event\":\"leave\",\"room\":\"kitchen\",\"id\":\"bob\""));
    WEFT_CHECK(all_say(s.port, "kitchen", "\"count\":1,\"ids\":[\"ann\"]"));
    close(a.fd);
    WEFT_CHECK(all_say(s.port, "kitchen", "\"count\":0,\"ids\":[]"));
    stop(&s);
}

WEFT_TEST(who_was_in_a_worker_that_is_killed_has_left_and_the_next_worker_knows_who_stayed)
{
    serving s = serve();
    person a, b, c;
    two_apart(s.port, "hall", &a, &b);
    kill(b.pid, SIGKILL);
    WEFT_CHECK(hears_of(&a, "\"event\":\"leave\",\"room\":\"hall\",\"id\":\"bob\""));
    close(b.fd);
    WEFT_CHECK(all_say(s.port, "hall", "\"count\":1,\"ids\":[\"ann\"]"));
    two_apart(s.port, "hall", &b, &c);
    says(&a, "still here");
    WEFT_CHECK(hears_of(&b, "still here"));
    WEFT_CHECK(hears_of(&c, "still here"));
    close(a.fd);
    close(b.fd);
    close(c.fd);
    stop(&s);
}

/* It is told once, when it comes. */
WEFT_TEST(a_worker_that_comes_while_another_has_no_memory_is_told_who_is_there)
{
    serving s = serve();
    person a, b;
    two_apart(s.port, "cellar", &a, &b);
    says(&a, "starve");
    usleep(200 * 1000);
    kill(b.pid, SIGKILL);
    usleep(2200 * 1000);
    WEFT_CHECK(all_say(s.port, "cellar", "\"count\":1,\"ids\":[\"ann\"]"));
    close(a.fd);
    close(b.fd);
    stop(&s);
}

WEFT_TEST(rooms_of_one_name_are_one_room_and_others_hear_nothing)
{
    serving s = serve();
    person a, b, c = enter(s.port, "attic", "cat");
    two_apart(s.port, "cellar", &a, &b);
    for (int i = 0; i < 50; i++) {
        char text[32];
        snprintf(text, sizeof text, "message %d.", i);
        says(&a, text);
    }
    bool in_order = true;
    for (int i = 0; i < 50; i++) {
        char text[32];
        snprintf(text, sizeof text, "message %d.", i);
        in_order &= hears(&b) && (strcmp(b.got, text) == 0 || strstr(b.got, "\"event\"") != NULL);
        if (strstr(b.got, "\"event\"")) i--;
    }
    WEFT_CHECK(in_order);
    says(&c, "meow");
    WEFT_CHECK(hears(&c) && strcmp(c.got, "meow") == 0);
    close(a.fd);
    close(b.fd);
    close(c.fd);
    stop(&s);
}

static int number_of(int fd)
{
    char text[1024] = "";
    size_t have = 0;
    for (ssize_t got; have + 1 < sizeof text && (got = recv(fd, text + have, sizeof text - 1 - have, 0)) > 0;) have += (size_t)got;
    const char *body = strstr(text, "\r\n\r\n");
    close(fd);
    return body ? atoi(body + 4) : 0;
}

static int begin(int port, const char *path)
{
    char text[256];
    int fd = dial(port), n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path);
    WEFT_NEED(send(fd, text, (size_t)n, MSG_NOSIGNAL) == n);
    return fd;
}

WEFT_TEST(a_worker_that_missed_messages_asks_anew_who_is_in_the_others_rooms)
{
    static char said[65536];
    size_t n = 0;
    serving s = serve();
    person a, b;
    two_apart(s.port, "hall", &a, &b);
    WEFT_CHECK(all_say(s.port, "hall", "\"count\":2,"));
    for (int i = 0; i < 10 && !strstr(said, "came faster than they were read"); i++) {
        int hogs = begin(s.port, "/hog/400");
        usleep(50 * 1000);
        int floods = begin(s.port, "/flood");
        (void)number_of(floods);
        (void)number_of(hogs);
        usleep(50 * 1000);
        for (ssize_t got; n + 1 < sizeof said && (got = read(s.err, said + n, sizeof said - 1 - n)) > 0;) n += (size_t)got;
        said[n] = 0;
    }
    WEFT_CHECK(strstr(said, "came faster than they were read") != NULL);
    usleep(500 * 1000);
    WEFT_CHECK(all_say(s.port, "hall", "\"count\":2,"));
    says(&a, "after the flood");
    WEFT_CHECK(hears_of(&b, "after the flood"));
    close(a.fd);
    close(b.fd);
    WEFT_CHECK(all_say(s.port, "hall", "\"count\":0,"));
    stop(&s);
}

WEFT_TEST(what_is_too_large_for_other_workers_is_told_once_a_second_at_most)
{
    static char said[65536];
    size_t n = 0;
    serving s = serve();
    /* Both workers, in all likelihood; each by itself. */
    for (int i = 0; i < 8; i++) WEFT_CHECK(number_of(begin(s.port, "/shout")) > 0);
    usleep(1100 * 1000);
    for (int i = 0; i < 8; i++) WEFT_CHECK(number_of(begin(s.port, "/shout")) > 0);
    for (ssize_t got; n + 1 < sizeof said && (got = read(s.err, said + n, sizeof said - 1 - n)) > 0;) n += (size_t)got;
    said[n] = 0;
    int told = 0;
    for (const char *at = said; (at = strstr(at, "not heard in other workers, the last in room void, 70000 bytes")); at++) told++;
    WEFT_CHECK(told >= 2 && told <= 16);
    WEFT_CHECK(strstr(said, " 1 messages were") != NULL);
    stop(&s);
}
