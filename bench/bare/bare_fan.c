/* The bare fan-out: GET /fan/D asks three upstreams for /dD at once, over connections that are kept, and
 * joins their JSON bodies: {"a":…,"b":…,"c":…}.   Usage: bare_fan PORT UPSTREAM UPSTREAM UPSTREAM  */
#include "bare.h"

enum { SERVICES = 3, INPUT_BYTES = 2048, BODY_BYTES = 256 };

/* What epoll reports: the listener, a client or a connection to an upstream. */
typedef enum role { LISTENER, CLIENT, UPSTREAM } role;
typedef struct conn {
    role role;
    int fd;
    int service;          /* of an upstream, as are the next two */
    struct client *asker; /* NULL while it is in the pool */
    struct conn *next;    /* in the pool */
    size_t have;
    char input[INPUT_BYTES + 1]; /* NUL-terminated */
} conn;

typedef struct client {
    conn conn;
    int pending; /* upstream answers still to come */
    bool gone;   /* closed while answers were pending: the last one frees it */
    int len[SERVICES];
    char body[SERVICES][BODY_BYTES];
} client;

static int ep, ports[SERVICES];
static conn *pool[SERVICES];

static void *conn_new(size_t size, role role, int fd)
{
    conn *c = calloc(1, size);
    if (!c) bare_die("calloc");
    c->role = role;
    c->fd = fd;
    bare_watch(ep, fd, c);
    return c;
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

static conn *pool_take(int service)
{
    conn *u = pool[service];
    if (u) {
        pool[service] = u->next;
        return u;
    }
    u = conn_new(sizeof *u, UPSTREAM, connect_to(ports[service]));
    u->service = service;
    return u;
}

static void pool_give(conn *u)
{
    u->asker = NULL;
    u->have = 0;
    u->next = pool[u->service];
    pool[u->service] = u;
}

static void client_close(client *c)
{
    if (!c->gone) close(c->conn.fd);
    c->gone = true;
    if (!c->pending) free(c);
}

/* A whole request came: ask all three. False when it is not one we know. */
static bool client_ask(client *c)
{
    char request[128];
    if (strncmp(c->conn.input, "GET /fan/", 9) || c->pending) return false;
    int delay_ms = atoi(c->conn.input + 9);
    int len = sprintf(request, "GET /d%d HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", delay_ms);
    c->conn.have = 0;
    c->pending = SERVICES;
    for (int s = 0; s < SERVICES; s++) {
        conn *u = pool_take(s);
        u->asker = c;
        if (!bare_send(u->fd, request, (size_t)len)) bare_die("send to the upstream");
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
    if (!bare_send(c->conn.fd, out, (size_t)all)) shutdown(c->conn.fd, SHUT_RDWR);
}

/* An upstream's head came; when its body did too, hand it to the client that asked. */
static void upstream_answer(conn *u, const char *body)
{
    long len = bare_body_length(u->input, body, BODY_BYTES);
    client *c = u->asker;
    if (len < 0 || !c) bare_die("an upstream answer that nobody can take");
    if (u->input + u->have - body < len) return;
    memcpy(c->body[u->service], body, (size_t)len);
    c->len[u->service] = (int)len;
    pool_give(u);
    if (--c->pending == 0) client_answer(c);
}

static void conn_over(conn *c)
{
    if (c->role == UPSTREAM) bare_die("an upstream closed its connection");
    client_close((client *)c);
}

static void conn_serve(conn *c)
{
    ssize_t n = recv(c->fd, c->input + c->have, INPUT_BYTES - c->have, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        conn_over(c);
        return;
    }
    c->have += (size_t)n;
    c->input[c->have] = 0;
    const char *body = bare_head_end(c->input, c->input + c->have);
    if (!body && c->have < INPUT_BYTES) return;
    if (c->role == UPSTREAM && body) upstream_answer(c, body);
    else if (!body || !client_ask((client *)c)) conn_over(c);
}

int main(int argc, char **argv)
{
    static const char usage[] = "PORT UPSTREAM UPSTREAM UPSTREAM";
    struct epoll_event events[BARE_EVENTS];

    ep = epoll_create1(EPOLL_CLOEXEC);
    for (int s = 0; s < SERVICES; s++) ports[s] = bare_port(argc, argv, 2 + s, usage);
    int listener = bare_listen(bare_port(argc, argv, 1, usage));
    conn_new(sizeof(conn), LISTENER, listener);
    for (;;) {
        int n = epoll_wait(ep, events, BARE_EVENTS, -1);
        for (int i = 0; i < n; i++) {
            conn *c = events[i].data.ptr;
            if (c->role != LISTENER) {
                conn_serve(c);
                continue;
            }
            for (int fd; (fd = bare_accept(c->fd)) >= 0;) conn_new(sizeof(client), CLIENT, fd);
        }
    }
}
