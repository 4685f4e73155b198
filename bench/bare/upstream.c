/* Three upstreams in one process: GET /dN answers a small JSON object after N ms, at once for N = 0.
 * Usage: upstream PORT PORT PORT  */
#include "bare.h"
#include <time.h>

enum { SERVICES = 3, INPUT_BYTES = 2048, ANSWER_BYTES = 256, DELAY_MS_MAX = 60000 };

/* A connection answers one request at a time. While its answer is due later it stands in the line of those
 * that wait, which is kept in the order of `due_ns`. */
typedef struct conn {
    int fd, service;
    bool listens, waits;
    int64_t due_ns;
    struct conn *sooner, *later;
    size_t have;
    char input[INPUT_BYTES + 1];
} conn;

static int ep;
static conn *first, *last; /* the line: soonest, latest */
static char answers[SERVICES][ANSWER_BYTES];

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* Equal delays, the usual case, are put at the end without a search. */
static void line_put(conn *c)
{
    conn *before = last;
    while (before && before->due_ns > c->due_ns) before = before->sooner;
    c->waits = true;
    c->sooner = before;
    c->later = before ? before->later : first;
    *(c->sooner ? &c->sooner->later : &first) = c;
    *(c->later ? &c->later->sooner : &last) = c;
}

static void line_drop(conn *c)
{
    if (!c->waits) return;
    c->waits = false;
    *(c->sooner ? &c->sooner->later : &first) = c->later;
    *(c->later ? &c->later->sooner : &last) = c->sooner;
}

static void conn_close(conn *c)
{
    line_drop(c);
    close(c->fd);
    free(c);
}

static bool conn_answer(const conn *c)
{
    return bare_send(c->fd, answers[c->service], strlen(answers[c->service]));
}

/* False when the request is none of ours. */
static bool conn_request(conn *c)
{
    if (strncmp(c->input, "GET /d", 6) || c->waits) return false;
    long delay_ms = strtol(c->input + 6, NULL, 10);
    c->have = 0;
    if (delay_ms <= 0) return conn_answer(c);
    if (delay_ms > DELAY_MS_MAX) return false;
    c->due_ns = now_ns() + delay_ms * 1000000;
    line_put(c);
    return true;
}

static bool conn_serve(conn *c)
{
    ssize_t n = recv(c->fd, c->input + c->have, INPUT_BYTES - c->have, 0);
    if (n <= 0) return n < 0 && errno == EAGAIN;
    c->have += (size_t)n;
    c->input[c->have] = 0;
    if (bare_head_end(c->input, c->input + c->have)) return conn_request(c);
    return c->have < INPUT_BYTES;
}

static conn *conn_new(int fd, int service, bool listens)
{
    conn *c = calloc(1, sizeof *c);
    if (!c) bare_die("calloc");
    c->fd = fd;
    c->service = service;
    c->listens = listens;
    bare_watch(ep, fd, c);
    return c;
}

static void accept_all(const conn *listener)
{
    for (int fd; (fd = bare_accept(listener->fd)) >= 0;) conn_new(fd, listener->service, false);
}

static void answer_due(void)
{
    int64_t now = first ? now_ns() : 0;
    while (first && first->due_ns <= now) {
        conn *c = first;
        line_drop(c);
        if (!conn_answer(c)) conn_close(c);
    }
}

static int wait_for_events(struct epoll_event *events)
{
    if (!first) return epoll_wait(ep, events, BARE_EVENTS, -1);
    int64_t ns = first->due_ns - now_ns();
    if (ns < 0) ns = 0;
    struct timespec wait = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
    return epoll_pwait2(ep, events, BARE_EVENTS, &wait, NULL);
}

static void listen_as(int service, int port)
{
    char body[128];
    int len = sprintf(body, "{\"service\":\"s%d\",\"value\":%d,\"ok\":true,\"tags\":[\"x\",\"y\"]}",
        service, service * 111);
    sprintf(answers[service],
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len, body);
    conn_new(bare_listen(port), service, true);
}

int main(int argc, char **argv)
{
    struct epoll_event events[BARE_EVENTS];
    ep = epoll_create1(EPOLL_CLOEXEC);
    for (int s = 0; s < SERVICES; s++) listen_as(s, bare_port(argc, argv, 1 + s, "PORT PORT PORT"));
    for (;;) {
        int n = wait_for_events(events);
        for (int i = 0; i < n; i++) {
            conn *c = events[i].data.ptr;
            if (c->listens) accept_all(c);
            else if (!conn_serve(c)) conn_close(c);
        }
        answer_due();
    }
}
