/* Listeners for users, and a task for each who comes. */
#include <errno.h>
#include <stdio.h>
#include "base/mem.h"
#include "io/conn.h"
#include "io/log.h"
#include "io/tls.h"
#include "os/socket.h"
#include "task/error.h"
#include "task/job.h"

enum {
    BACKLOG = 128,
    CONNECTIONS = 1000,
    PAUSE_MS = 100,
    MEMORY_BYTES = 16 * 1024 * 1024
};

struct weft_listener {
    weft__watch watch;
    weft__loop *loop;
    weft__fiber *waiter;             /* parked in weft_accept */
    weft_conn_opts conn;
    weft__tls_server *tls;           /* NULL: none */
    weft__addr at;
    weft__net_path path;
    const char *accepting;           /* the name of the task that does */
    unsigned inside;
    int fd;
    bool watched, freed;
    char text[64];
};

static weft__os *os_of(const weft_listener *l) { return weft__loop_os(l->loop); }

static void give_back(weft_listener *l)
{
    weft__tls_server_free(l->tls);
    weft__free(l);
}

/* ---- listening ---- */

/* It goes on being told until somebody accepts: when nobody wants to, it is watched no longer. */
static void somebody_came(weft__watch *w, uint32_t events)
{
    (void)events;
    weft_listener *l = (weft_listener *)w;
    if (l->waiter && weft__wake(l->waiter, 0)) return;
    if (l->watched && !l->waiter) l->watched = os_of(l)->ops->unwatch(os_of(l), l->fd) < 0;
}

/* Another program may be taking over a path in the same folder. */
static int try_listening(weft_listener *l, const weft_listen_opts *o)
{
    weft__os *os = os_of(l);
    int backlog = o->backlog ? o->backlog : BACKLOG;
    for (int i = 0;; i++) {
        int fd = os->ops->net->listen(os, &l->at, backlog, o->file_mode, &l->path);
        if (fd != -EAGAIN || i == WEFT__NET_TRIES) return fd;
        int rc = weft_sleep_ms(WEFT__NET_TRY_AGAIN_MS);
        if (rc < 0) return rc;
    }
}

static int start_listening(weft_listener *l, const weft_listen_opts *o, const weft__addr *at, int n)
{
    weft__addr own;
    l->fd = -EADDRNOTAVAIL;
    for (int i = 0; i < n && weft__not_here(l->fd); i++) {
        l->at = at[i];
        l->fd = try_listening(l, o);
    }
    if (l->fd < 0) return l->fd;
    if (os_of(l)->ops->local(os_of(l), l->fd, &own) == 0 && weft__addr_port(&own)) l->at = own;
    weft__addr_format(&l->at, l->text);
    return 0;
}

/* How many, or a code. */
static int addresses_of(const char *host, int port, weft__addr out[WEFT__ADDRS_MAX])
{
    const char *why;
    int rc = weft__host_parse(host, port, out);
    if (rc) return rc;
    rc = weft__resolve_host(weft__loop_here(), host, port, out, WEFT__ADDRS_MAX, INT64_MAX, &why);
    if (rc >= 0 || weft__cancelled()) return rc;
    return weft__fail_as(
        NULL, rc, 0, "cannot listen on %s: %s", host, why ? why : weft__code_text(rc));
}

static int check(const weft_listen_opts *o)
{
    const char *wrong = o->backlog < 0 ? "backlog" : o->file_mode & ~07777 ? "file_mode" : NULL;
    if (wrong)
        return weft__fail_as(NULL, WEFT_EINVAL, 0, "option %s of a listener makes no sense", wrong);
    return weft__conn_opts_check(&o->conn);
}

static int start_tls(weft_listener *l, const weft_tls_server *o)
{
    char why[WEFT__TLS_WHY];
    if (!o->certs) return 0;
    if (o->redirect_port) return weft__fail_as(NULL, WEFT_EINVAL, 0, "option tls.redirect_port is of weft_serve: a listener knows of no HTTP");
    int rc = weft__tls_server_open(&l->tls, l->loop, o, o->protocols, why);
    return rc < 0 ? weft__fail_as(NULL, rc, 0, "cannot listen with TLS: %s", why) : 0;
}

int weft_listen_with(weft_listener **out, const char *host, int port, const weft_listen_opts *opts)
{
    weft__addr at[WEFT__ADDRS_MAX];
    if (!weft__self()) return weft__no_task("weft_listen");
    int rc = check(opts), n = rc < 0 ? rc : addresses_of(host, port, at);
    if (n < 0) return n;
    weft_listener *l = weft__calloc(sizeof *l);
    if (!l) return weft__fail_as(NULL, WEFT_ENOMEM, 0, "no memory for a listener");
    l->watch.ready = somebody_came;
    l->loop = weft__loop_here();
    l->conn = opts->conn;
    rc = start_tls(l, &opts->tls);
    if (rc < 0) {
        give_back(l);
        return rc;
    }
    rc = start_listening(l, opts, at, n);
    if (rc == 0) {
        *out = l;
        return 0;
    }
    give_back(l);
    if (rc == WEFT_ECANCELED || rc == WEFT_ETIMEDOUT) return rc;
    char text[64];
    weft__host_text(host, port, text);
    return weft__fail_as(NULL, rc, 0, "cannot listen on %s: %s", text, weft__code_text(rc));
}

void weft_listener_close(weft_listener *l)
{
    if (!l || l->fd < 0) return;
    weft__os *os = os_of(l);
    weft__loop_forget(l->loop, &l->watch);
    (void)os->ops->net->unlink(os, &l->at, &l->path);
    os->ops->close(os, l->fd);
    l->fd = -1;
    l->watched = false;
    if (l->waiter) weft__wake(l->waiter, WEFT_ECLOSED);
}

void weft_listener_free(weft_listener *l)
{
    weft_listener_close(l);
    if (!l) return;
    l->freed = true;
    if (!l->inside) give_back(l);
}

void weft__listener_leave(weft_listener **l) { weft_listener_free(*l); }
weft_str weft_listener_address(const weft_listener *l) { return weft_str_of(l->text); }
int weft_listener_port(const weft_listener *l) { return weft__addr_port(&l->at); }

/* ---- accepting ---- */

static int wait_for_somebody(weft_listener *l)
{
    weft__os *os = os_of(l);
    if (!l->watched) {
        int rc = os->ops->watch(os, l->fd, &l->watch, WEFT__WATCH_LISTENER);
        if (rc < 0) return rc;
        l->watched = true;
    }
    l->waiter = weft__self();
    int rc = weft__park("a connection to accept", INT64_MAX);
    l->waiter = NULL;
    return l->fd < 0 ? WEFT_ECLOSED : rc;
}

static int accept_one(weft_listener *l, weft_conn **out)
{
    int rc = weft__checkpoint();
    while (rc >= 0) {
        weft__addr peer;
        char text[64];
        int fd = l->fd < 0 ? WEFT_ECLOSED : os_of(l)->ops->accept(os_of(l), l->fd, &peer);
        if (fd == -EAGAIN) {
            rc = wait_for_somebody(l);
            continue;
        }
        if (fd < 0) return fd;
        weft__addr_format(&peer, text);
        rc = weft__conn_over(out, l->loop, fd, text, &l->conn);
        if (rc < 0 || !l->tls) return rc;
        rc = weft__tls_accept(&(*out)->stream, l->tls);
        if (rc == 0) return 0;
        weft_conn_free(*out);
        *out = NULL;
        return rc;
    }
    return rc;
}

int weft_accept(weft_listener *l, weft_conn **out)
{
    if (l->accepting) {
        return weft__fail_as(NULL, WEFT_EBUSY, 0,
            "accepting on %s: task %s does so already, and one at a time may", l->text,
            l->accepting);
    }
    if (!weft__self()) return weft__no_task("weft_accept");
    l->accepting = weft_task_name(weft_task_self());
    l->inside++;
    int rc = accept_one(l, out);
    l->accepting = NULL;
    bool cancel = rc == WEFT_ECANCELED || rc == WEFT_ETIMEDOUT;
    if (rc < 0 && !cancel)
        weft__fail_as(NULL, rc, 0, "accepting on %s: %s", l->text, weft__code_text(rc));
    if (!--l->inside && l->freed) give_back(l);
    return rc;
}

/* ---- a task for each ---- */

typedef struct service {
    weft_talk *talk;
    const char *name;
    void *ctx;
    size_t memory_bytes_max;
    int running, most;
    weft__fiber *waiter;             /* for one of them to end */
} service;

typedef struct talker { service *s; weft_conn *conn; } talker;

/* Peers go away as they like: that is no news. */
static bool is_news(int rc)
{
    return rc < 0 && rc != WEFT_ECONNRESET && rc != WEFT_EOF && rc != WEFT_ECANCELED && (rc > WEFT_ETLS || rc < WEFT_ECERT_REVOKED);
}

static int talk_in(weft_arena *memory, const talker *t)
{
    weft_arena *before = weft__arena_swap(memory);
    int rc = t->s->talk(t->conn, t->s->ctx);
    if (rc >= 0 && memory->lost)
        rc = weft__fail_as(
            NULL, WEFT_ELIMIT, 0, "its memory: more than %zu bytes", memory->bytes_max);
    if (is_news(rc)) {
        const weft_error *e = weft_error_of(rc);
        weft__log(WEFT_LOG_ERROR, "connection of %s: %s failed: %s%s%s", t->conn->peer, t->s->name,
            e->text, *e->trace ? " " : "", e->trace);
    }
    weft__arena_swap(before);
    return rc;
}

static int talk_task(void *arg)
{
    talker t = *(talker *)arg;
    service *s = t.s;
    weft_arena memory;
    weft__free(arg);
    weft__arena_init(&memory, weft__loop_blocks(weft__loop_here()), s->memory_bytes_max);
    (void)talk_in(&memory, &t);
    weft__arena_free(&memory);
    weft_conn_free(t.conn);
    s->running--;
    if (s->waiter) weft__wake(s->waiter, 0);
    return 0;
}

static int place_wait(service *s)
{
    int rc = 0;
    while (s->running >= s->most && rc == 0) {
        s->waiter = weft__self();
        rc = weft__park("one of its connections to end", INT64_MAX);
        s->waiter = NULL;
    }
    return rc;
}

static int talk_start(service *s, weft_scope *scope, weft_conn *c)
{
    talker *t = weft__malloc(sizeof *t);
    if (t) *t = (talker){ s, c };
    int rc = t ? weft__start(scope, s->name, talk_task, t) : WEFT_ENOMEM;
    if (rc == 0) {
        s->running++;
        return 0;
    }
    weft__free(t);
    weft_conn_free(c);
    return rc;
}

/* What a machine without means says, and what may pass. */
static bool may_pass(int rc)
{
    return rc == -EMFILE || rc == -ENFILE || rc == -ENOBUFS || rc == WEFT_ENOMEM;
}

static int serve_one(weft_listener *l, service *s, weft_scope *scope, bool *said)
{
    weft_conn *c = NULL;
    int rc = place_wait(s);
    if (rc == 0) rc = weft_accept(l, &c);
    if (rc == 0) rc = talk_start(s, scope, c);
    if (rc == 0) *said = false;
    if (!may_pass(rc)) return rc;
    if (!*said)
        weft__log(WEFT_LOG_ERROR, "accepting on %s: %s; tried again every %d ms", l->text,
            weft__code_text(rc), PAUSE_MS);
    *said = true;
    return weft_sleep_ms(PAUSE_MS);
}

int weft_listener_serve_with(
    weft_listener *l, weft_talk *talk, const char *name, const weft_talk_opts *opts)
{
    if (opts->connections_max < 0)
        return weft__fail_as(
            NULL, WEFT_EINVAL, 0, "option connections_max of weft_listener_serve makes no sense");
    service s = { .talk = talk, .name = name, .ctx = opts->ctx };
    s.most = opts->connections_max ? opts->connections_max : CONNECTIONS;
    s.memory_bytes_max = opts->memory_bytes_max ? opts->memory_bytes_max : MEMORY_BYTES;
    bool said = false;
    int rc = 0;
    WEFT_SCOPE(talks, .forget = true);
    l->inside++;                     /* it is looked at again when it has been freed meanwhile */
    while (rc == 0) rc = serve_one(l, &s, talks, &said);
    if (rc == WEFT_ECLOSED) rc = weft_join(talks);
    if (!--l->inside && l->freed) give_back(l);
    return rc;
}
