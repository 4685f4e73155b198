/* Slow clients, and one that is not (tests/e2e/slow.sh).
 *
 *   slow PORT hold CLIENTS ARRIVE_MS SECONDS DRIP_MS HEAD_MS BODY_MS WRITE_MS [KIND]
 *     Holds so many connections, which arrive evenly over ARRIVE_MS (0: as fast as they can), for so long after that: heads and bodies that come
 *     a byte every DRIP_MS, answers of which a few are taken as rarely. Who is cut off comes again until the time is over; then waits until all
 *     are. Says when all are there, and at the end how many were cut, how many of them before their time, and how late the latest was:
 *     cut N early N late_ms N readers_late_ms N refused N unanswered N left N
 *     With one KIND of them alone: head, order, pour, chunks, rows, file.
 *   slow PORT probe SECONDS
 *     A request every millisecond or when the one before is answered:  answers N p50_us N p99_us N max_us N  */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 512, OPENED_AT_ONCE = 64, TICK_MS = 2, EARLY_MS = 50, WINDOW = 4096, SIPPED = 16, PROBES_MAX = 2000000, SOURCES = 8 };

typedef enum kind { HEAD, ORDER, POUR, CHUNKS, ROWS, ALL_OF_FILE, KINDS } kind;
static const char *const requests[KINDS] = {
    [HEAD] = "GET / HTTP/1.1\r\nHost: slow\r\nX-Slow: ",
    [ORDER] = "POST /orders HTTP/1.1\r\nHost: slow\r\nContent-Type: application/json\r\nContent-Length: 90000\r\n\r\n{\"item\": \"",
    [POUR] = "POST /pour HTTP/1.1\r\nHost: slow\r\nContent-Length: 1000000\r\n\r\n",
    [CHUNKS] = "POST /orders HTTP/1.1\r\nHost: slow\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n{\"item\": \"",
    [ROWS] = "GET /rows HTTP/1.1\r\nHost: slow\r\n\r\n",
    [ALL_OF_FILE] = "GET /file HTTP/1.1\r\nHost: slow\r\n\r\n",
};

typedef struct client { int fd; kind kind; bool answered, connects; int64_t since_ms, cut_ms; } client;

static const char *const names[KINDS] = { "head", "order", "pour", "chunks", "rows", "file" };
static int port, epoll, count, only = KINDS, limit_ms[KINDS];
static client *all;
static bool over;
static long cut, early, refused, unanswered;
static int64_t late_ms, readers_late_ms;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "slow: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t now_ms(void) { return now_us() / 1000; }

static bool is_reader(const client *c) { return c->kind >= ROWS; }

/* From several addresses: one has 28 000 ports, each of which rests for a minute. */
static int reach(const client *c)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1, window = WINDOW;
    struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (uint32_t)(c - all) % SOURCES) };
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    if (fd < 0) die("socket");
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
    if (is_reader(c)) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
    if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0) die("bind");
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) die("connect");
    return fd;
}

static void come(client *c)
{
    *c = (client){ .kind = c->kind, .connects = true, .since_ms = now_ms() };
    c->fd = reach(c);
    struct epoll_event e = { .events = EPOLLOUT | EPOLLRDHUP, .data.ptr = c };
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e) < 0) die("epoll_ctl");
}

static void leave(client *c)
{
    close(c->fd);
    c->fd = -1;
}

/* A deadline runs from when the server first waited, which is a little after we began. */
static void was_cut(client *c)
{
    int64_t took_ms = (c->cut_ms ? c->cut_ms : now_ms()) - c->since_ms, late = took_ms - limit_ms[c->kind];
    cut++;
    early += late < -EARLY_MS;
    unanswered += !is_reader(c) && !c->answered;
    int64_t *latest = is_reader(c) ? &readers_late_ms : &late_ms;
    if (late > *latest) *latest = late;
    leave(c);
    if (!over) come(c);
}

static void greeted(client *c)
{
    const char *text = requests[c->kind];
    int error = 0;
    socklen_t n = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &n);
    if (error) {
        refused++;
        leave(c);
        if (!over) come(c);
        return;
    }
    c->connects = false;
    c->since_ms = now_ms();
    if (send(c->fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text)) refused++;
    struct epoll_event e = { .events = is_reader(c) ? EPOLLRDHUP : EPOLLIN | EPOLLRDHUP, .data.ptr = c };
    if (epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &e) < 0) die("epoll_ctl");
}

/* What a head or body is told before its end: 408. */
static void hear(client *c)
{
    char in[1024];
    ssize_t n = recv(c->fd, in, sizeof in, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        was_cut(c);
        return;
    }
    if (c->cut_ms) return;
    c->cut_ms = now_ms();
    c->answered = n > 12 && memcmp(in, "HTTP/1.1 408", 12) == 0;
    refused += n > 12 && memcmp(in, "HTTP/1.1 503", 12) == 0;
    shutdown(c->fd, SHUT_WR);
}

static void event(client *c, uint32_t events)
{
    if (c->fd < 0) return;
    if (c->connects) greeted(c);
    else if (is_reader(c)) was_cut(c);
    else if (events) hear(c);
}

static void drip(client *c)
{
    char sip[SIPPED];
    if (c->fd < 0 || c->connects || c->cut_ms) return;
    if (is_reader(c)) (void)!recv(c->fd, sip, sizeof sip, MSG_DONTWAIT);
    else (void)!send(c->fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int there(void)
{
    int n = 0;
    for (int i = 0; i < count; i++) n += all[i].fd >= 0 && !all[i].connects;
    return n;
}

static int open_some(int opened, int due)
{
    for (int i = 0; i < OPENED_AT_ONCE && opened < due; i++) {
        all[opened].kind = (kind)(only < KINDS ? only : opened % KINDS);
        come(&all[opened++]);
    }
    return opened;
}

static void look(int ms)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(epoll, events, EVENTS, ms);
    for (int i = 0; i < n; i++) event(events[i].data.ptr, events[i].events);
}

/* All drip once in drip_ms, spread over it. */
static void hold(int64_t arrive_ms, int64_t seconds, int64_t drip_ms, int64_t patience_ms)
{
    int opened = 0, at = 0;
    int64_t began = now_ms(), ends = began + arrive_ms + seconds * 1000, dripped = began;
    bool said = false;
    for (int64_t now = began; now < ends + patience_ms; now = now_ms()) {
        opened = open_some(opened, now - began < arrive_ms ? (int)(count * (now - began) / arrive_ms) : count);
        look(TICK_MS);
        for (int64_t n = (now - dripped) * opened / drip_ms; n > 0; n--, dripped = now) drip(&all[at++ % opened]);
        if (!said && opened == count && there() >= count - count / 100) {      /* some are cut by now, and come again */
            said = true;
            printf("there %lld ms\n", (long long)(now - began));
            fflush(stdout);
        }
        over = now >= ends;
        if (over && !there()) break;
    }
    printf("cut %ld early %ld late_ms %lld readers_late_ms %lld refused %ld unanswered %ld left %d\n", cut, early, (long long)late_ms, (long long)readers_late_ms, refused, unanswered, there());
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void ask(int fd)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: probe\r\n\r\n";
    char in[1024];
    if (send(fd, text, sizeof text - 1, MSG_NOSIGNAL) != sizeof text - 1) die("send");
    ssize_t n = recv(fd, in, sizeof in, 0);
    if (n < 12 || memcmp(in, "HTTP/1.1 200", 12) != 0) die("an answer that is not 200");
}

static void probe(int64_t seconds)
{
    uint32_t *took = malloc(PROBES_MAX * sizeof *took);
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), n = 0, yes = 1;
    if (!took || fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0) die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    for (int64_t ends = now_us() + seconds * 1000000, at = now_us(); at < ends && n < PROBES_MAX; at = now_us()) {
        ask(fd);
        int64_t us = now_us() - at;
        took[n++] = (uint32_t)us;
        if (us < 1000) usleep((useconds_t)(1000 - us));
    }
    qsort(took, (size_t)n, sizeof *took, ascending);
    printf("answers %d p50_us %u p99_us %u max_us %u\n", n, took[n / 2], took[(int64_t)n * 99 / 100], took[n - 1]);
    free(took);
}

static void hold_all(char **arg)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    count = atoi(arg[0]);
    all = calloc((size_t)count, sizeof *all);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!all || epoll < 0) die("epoll");
    for (int i = 0; i < count; i++) all[i].fd = -1;
    int head = atoi(arg[4]), body = atoi(arg[5]), answer = atoi(arg[6]);
    const int limits[KINDS] = { head, body, body, body, answer, answer };
    memcpy(limit_ms, limits, sizeof limits);
    int longest = head > body ? head : body;
    hold(atoi(arg[1]), atoi(arg[2]), atoi(arg[3]), (longest > answer ? longest : answer) * 2 + 10000);
}

int main(int argc, char **argv)
{
    if (argc < 4) return 2;
    port = atoi(argv[1]);
    for (int i = 0; argc == 11 && i < KINDS; i++)
        if (strcmp(argv[10], names[i]) == 0) only = i;
    if ((argc == 10 || (argc == 11 && only < KINDS)) && strcmp(argv[2], "hold") == 0) hold_all(argv + 3);
    else if (argc == 4 && strcmp(argv[2], "probe") == 0) probe(atoi(argv[3]));
    else return 2;
    return 0;
}
