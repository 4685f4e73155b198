/* The server: listening, the limits, and the graceful stop. */
#include "http/server.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/poison.h"
#include "http/front.h"
#include "http/h2.h"
#include "http/ws.h"
#include "io/log.h"
#include "os/notify.h"

enum {
    LAST_ONES = 4096,                    /* accepted when it stops */
    ACCEPTS_AT_ONCE = 4,                 /* who is connected already is not to wait for a crowd that comes; and as many for each ms of the turn before, */
    ACCEPTS_MOST = 32,                   /* which may have been that of newcomers, with a handshake each */
    ACCEPT_PAUSE_MS = 100,
    LINGER_MS = 2000,
    CLOSED_MS = 100,
    SLOW_LOOK_MS = 250,                  /* between two looks at a head that takes its time */
    SCRATCH_BYTES_MAX = 256 << 20
};

weft_str weft__server_date(weft__server *s)
{
    int64_t now = weft__loop_now(s->loop);
    if (now >= s->date_until_ns) {
        weft__os *os = weft__loop_os(s->loop);
        int64_t us = os->ops->wall_us(os);
        weft__http_date(s->date, us / 1000000);
        s->date_until_ns = now + (1000000 - us % 1000000) * 1000;
    }
    return (weft_str){ s->date, sizeof s->date };
}

/* ---- waiting connections whose time is over ---- */

static void idle_over(connection *c)
{
    if (c->state == CONNECTION_H2) weft__h2_idle_over(c);
    else weft__connection_close(c);
}

static void linger_over(connection *c) { weft__connection_close(c); }

static void end_head(connection *c, const char *why)
{
    if (weft__stream_shaking(&c->stream)) weft__connection_close(c);     /* there is no way yet to say anything */
    else weft__connection_refuse(c, 408, why);
}

/* The first look at one is when its time is over, or when it is to have come at some rate; a handshake has all its time. */
static void look_at_head(connection *c)
{
    weft__server *s = c->server;
    int64_t took_ns = weft__loop_now(s->loop) - c->head_since_ns;
    if (took_ns >= s->opts.head_timeout_ms * INT64_C(1000000)) {
        end_head(c, "the head did not arrive within head_timeout_ms");
        return;
    }
    if (!weft__stream_shaking(&c->stream) && took_ns >= weft__server_rated_ns(s, 0, c->partial_len)) {
        end_head(c, "the head came more slowly than rate_min");
        return;
    }
    weft__patience_stop(c);
    (void)weft__patience_start(&s->slow_heads, c);
}

static void head_over(connection *c)
{
    c->head_since_ns = c->due.at_ns - c->server->heads.ms * INT64_C(1000000);
    look_at_head(c);
}

static int first_look_ms(const weft_serve_opts *o)
{
    return o->rate_min > 0 && o->rate_grace_ms < o->head_timeout_ms ? o->rate_grace_ms : o->head_timeout_ms;
}

static void patience_init(weft__server *s, patience *p, int ms, void (*over)(connection *))
{
    *p = (patience){ .server = s, .line.timer.fire = weft__patience_over, .ms = ms, .over = over };
}

/* ---- accepting ---- */

static void unwatch_ports(weft__server *s)
{
    weft__os *os = weft__loop_os(s->loop);
    for (int i = 0; i < s->port_count; i++) (void)os->ops->unwatch(os, s->ports[i].fd);
}

static int watch_ports(weft__server *s)
{
    weft__os *os = weft__loop_os(s->loop);
    int rc = 0;
    for (int i = 0; i < s->port_count && rc == 0; i++) rc = os->ops->watch(os, s->ports[i].fd, &s->ports[i].watch, WEFT__WATCH_LISTENER);
    return rc;
}

static void accept_pause_start(weft__server *s, int ms)
{
    int64_t until_ns = weft__loop_now(s->loop) + ms * INT64_C(1000000);
    /* Without memory for a timer it stays watched: rather a loop that spins than a deaf one. */
    if (weft__timer_start(s->loop, &s->accept_again, until_ns) < 0) return;
    unwatch_ports(s);
}

static bool accept_one(weft__port *p);

/* Those whom it left to others, and whom nobody took: one of each listener. */
static void accept_pause_over(weft__timer *t)
{
    weft__server *s = (weft__server *)((char *)t - offsetof(weft__server, accept_again));
    bool stood_back = s->stands_back;
    s->stands_back = false;
    for (int i = 0; i < s->port_count && stood_back; i++) (void)accept_one(&s->ports[i]);
    if (s->stopping || s->accept_again.place) return;
    if (watch_ports(s) < 0) accept_pause_start(s, ACCEPT_PAUSE_MS);
}

static void tell_deaf(const weft__server *s, bool deaf)
{
    if (s->fleet) __atomic_store_n(&weft__fleet_slot(s->fleet, (unsigned)s->fleet->mine)->deaf, deaf, __ATOMIC_RELAXED);
}

/* No descriptors or no memory: who waits to be accepted would wake the loop in each turn. */
static void accept_failed(weft__server *s, int code)
{
    if (!s->accept_fails) {
        weft__log(WEFT_LOG_ERROR, "cannot accept connections: %s; tried again every %d ms",
            strerror(-code), ACCEPT_PAUSE_MS);
    }
    s->accept_fails = true;
    tell_deaf(s, true);
    if (!s->stopping) accept_pause_start(s, ACCEPT_PAUSE_MS);
}

static void begin_connection(weft__port *p, int fd, const weft__addr *peer)
{
    weft__server *s = p->server;
    connection *c = weft__connection_open(p, fd, peer);
    if (c && s->front && !weft__front_came(s->front, c))
        weft__connection_turn_away(c, 503, "this address has connections_per_address_max connections already");
}

static bool accept_one(weft__port *p)
{
    weft__server *s = p->server;
    weft__os *os = weft__loop_os(s->loop);
    weft__addr peer;
    int fd = os->ops->accept(os, p->fd, &peer);
    if (s->accept_fails && (fd >= 0 || fd == -EAGAIN)) tell_deaf(s, false);
    if (fd == -EAGAIN) s->accept_fails = false;
    else if (fd < 0) accept_failed(s, fd);
    if (fd < 0) return false;
    if (s->connections - s->rejected < (unsigned)s->opts.connections_max) begin_connection(p, fd, &peer);
    else weft__connection_reject(p, fd, &peer, 503, "the server has connections_max connections already");
    return true;
}

/* Of workers that accept from the same listeners the kernel wakes all, and the quickest would take everybody: who has
 * more than another leaves the next to that one, for as long as it takes to wake up. */
static bool stand_back(weft__server *s)
{
    int ms = s->fleet ? weft__fleet_ahead(s->fleet, s->connections, weft__loop_now(s->loop)) : 0;
    if (!ms) return false;
    s->stands_back = true;
    accept_pause_start(s, ms);
    return true;
}

static void accept_some(weft__watch *w, uint32_t events)
{
    weft__port *p = (weft__port *)w;
    (void)events;
    int most = weft__loop_some(p->server->loop, ACCEPTS_AT_ONCE, ACCEPTS_AT_ONCE);
    for (int i = most < ACCEPTS_MOST ? most : ACCEPTS_MOST; i > 0 && !stand_back(p->server) && accept_one(p); i--) continue;
}

/* What tasks answered in this turn and did not send themselves, because they wait for something
 * else. Whoever takes nothing of it is no longer in the list: a crowd of them costs the others' turns nothing. */
static void flush_all(weft__hook *h)
{
    weft__server *s = (weft__server *)((char *)h - offsetof(weft__server, flush));
    for (connection *c = s->unsent, *next; c; c = next) {
        next = c->next_unsent;
        if (c->state == CONNECTION_H2) weft__h2_flush(c);
        else (void)weft__connection_flush(c);
    }
}

static void add_port(weft__server *s, int fd)
{
    s->ports[s->port_count++] = (weft__port){ .watch = { accept_some }, .server = s, .fd = fd };
}

static void find_redirect(weft__server *s)
{
    weft__os *os = weft__loop_os(s->loop);
    weft__addr at;
    for (int i = 0; i < s->port_count; i++) {
        int port = os->ops->local(os, s->ports[i].fd, &at) == 0 ? weft__addr_port(&at) : 0;
        s->ports[i].redirects = weft__listen_redirects(&s->opts, port, i, s->port_count);
        if (s->ports[i].redirects) s->redirect_port = port;
    }
}

static int start_listening(weft__server *s, char *why)
{
    weft__os *os = weft__loop_os(s->loop);
    weft__addr at;
    int given[WEFT__FLEET_LISTENERS_MAX], n = 0, rc;
    if (s->fleet) {
        for (int i = 0; i < s->fleet->listener_count; i++) add_port(s, s->fleet->listeners[i]);
        if (s->port_count && os->ops->local(os, s->ports[0].fd, &at) == 0) s->port = weft__addr_port(&at);
        find_redirect(s);
        return 0;
    }
    if (!os->ops->virtual_time) n = weft__listeners_given(given, WEFT__FLEET_LISTENERS_MAX);
    rc = weft__listen(os, &s->opts, NULL, 0, given, n, &s->listened, why);
    for (int i = 0; i < s->listened.count; i++) add_port(s, s->listened.items[i].fd);
    s->port = weft__listened_port(&s->listened);
    find_redirect(s);
    return rc;
}

static int start_tls(weft__server *s, char *why)
{
    char text[WEFT__TLS_WHY];
    if (!s->opts.tls.certs) return 0;
    bool without = s->opts.no_http2 || !WEFT__H2_KNOWN;
    const char *protocols = without ? "http/1.1" : s->opts.no_http1 ? "h2" : "h2, http/1.1";
    int rc = weft__tls_server_open(&s->tls, s->loop, &s->opts.tls, protocols, text);
    if (rc < 0) snprintf(why, 256, "TLS: %.240s", text);
    return rc;
}

static void share(weft__server *s, weft__fleet *fleet)
{
    s->fleet = fleet;
    s->told_connections = fleet ? &weft__fleet_slot(fleet, (unsigned)fleet->mine)->connections : &s->untold;
}

int weft__server_open(weft__server **out, const weft_serve_opts *opts, weft__http_handler *handler,
    void *ctx, char *why)
{
    return weft__server_open_in(out, opts, NULL, handler, ctx, why);
}

int weft__server_open_in(weft__server **out, const weft_serve_opts *opts, weft__fleet *fleet, weft__http_handler *handler,
    void *ctx, char *why)
{
    weft__server *s = weft__calloc(sizeof *s);
    if (!s) {
        snprintf(why, 256, "no memory for a server");
        return WEFT_ENOMEM;
    }
    int rc = weft__server_options(&s->opts, opts, why);
    if (rc < 0) {
        weft__free(s);
        return rc;
    }
    s->limits = (weft__http_limits){ .head_bytes_max = s->opts.head_bytes_max, .target_bytes_max = s->opts.target_bytes_max };
    s->byte_ns = s->opts.rate_min > 0 ? 1000000000 / s->opts.rate_min : 0;
    s->handler = handler;
    s->ctx = ctx;
    s->loop = weft__loop_here();
    s->accept_again.fire = accept_pause_over;
    s->flush = (weft__hook){ flush_all, NULL };
    share(s, fleet);
    weft__buf_init(&s->scratch, SCRATCH_BYTES_MAX);
    patience_init(s, &s->idle, s->opts.idle_timeout_ms, idle_over);
    patience_init(s, &s->heads, first_look_ms(&s->opts), head_over);
    patience_init(s, &s->slow_heads, SLOW_LOOK_MS, look_at_head);
    patience_init(s, &s->lingers, LINGER_MS, linger_over);
    rc = weft__front_open(s, why);
    if (rc == 0) rc = start_tls(s, why);
    if (rc == 0) rc = start_listening(s, why);
    if (rc < 0) {
        weft__server_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

int weft__server_port(const weft__server *s) { return s->port; }
int weft__server_redirect_port(const weft__server *s) { return s->redirect_port; }

void weft__server_where(const weft__server *s, char *to, size_t room) { weft__listened_text(&s->listened, &s->opts, to, room); }

/* ---- stopping ---- */

/* Whom the kernel has greeted already believes that we serve. Where others serve on, they take them. */
static void accept_the_last(weft__server *s)
{
    for (int p = 0; p < s->port_count && !s->patient; p++)
        for (int i = 0; i < LAST_ONES && accept_one(&s->ports[p]); i++) continue;
}

static void stop_listening(weft__server *s)
{
    weft__os *os = weft__loop_os(s->loop);
    weft__timer_stop(s->loop, &s->accept_again);
    for (int i = 0; i < s->port_count; i++) {
        weft__loop_forget(s->loop, &s->ports[i].watch);
        if (s->fleet) os->ops->close(os, s->ports[i].fd);
    }
    (void)weft__listened_close(os, &s->listened);
    s->port_count = 0;
}

static void close_waiting(weft__server *s)
{
    for (connection *c; (c = weft__patience_first(&s->idle.line));) weft__connection_part(c);
    for (connection *c; (c = weft__patience_first(&s->heads.line));) weft__connection_part(c);
    for (connection *c; (c = weft__patience_first(&s->slow_heads.line));) weft__connection_part(c);
}

/* Until no connection is left or the time is over. */
static void drain(weft__server *s, int64_t until_ns, const char *what)
{
    while (s->connections && weft__park(what, until_ns) >= 0) continue;
}

static int64_t in_ms(const weft__server *s, int ms) { return weft__loop_clock(s->loop) + ms * INT64_C(1000000); }

/* As long as there is time, and nobody is in a hurry. */
static void drain_gracefully(weft__server *s)
{
    int64_t until_ns = in_ms(s, s->opts.grace_ms);
    while (s->connections && !s->hurry && weft__park("requests in flight", until_ns) >= 0) continue;
}

/* Until when what its request depended on may take to be closed: its own time, and hard_ms once that is over and it has been cancelled. 0:
 * nothing is closed there, or not in time. */
static int64_t closes_until(const weft__server *s, const connection *c)
{
    int64_t until_ns = c->request ? c->request->x.closes_until_ns : 0;
    if (c->state == CONNECTION_H2) until_ns = weft__h2_closes_until(c);
    if (until_ns) until_ns += s->opts.hard_ms * INT64_C(1000000);
    return until_ns > weft__loop_clock(s->loop) ? until_ns : 0;
}

static int64_t all_close_until(const weft__server *s)
{
    int64_t last_ns = 0;
    for (connection *c = weft__patience_first(&s->busy); c; c = weft__patience_next(c)) {
        int64_t until_ns = closes_until(s, c);
        if (until_ns > last_ns) last_ns = until_ns;
    }
    return last_ns;
}

static void close_others(weft__server *s)
{
    for (connection *c; (c = weft__patience_first(&s->lingers.line));) weft__connection_close(c);
    weft__server_tell_pipes(s, WEFT__PIPE_OVER);
    for (connection *c = weft__patience_first(&s->busy), *next; c; c = next) {
        bool in_parts = c->request && c->request->parts.framing;
        next = weft__patience_next(c);
        if (closes_until(s, c)) continue;
        if (c->state == CONNECTION_H2) {
            weft__h2_break(c);
            continue;
        }
        c->left = true;
        if (in_parts) weft__stream_reset(&c->stream);
        else weft__stream_close(&c->stream);
    }
}

/* Answers without an end of their own: whoever listens to them is to come back, to another server. */
static void end_streams(weft__server *s)
{
    for (connection *c = weft__patience_first(&s->idle.line), *next; c; c = next) {
        next = weft__patience_next(c);
        if (c->state == CONNECTION_H2) weft__h2_part(c);         /* it is told in time: nobody has to ask once more for that */
    }
    for (connection *c = weft__patience_first(&s->busy), *next; c; c = next) {
        next = weft__patience_next(c);
        if (c->request && c->request->parts.until_stop) weft__connection_cut(c);
        if (c->state != CONNECTION_H2) continue;
        weft__h2_end_streams(c);
        weft__h2_part(c);
    }
    weft__server_tell_pipes(s, WEFT__PIPE_STOP);
}

static void say_who_hangs(weft__server *s)
{
    for (connection *c = weft__patience_first(&s->busy); c; c = weft__patience_next(c)) {
        weft_str what = c->request ? weft__request_name(c->request) : WEFT_S("a request");
        if (c->state == CONNECTION_H2) {
            weft__h2_say_who_hangs(c);
            continue;
        }
        bool closes = c->request && c->request->x.closes_until_ns;
        weft__log(WEFT_LOG_ERROR, "%.*s still runs after grace_ms and hard_ms; %s ignores its cancel", WEFT_FMT(what),
            closes ? "the close of what it depends on" : "its handler");
    }
}

/* The time for cancelled handlers is over; what is being closed behind one has a deadline of its own, and so has the next close behind that. */
static void end_the_rest(weft__server *s)
{
    for (int64_t until_ns = 1; s->connections && (until_ns || all_close_until(s));) {
        close_others(s);
        until_ns = all_close_until(s);
        drain(s, until_ns ? until_ns : in_ms(s, CLOSED_MS), "closed requests");
    }
}

static int stop_gracefully(weft__server *s)
{
    WEFT_SCOPE(shielded, .shield = true);
    accept_the_last(s);
    stop_listening(s);
    if (!s->patient) close_waiting(s);
    end_streams(s);
    drain_gracefully(s);
    if (s->patient) close_waiting(s);
    if (!s->connections) return 0;
    weft_cancel(&s->scope);
    drain(s, in_ms(s, s->opts.hard_ms), "cancelled requests");
    end_the_rest(s);
    if (!s->connections) return 0;
    say_who_hangs(s);
    return WEFT_ETIMEDOUT;
}

int weft__server_run(weft__server *s)
{
    s->scope = (weft_scope){ .opts = { .forget = true }, .place = "the server" };
    weft_scope *scope = weft__scope_enter(&s->scope);
    s->scope_entered = true;
    weft__loop_hook_last(s->loop, &s->flush);
    s->runner = weft__self();
    int rc = watch_ports(s);
    while (rc == 0 && !s->stopping) rc = weft__park("requests", INT64_MAX);
    s->stopping = true;
    int stopped = stop_gracefully(s);
    weft__loop_unhook(s->loop, &s->flush);
    s->runner = NULL;
    if (stopped < 0) {
        /* What hangs in it cannot be left: it stays entered, and what is around it may be gone
         * before it. */
        weft_scope_shield(&s->scope, true);
        return stopped;
    }
    weft__ws_server_over(&s->scope);
    weft__scope_leave(&scope);
    s->scope_entered = false;
    return rc < 0 && rc != WEFT_ECANCELED ? rc : 0;
}

void weft__server_unready(weft__server *s) { s->unready = true; }

void weft__server_retire(weft__server *s)
{
    if (!s->stopping) s->patient = true;
    weft__server_stop(s);
}

void weft__server_unretire(weft__server *s)
{
    if (!s->patient || !s->runner) return;
    s->patient = false;
    close_waiting(s);
    weft__wake(s->runner, 0);
}

void weft__server_stop(weft__server *s)
{
    if (s->stopping) s->hurry = true;
    s->stopping = true;
    if (s->runner) weft__wake(s->runner, 0);
}

void weft__server_free(weft__server *s)
{
    if (!s) return;
    stop_listening(s);
    weft__listened_end(weft__loop_os(s->loop), &s->listened);
    weft__timer_stop(s->loop, &s->idle.line.timer);
    weft__timer_stop(s->loop, &s->heads.line.timer);
    weft__timer_stop(s->loop, &s->slow_heads.line.timer);
    weft__timer_stop(s->loop, &s->lingers.line.timer);
    if (s->front) weft__timer_stop(s->loop, &s->front->timer);
    if (s->scope_entered) return; /* what hangs still has its connection and its scope in there */
    weft__server_drop_pieces(s);
    while (s->inbufs) {
        inbuf *in = s->inbufs;
        s->inbufs = in->next;
        WEFT__UNPOISON(in->bytes, in->room);
        weft__free(in);
    }
    weft__front_close(s);
    weft__buf_free(&s->spare_out);
    weft__buf_free(&s->scratch);
    weft__server_free_streams(s);
    weft__tls_server_free(s->tls);
    weft__free(s);
}
