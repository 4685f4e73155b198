/* The bare fan-out: GET /fan/D asks three upstreams for /dD at once, over connections that are kept, and
 * joins their JSON bodies: {"a":…,"b":…,"c":…}.   Usage: bare_fan PORT UPSTREAM UPSTREAM UPSTREAM  */
#include "bare.h"

enum { SERVICES = 3, INPUT_BYTES = 2048, BODY_BYTES = 256 };

/* What epoll reports: the listener, a client or an upstream connection. */
typedef enum role { LISTENER, CLIENT, UPSTREAM } role;
typedef struct socket_end {
    role role;
    int fd;
    size_t have;
    char input[INPUT_BYTES + 1]; /* NUL-terminated */
} socket_end;

typedef struct client {
    socket_end end;
    int pending; /* upstream answers still to come */
    bool gone;   /* closed while answers were pending: the last one frees it */
    int len[SERVICES];
    char body[SERVICES][BODY_BYTES];
} client;

typedef struct upstream {
    socket_end end;
    int service;
    client *asker;         /* NULL while it is in the pool */
    struct upstream *next; /* in the pool */
} upstream;

static int ep, ports[SERVICES];
static upstream *pool[SERVICES];

static void *new_end(size_t size, role role, int fd)
{
    socket_end *e = calloc(1, size);
    if (!e) bare_die("calloc");
    e->role = role;
    e->fd = fd;
    bare_watch(ep, fd, e);
    return e;
}

static int connect_to(int port)
{
    struct sockaddr_in at = bare_address(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) bare_die("socket");
    if (connect(fd, (struct sockaddr *)&at, sizeof at) < 0) bare_die("connect to the upstream");
    fcntl(fd, F_SETFL, O_NONBLOCK);
    bare_no_delay(fd);
    return fd;
}

static upstream *pool_take(int service)
{
    upstream *u = pool[service];
    if (u) {
        pool[service] = u->next;
        return u;
    }
    u = new_end(sizeof *u, UPSTREAM, connect_to(ports[service]));
    u->service = service;
    return u;
}

static void pool_give(upstream *u)
{
    u->asker = NULL;
    u->end.have = 0;
    u->next = pool[u->service];
    pool[u->service] = u;
}

static void client_close(client *c)
{
    if (!c->gone) close(c->end.fd);
    c->gone = true;
    if (!c->pending) free(c);
}

/* A whole request came: ask all three. False when it is not one we know. */
static bool client_ask(client *c)
{
    char request[128];
    if (strncmp(c->end.input, "GET /fan/", 9) || c->pending) return false;
    int delay_ms = atoi(c->end.input + 9);
    int len = sprintf(request, "GET /d%d HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", delay_ms);
    c->end.have = 0;
    c->pending = SERVICES;
    for (int s = 0; s < SERVICES; s++) {
        upstream *u = pool_take(s);
        u->asker = c;
        if (!bare_send(u->end.fd, request, (size_t)len)) bare_die("send to the upstream");
    }
    return true;
}

static void client_answer(client *c)
{
    char body[SERVICES * BODY_BYTES + 32], out[sizeof body + 128];
    if (c->gone) {
        client_close(c);
        return;
    }
    int len = sprintf(body, "{\"a\":%.*s,\"b\":%.*s,\"c\":%.*s}", c->len[0], c->body[0], c->len[1],
        c->body[1], c->len[2], c->body[2]);
    int all = sprintf(out,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len, body);
    /* Not closed here: an event of this client may still stand in the array that main walks. */
    if (!bare_send(c->end.fd, out, (size_t)all)) shutdown(c->end.fd, SHUT_RDWR);
}

/* An upstream's head came; when its body did too, hand it to the client that asked. */
static void upstream_answer(upstream *u, const char *body)
{
    long len = bare_body_length(u->end.input, body, BODY_BYTES);
    client *c = u->asker;
    if (len < 0 || !c) bare_die("an upstream answer that nobody can take");
    if (u->end.input + u->end.have - body < len) return;
    memcpy(c->body[u->service], body, (size_t)len);
    c->len[u->service] = (int)len;
    pool_give(u);
    if (--c->pending == 0) client_answer(c);
}

static void end_closed(socket_end *e)
{
    if (e->role == UPSTREAM) bare_die("an upstream closed its connection");
    client_close((client *)e);
}

static void end_serve(socket_end *e)
{
    ssize_t n = recv(e->fd, e->input + e->have, INPUT_BYTES - e->have, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        end_closed(e);
        return;
    }
    e->have += (size_t)n;
    e->input[e->have] = 0;
    const char *body = bare_head_end(e->input, e->input + e->have);
    if (!body && e->have < INPUT_BYTES) return;
    if (e->role == UPSTREAM && body) upstream_answer((upstream *)e, body);
    else if (!body || !client_ask((client *)e)) end_closed(e);
}

int main(int argc, char **argv)
{
    static const char usage[] = "PORT UPSTREAM UPSTREAM UPSTREAM";
    struct epoll_event events[BARE_EVENTS];

    ep = epoll_create1(EPOLL_CLOEXEC);
    for (int s = 0; s < SERVICES; s++) ports[s] = bare_port(argc, argv, 2 + s, usage);
    int listener = bare_listen(bare_port(argc, argv, 1, usage));
    new_end(sizeof(socket_end), LISTENER, listener);
    for (;;) {
        int n = epoll_wait(ep, events, BARE_EVENTS, -1);
        for (int i = 0; i < n; i++) {
            socket_end *e = events[i].data.ptr;
            if (e->role != LISTENER) {
                end_serve(e);
                continue;
            }
            for (int fd; (fd = bare_accept(e->fd)) >= 0;) new_end(sizeof(client), CLIENT, fd);
        }
    }
}
