/* The load on an echo of WebSockets: each of CONNECTIONS has one message of 64 bytes under way at a time, for SECONDS; prints how many
 * came back in a second. With 0 seconds they are opened, have one message echoed, and stay until the program is ended.
 *   Usage: ws_load PORT PATH CONNECTIONS SECONDS  */
#include <sys/resource.h>
#include <time.h>
#include "bare/bare.h"

enum { PAYLOAD = 64, FRAME = 6 + PAYLOAD, ANSWER = 2 + PAYLOAD };
typedef struct conn { int fd; size_t have; } conn;
static unsigned char frame[FRAME];

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void raise_limit(void)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

static int open_one(int port, const char *path)
{
    char text[1024], answer[1024];
    struct sockaddr_in at = bare_address(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), n;
    size_t have = 0;
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) < 0) bare_die("connect");
    bare_no_delay(fd);
    n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", path);
    if (send(fd, text, (size_t)n, MSG_NOSIGNAL) != n) bare_die("send");
    while (!memmem(answer, have, "\r\n\r\n", 4)) {
        ssize_t got = recv(fd, answer + have, sizeof answer - have, 0);
        if (got <= 0) bare_die("recv");
        have += (size_t)got;
    }
    if (strncmp(answer, "HTTP/1.1 101", 12) != 0) bare_die("an answer that is not 101");
    return fd;
}

static void say(const conn *c)
{
    if (send(c->fd, frame, FRAME, MSG_NOSIGNAL) != FRAME) bare_die("send");
}

/* True: the echo is whole. */
static bool hear(conn *c)
{
    unsigned char in[512];
    ssize_t n = recv(c->fd, in, sizeof in, 0);
    if (n <= 0) bare_die("recv");
    if (!c->have && (in[0] != 0x81 || in[1] != PAYLOAD || (n > 2 && in[2] != 'w'))) bare_die("another echo");
    c->have += (size_t)n;
    if (c->have < ANSWER) return false;
    c->have = 0;
    return true;
}

static void load(conn *all, int count, double seconds)
{
    struct epoll_event events[BARE_EVENTS];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    long echoes = 0;
    for (int i = 0; i < count; i++) {
        struct epoll_event e = { .events = EPOLLIN, .data.ptr = &all[i] };
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &e) < 0) bare_die("epoll_ctl");
        say(&all[i]);
    }
    double began = now_s(), now = began;
    while ((now = now_s()) < began + seconds) {
        int n = epoll_wait(epoll, events, BARE_EVENTS, 100);
        for (int i = 0; i < n; i++) {
            conn *c = events[i].data.ptr;
            if (!hear(c)) continue;
            echoes++;
            say(c);
        }
    }
    printf("%.0f\n", (double)echoes / (now - began));
}

int main(int argc, char **argv)
{
    static const unsigned char mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
    int port = bare_port(argc, argv, 1, "PORT PATH CONNECTIONS SECONDS"), count = argc > 4 ? atoi(argv[3]) : 0;
    conn *all = calloc((size_t)count + 1, sizeof *all);
    if (!all) bare_die("calloc");
    raise_limit();
    frame[0] = 0x81;
    frame[1] = 0x80 | PAYLOAD;
    memcpy(frame + 2, mask, 4);
    for (size_t i = 0; i < PAYLOAD; i++) frame[6 + i] = (unsigned char)("weft"[i % 4] ^ mask[i & 3]);
    for (int i = 0; i < count; i++) {
        all[i].fd = open_one(port, argv[2]);
        if (atof(argv[4]) > 0) continue;
        say(&all[i]);
        while (!hear(&all[i])) continue;
    }
    if (atof(argv[4]) > 0) load(all, count, atof(argv[4]));
    else {
        printf("%d WebSockets are idle\n", count);
        fflush(stdout);
        pause();
    }
    return 0;
}
