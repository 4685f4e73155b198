/* Rows of PostgreSQL by key: GET /row is one, GET /rows twenty, asked at once; queries of all clients share connections in pipeline mode, one Sync and one
 * write for each turn of the loop.   Usage: bare_pg PORT CONNINFO [CONNECTIONS]  */
#include <libpq-fe.h>
#include "bare.h"

enum { KEYS = 10000, MANY = 20, SENT_MAX = 1 << 14, INPUT_BYTES = 2048, OUT_BYTES = 4096 };

typedef enum role { LISTENER, CLIENT, SERVER } role;
typedef struct client {
    role role;
    int fd, asked, left;
    bool gone;                       /* closed while rows are on their way: the last one frees it */
    int numbers[MANY], ids[MANY];
    char input[INPUT_BYTES];
} client;

typedef struct sent { client *asker; int place; } sent;
typedef struct server {
    role role;
    PGconn *pg;
    sent sent[SENT_MAX];
    unsigned first, end;
    bool dirty;
} server;

static int ep, servers_count = 4, turn;
static server *servers;
static unsigned state = 1;

static int next_key(void)
{
    state = state * 1664525u + 1013904223u;
    return (int)(state >> 8) % KEYS + 1;
}

static void ask(client *c, int n)
{
    server *s = &servers[turn++ % servers_count];
    c->asked = c->left = n;
    for (int i = 0; i < n; i++) {
        unsigned key = htonl((unsigned)(c->ids[i] = next_key()));
        const char *value = (const char *)&key;
        if (!PQsendQueryPrepared(s->pg, "row", 1, &value, &(int){ 4 }, &(int){ 1 }, 1)) bare_die("PQsendQueryPrepared");
        s->sent[s->end++ % SENT_MAX] = (sent){ c, i };
    }
    s->dirty = true;
}

static void client_close(client *c)
{
    if (!c->gone) close(c->fd);
    c->gone = true;
    if (!c->left) free(c);
}

static void answer(client *c)
{
    char body[OUT_BYTES], out[OUT_BYTES + 128];
    int len = 0;
    for (int i = 0; i < c->asked; i++)
        len += sprintf(body + len, "%s{\"id\":%d,\"number\":%d}", i ? "," : c->asked > 1 ? "[" : "", c->ids[i], c->numbers[i]);
    if (c->asked > 1) body[len++] = ']';
    int all = sprintf(out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%.*s", len, len, body);
    if (!bare_send(c->fd, out, (size_t)all)) shutdown(c->fd, SHUT_RDWR);
}

static void take(server *s, const PGresult *r)
{
    if (PQresultStatus(r) == PGRES_PIPELINE_SYNC) return;
    if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) != 1) bare_die(PQresultErrorMessage(r));
    sent *one = &s->sent[s->first++ % SENT_MAX];
    client *c = one->asker;
    unsigned number;
    memcpy(&number, PQgetvalue(r, 0, 1), sizeof number);
    c->numbers[one->place] = (int)ntohl(number);
    if (--c->left) return;
    if (c->gone) client_close(c);
    else answer(c);
}

static void server_read(server *s)
{
    if (!PQconsumeInput(s->pg)) bare_die("PostgreSQL");
    for (int none = 0; none < 2 && !PQisBusy(s->pg);) {
        PGresult *r = PQgetResult(s->pg);
        none = r ? 0 : none + 1;
        if (r) take(s, r);
        PQclear(r);
    }
}

static void client_read(client *c)
{
    ssize_t n = recv(c->fd, c->input, INPUT_BYTES, 0);
    if (n < 0 && errno == EAGAIN) return;
    bool rows = n > 9 && memcmp(c->input, "GET /rows", 9) == 0, row = n > 8 && memcmp(c->input, "GET /row", 8) == 0;
    if (c->left || !row) client_close(c);
    else ask(c, rows ? MANY : 1);
}

static void connect_one(server *s, const char *info)
{
    s->role = SERVER;
    s->pg = PQconnectdb(info);
    if (PQstatus(s->pg) != CONNECTION_OK) bare_die(PQerrorMessage(s->pg));
    PQclear(PQprepare(s->pg, "row", "SELECT id, number FROM world WHERE id = $1", 1, NULL));
    if (PQsetnonblocking(s->pg, 1) || !PQenterPipelineMode(s->pg)) bare_die("pipeline mode");
    bare_watch(ep, PQsocket(s->pg), s);
}

static void accept_all(int listener)
{
    for (int fd; (fd = bare_accept(listener)) >= 0;) {
        client *c = calloc(1, sizeof *c);
        if (!c) bare_die("calloc");
        c->role = CLIENT;
        c->fd = fd;
        bare_watch(ep, fd, c);
    }
}

static void sync_all(void)
{
    for (int i = 0; i < servers_count; i++) {
        if (!servers[i].dirty) continue;
        if (!PQpipelineSync(servers[i].pg) || PQflush(servers[i].pg) < 0) bare_die("PQpipelineSync");
        servers[i].dirty = false;
    }
}

int main(int argc, char **argv)
{
    struct epoll_event events[BARE_EVENTS];
    role listening = LISTENER;
    int listener = bare_listen(bare_port(argc, argv, 1, "PORT CONNINFO [CONNECTIONS]"));
    if (argc < 3) return 2;
    if (argc > 3) servers_count = atoi(argv[3]);
    ep = epoll_create1(EPOLL_CLOEXEC);
    servers = calloc((size_t)servers_count, sizeof *servers);
    if (ep < 0 || !servers) bare_die("start");
    for (int i = 0; i < servers_count; i++) connect_one(&servers[i], argv[2]);
    bare_watch(ep, listener, &listening);
    for (;;) {
        sync_all();
        int n = epoll_wait(ep, events, BARE_EVENTS, -1);
        for (int i = 0; i < n; i++) {
            role *what = events[i].data.ptr;
            if (*what == LISTENER) accept_all(listener);
            else if (*what == SERVER) server_read((server *)what);
            else client_read((client *)what);
        }
    }
}
