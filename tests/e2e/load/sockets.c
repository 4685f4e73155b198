/* WebSockets that each have one message under way, and come again when theirs ends (tests/e2e/fleet.sh).
 *
 *   sockets PORT PATH SOCKETS SECONDS
 *     At the end:  echoes N opened N refused N leaving N broken N wrong N
 *     refused: connections that were, or ended before they were WebSockets; leaving: that were told 1001, and ended; broken: that ended otherwise;
 *     wrong: bytes that are no echo of ours */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, PAYLOAD = 32, FRAME = 6 + PAYLOAD, ANSWER = 2 + PAYLOAD, ROOM = 1024, GOING_AWAY = 1001, CLOSE_REPLY = 8 };

typedef enum stage { CONNECTS, ASKS, OPEN, LEAVES } stage;
typedef struct sock { int fd; stage stage; size_t have; char in[ROOM]; } sock;

static int port, epoll;
static const char *path;
static unsigned char frame[FRAME];
static bool over;
static long echoes, opened, refused, leaving, broken, wrong;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "sockets: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void watch(sock *s, int how, uint32_t events)
{
    struct epoll_event e = { .events = events, .data.ptr = s };
    if (epoll_ctl(epoll, how, s->fd, &e) < 0) die("epoll_ctl");
}

static void come(sock *s)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int yes = 1;
    *s = (sock){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) };
    if (s->fd < 0) die("socket");
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(s->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) die("connect");
    watch(s, EPOLL_CTL_ADD, EPOLLOUT);
}

static void ended(sock *s)
{
    if (s->stage < OPEN) refused++;
    else if (s->stage == OPEN) broken++;
    else leaving++;
    close(s->fd);
    s->fd = -1;
    if (!over) come(s);
}

static void ask(sock *s)
{
    char text[512];
    int error = 0, n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: fleet\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", path);
    socklen_t len = sizeof error;
    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error || send(s->fd, text, (size_t)n, MSG_NOSIGNAL) != n) {
        ended(s);
        return;
    }
    s->stage = ASKS;
    watch(s, EPOLL_CTL_MOD, EPOLLIN);
}

/* An end that it meets here is seen by the next recv. */
static void say(sock *s) { (void)!send(s->fd, frame, FRAME, MSG_NOSIGNAL); }

static void drop(sock *s, size_t n)
{
    memmove(s->in, s->in + n, s->have - n);
    s->have -= n;
}

static bool take_answer(sock *s)
{
    char *end = memmem(s->in, s->have, "\r\n\r\n", 4);
    if (!end) return false;
    if (memcmp(s->in, "HTTP/1.1 101", 12) != 0) {
        ended(s);
        return false;
    }
    drop(s, (size_t)(end + 4 - s->in));
    s->stage = OPEN;
    opened++;
    say(s);
    return true;
}

static void take_close(sock *s)
{
    const unsigned char *code = (const unsigned char *)s->in + 2;
    unsigned char reply[CLOSE_REPLY] = { 0x88, 0x82, 0, 0, 0, 0, code[0], code[1] };
    if (code[0] << 8 | code[1]) s->stage = (code[0] << 8 | code[1]) == GOING_AWAY ? LEAVES : OPEN;
    (void)!send(s->fd, reply, sizeof reply, MSG_NOSIGNAL);
}

static bool take_frame(sock *s)
{
    if (s->have < 2 || s->have < 2 + (size_t)(s->in[1] & 0x7f)) return false;
    size_t bytes = 2 + (size_t)(s->in[1] & 0x7f);
    if ((unsigned char)s->in[0] == 0x88 && bytes >= 4) take_close(s);
    else if ((unsigned char)s->in[0] == 0x81 && bytes == ANSWER && memcmp(s->in + 2, "weftweft", 8) == 0) {
        echoes++;
        say(s);
    } else wrong++;
    drop(s, bytes);
    return true;
}

static void hear(sock *s)
{
    ssize_t n = recv(s->fd, s->in + s->have, sizeof s->in - s->have, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        ended(s);
        return;
    }
    s->have += (size_t)n;
    while (s->fd >= 0 && (s->stage == ASKS ? take_answer(s) : take_frame(s))) continue;
}

static void make_frame(void)
{
    static const unsigned char mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
    frame[0] = 0x81;
    frame[1] = 0x80 | PAYLOAD;
    memcpy(frame + 2, mask, sizeof mask);
    for (size_t i = 0; i < PAYLOAD; i++) frame[6 + i] = (unsigned char)("weft"[i % 4] ^ mask[i & 3]);
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];
    if (argc != 5) return 2;
    port = atoi(argv[1]);
    path = argv[2];
    int count = atoi(argv[3]);
    sock *all = calloc((size_t)count, sizeof *all);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!all || epoll < 0) die("epoll");
    make_frame();
    for (int i = 0; i < count; i++) come(&all[i]);
    for (double ends = now_s() + atof(argv[4]); now_s() < ends;) {
        int n = epoll_wait(epoll, events, EVENTS, 100);
        for (int i = 0; i < n; i++) {
            sock *s = events[i].data.ptr;
            if (s->stage == CONNECTS) ask(s);
            else hear(s);
        }
    }
    over = true;
    printf("echoes %ld opened %ld refused %ld leaving %ld broken %ld wrong %ld\n", echoes, opened, refused, leaving, broken, wrong);
    free(all);
    return 0;
}
