/* A connection with TLS: its handshake, reading, writing, its end. All of OpenSSL's work is done on the loop's own stack. */
#include <errno.h>
#include "base/mem.h"
#include "io/tls_inside.h"

enum { AT_ONCE = 4, ROUNDS = 4 };    /* records that go out in one send; sends in one call */
enum { EMPTY_MAX = 64 };             /* records in a row that hold nothing for who reads: changes of keys, tickets, no bytes */

typedef struct operation {
    weft__stream *s;
    weft__tls *t;
    weft__tls_desk *desk;
    size_t wanted;                   /* plain bytes */
} operation;

static weft__os *os_of(const operation *o) { return weft__loop_os(o->s->loop); }

/* ---- between two calls a connection has what is left over, in memory of its own size ---- */

static void bring(operation *o)
{
    weft__tls_desk *d = o->desk;
    d->in_at = d->in_ready = d->out_len = 0;
    d->in_len = o->t->in_len;
    if (!o->t->in_len) return;
    memcpy(d->in, o->t->in, o->t->in_len);
    o->t->in_len = 0;
    d->in_ready = (uint32_t)weft__tls_whole(d->in, d->in_len);
}

static bool keep(char **bytes, uint32_t *room, uint32_t len, const char *from, size_t n)
{
    if (len + n > *room) {
        char *more = weft__realloc(*bytes, len + n);
        if (!more) return false;
        *bytes = more;
        *room = len + (uint32_t)n;
    }
    memcpy(*bytes + len, from, n);
    return true;
}

static void drop(char **bytes, uint32_t *room)
{
    if (!*bytes) return;
    weft__free(*bytes);
    *bytes = NULL;
    *room = 0;
}

static void no_memory(weft__tls *t)
{
    if (!t->failure) t->failure = WEFT_ENOMEM;
    t->send_failure = WEFT_ENOMEM;
}

/* Is there anything that a try to send would tell, or bring on? Who failed at reading alone waits for room as before: its writer
 * would go round and round, and nobody else had a turn. */
static bool writable(const weft__tls *t)
{
    return t->send_failure || (t->shaking ? t->failure != 0 : !t->full);
}

static void take_away(operation *o)
{
    weft__tls_desk *d = o->desk;
    weft__tls *t = o->t;
    uint32_t left = d->in_len - d->in_at;
    if (left && keep(&t->in, &t->in_room, 0, d->in + d->in_at, left)) t->in_len = left;
    else if (left) no_memory(t);
    if (!t->in_len) drop(&t->in, &t->in_room);
    bool readable = d->in_ready > d->in_at || SSL_pending(t->ssl) > 0;
    o->s->may_read = readable || !t->drained || t->eof || t->ended || t->failure;
    o->s->may_write = writable(t);
}

/* ---- sending what is encrypted ---- */

/* 0: all of it; -EAGAIN; or a code. */
static int push(operation *o, const char *bytes, uint32_t *at, uint32_t len)
{
    while (*at < len) {
        struct iovec iov = { (char *)(uintptr_t)bytes + *at, len - *at };
        ssize_t went = os_of(o)->ops->send(os_of(o), o->s->fd, &iov, 1);
        if (went == -EAGAIN) o->t->full = true;
        if (went < 0) return (int)went;
        *at += (uint32_t)went;
    }
    return 0;
}

static int flush_old(operation *o)
{
    weft__tls *t = o->t;
    if (!t->out_len) return 0;
    if (t->full) return -EAGAIN;
    int rc = push(o, t->out, &t->out_at, t->out_len);
    if (rc == -EAGAIN) return rc;
    t->out_at = t->out_len = 0;
    drop(&t->out, &t->out_room);
    return rc;
}

/* What was left before, then what lies on the desk; what the socket does not take is kept. */
static int flush(operation *o)
{
    weft__tls *t = o->t;
    weft__tls_desk *d = o->desk;
    uint32_t at = 0;
    int rc = t->send_failure ? t->send_failure : flush_old(o);
    if (rc == 0 && d->out_len) rc = t->full ? -EAGAIN : push(o, d->out, &at, d->out_len);
    if (rc == -EAGAIN && at < d->out_len) {
        if (keep(&t->out, &t->out_room, t->out_len, d->out + at, d->out_len - at)) t->out_len += d->out_len - at;
        else no_memory(t);
    }
    d->out_len = 0;
    if (rc < 0 && rc != -EAGAIN && !t->send_failure) t->send_failure = rc;
    return rc;
}

/* ---- receiving what is encrypted ---- */

/* Who speaks another protocol is known by the first byte, and the second: a handshake or, of a server, an alert; version 3. */
static bool is_tls(const weft__tls *t, const char *bytes, size_t n)
{
    return (bytes[0] == 22 || (!t->server && bytes[0] == 21)) && (n < 2 || bytes[1] == 3);
}

static int look_at_first(weft__tls *t, const char *bytes, size_t n)
{
    if (!t->any) t->first = bytes[0];
    t->any = true;
    if (is_tls(t, bytes, n)) return 0;
    return weft__tls_fail(t, WEFT_ETLS_NONE, t->server ? "what came is no TLS" : "the server does not speak TLS on this port");
}

static int past_the_end(weft__tls *t)
{
    if (!t->shaking)
        return weft__tls_fail(t, WEFT_ECONNRESET, "connection broken off by the peer: it ended without the end that TLS asks for, so what came may not be all");
    return weft__tls_fail(t, WEFT_ETLS_CUT, "the peer ended the connection in the middle of the TLS handshake");
}

/* More bytes: 1 when a record is whole, -EAGAIN, or a code. */
static int fill(operation *o)
{
    weft__tls *t = o->t;
    weft__tls_desk *d = o->desk;
    for (;;) {
        if (t->eof) return past_the_end(t);
        if (t->drained) return -EAGAIN;
        memmove(d->in, d->in + d->in_at, d->in_len - d->in_at);
        d->in_len -= d->in_at;
        d->in_at = 0;
        size_t room = sizeof d->in - d->in_len, most = o->wanted + 512 > 4096 ? o->wanted + 512 : 4096;
        if (room > most) room = most;
        ssize_t got = os_of(o)->ops->recv(os_of(o), o->s->fd, d->in + d->in_len, room);
        if (got == -EAGAIN || (got > 0 && (size_t)got < room && !o->s->hup)) t->drained = true;
        if (got == 0) t->eof = true;
        if (got < 0 && got != -EAGAIN) return t->failure = t->shaking && got == WEFT_ECONNRESET ? past_the_end(t) : (int)got;
        if (got <= 0) continue;
        d->in_len += (uint32_t)got;
        if (!t->begun || !t->any) {
            int rc = look_at_first(t, d->in, d->in_len);
            if (rc < 0) return rc;
        }
        d->in_ready = (uint32_t)weft__tls_whole(d->in, d->in_len);
        if (d->in_ready) return 1;
    }
}

static bool has_record(const operation *o) { return o->desk->in_ready > o->desk->in_at; }

/* ---- the handshake ---- */

/* OpenSSL is called when a record is whole, and not before; a client begins. */
static int shake_once(operation *o)
{
    weft__tls *t = o->t;
    if (!has_record(o) && !t->stuck && (t->server || t->begun)) {
        int rc = fill(o);
        if (rc <= 0) return rc;
    }
    t->begun = true;
    t->stuck = false;
    ERR_clear_error();
    int done = SSL_do_handshake(t->ssl), what = SSL_get_error(t->ssl, done);
    bool bad = done != 1 && what != SSL_ERROR_WANT_READ && what != SSL_ERROR_WANT_WRITE;
    int failure = bad ? weft__tls_failed(t) : 0;
    int rc = flush(o);                               /* also the alert that tells the peer why */
    if (failure) return failure;
    if (rc < 0 && rc != -EAGAIN) return t->failure = rc == -EPIPE || rc == WEFT_ECONNRESET ? past_the_end(t) : rc;
    t->shaking = done != 1;
    if (!t->shaking && o->s->writer) weft__wake(o->s->writer, 0);
    if (what != SSL_ERROR_WANT_WRITE) return t->shaking;
    t->stuck = true;
    return rc < 0 ? rc : 1;
}

static int shake(operation *o)
{
    int rc = 1;
    while (o->t->shaking && rc > 0) rc = shake_once(o);
    return rc < 0 ? rc : 0;
}

/* ---- reading ---- */

/* Each costs more than it took to send, and no reader gets a turn meanwhile. */
static ssize_t read_nothing(weft__tls *t)
{
    if (t->ended || ++t->empty <= EMPTY_MAX) return 0;
    return weft__tls_fail(t, WEFT_ETLS, "the peer sends records of TLS without any data, %d in a row", EMPTY_MAX);
}

/* One record, or the rest of one: bytes, 0 when it held none, or a code. */
static ssize_t read_record(operation *o, char *to, size_t n)
{
    weft__tls *t = o->t;
    size_t got = 0;
    ERR_clear_error();
    if (SSL_read_ex(t->ssl, to, n, &got)) {
        t->empty = 0;
        return (ssize_t)got;
    }
    switch (SSL_get_error(t->ssl, 0)) {
    case SSL_ERROR_WANT_READ: return read_nothing(t);
    case SSL_ERROR_WANT_WRITE: return flush(o) == 0 ? 0 : -EAGAIN;
    case SSL_ERROR_ZERO_RETURN: t->ended = true; return 0;
    default: return weft__tls_failed(t);
    }
}

static ssize_t read_all(operation *o, char *to, size_t n)
{
    weft__tls *t = o->t;
    size_t have = 0;
    ssize_t rc = 1;
    while (have < n && !t->ended) {
        rc = has_record(o) || SSL_pending(t->ssl) ? 1 : fill(o);
        if (rc > 0) rc = read_record(o, to + have, n - have);
        if (rc < 0) break;
        have += (size_t)rc;
    }
    if (have) return (ssize_t)have;
    return t->ended ? 0 : rc;
}

typedef struct reading { operation o; char *to; ssize_t got; } reading;

static int read_leaf(void *arg)
{
    reading *r = arg;
    weft__tls *t = r->o.t;
    bring(&r->o);
    int rc = shake(&r->o);
    r->got = rc < 0 ? rc : t->failure ? t->failure : read_all(&r->o, r->to, r->o.wanted);
    if (r->o.desk->out_len) (void)flush(&r->o);      /* an alert, or an answer to a change of keys */
    take_away(&r->o);
    return 0;
}

ssize_t weft__tls_recv(weft__stream *s, void *to, size_t n)
{
    weft__tls *t = s->tls;
    if (t->failure) return t->failure;
    if (t->ended) return 0;
    reading r = { .o = { s, t, weft__tls_desk_of(s->loop), n }, .to = to };
    (void)weft__leaf(read_leaf, &r);
    return r.got;
}

/* ---- writing ---- */

/* At which piece and where in it the plain bytes go on. */
typedef struct pieces { const struct iovec *at; int left; size_t used; } pieces;

static void pass(pieces *p, size_t n)
{
    while (p->left && n >= p->at->iov_len - p->used) {
        n -= p->at->iov_len - p->used;
        p->at++;
        p->left--;
        p->used = 0;
    }
    p->used += n;
}

/* What goes into one record: small pieces side by side, a large one from where it lies. */
static weft_str next_piece(pieces p, char stage[WEFT__TLS_RECORD])
{
    size_t n = 0;
    if (p.left && p.at->iov_len - p.used >= WEFT__TLS_RECORD) return (weft_str){ (char *)p.at->iov_base + p.used, WEFT__TLS_RECORD };
    while (p.left && n < WEFT__TLS_RECORD) {
        size_t part = p.at->iov_len - p.used;
        if (part > WEFT__TLS_RECORD - n) part = WEFT__TLS_RECORD - n;
        if (part) memcpy(stage + n, (char *)p.at->iov_base + p.used, part);
        n += part;
        pass(&p, part);
    }
    return (weft_str){ stage, n };
}

/* Encrypts some records: how many plain bytes, or a code. */
static ssize_t encrypt(operation *o, pieces *p)
{
    size_t done = 0;
    for (int i = 0; i < AT_ONCE && p->left; i++) {
        weft_str piece = next_piece(*p, o->desk->stage);
        size_t went = 0;
        if (!piece.len) break;
        ERR_clear_error();
        if (!SSL_write_ex(o->t->ssl, piece.ptr, piece.len, &went)) {
            int what = SSL_get_error(o->t->ssl, 0);
            if (what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE) break;
            return o->t->send_failure = weft__tls_failed(o->t);
        }
        done += went;
        pass(p, went);
    }
    return (ssize_t)done;
}

typedef struct writing { operation o; pieces pieces; size_t bytes; ssize_t went; } writing;

/* All that has gone is told of; what was encrypted and has not is owed. */
static ssize_t write_all(operation *o, pieces p, size_t bytes)
{
    weft__tls *t = o->t;
    size_t went = 0;
    int rc = flush(o);
    if (rc < 0) return rc == -EAGAIN ? 0 : rc;
    if (t->owed > bytes) return t->send_failure = WEFT_EINVAL;
    went = t->owed;
    pass(&p, t->owed);
    t->owed = 0;
    for (int i = 0; i < ROUNDS && went < bytes; i++) {
        ssize_t n = encrypt(o, &p);
        if (n <= 0) return went ? (ssize_t)went : n;
        rc = flush(o);
        if (rc < 0) {
            t->owed = (uint32_t)n;
            return went || rc == -EAGAIN ? (ssize_t)went : rc;
        }
        went += (size_t)n;
    }
    return (ssize_t)went;
}

static int write_leaf(void *arg)
{
    writing *w = arg;
    bring(&w->o);
    int rc = shake(&w->o);
    if (rc == -EAGAIN) {
        w->o.s->may_write = false;                   /* its edge is whatever brings the handshake on */
        w->went = 0;
    } else {
        w->went = rc < 0 ? rc : write_all(&w->o, w->pieces, w->bytes);
    }
    take_away(&w->o);
    return 0;
}

ssize_t weft__tls_send(weft__stream *s, const struct iovec *iov, int n)
{
    weft__tls *t = s->tls;
    if (t->send_failure) return t->send_failure;
    if (t->shaking && t->failure) return t->failure;
    if (!t->shaking && t->full) return 0;
    writing w = { .o = { s, t, weft__tls_desk_of(s->loop), WEFT__TLS_RECORD }, .pieces = { iov, n, 0 } };
    for (int i = 0; i < n; i++) w.bytes += iov[i].iov_len;
    (void)weft__leaf(write_leaf, &w);
    return w.went;
}

int weft__tls_shake(weft__stream *s)
{
    writing w = { .o = { s, s->tls, weft__tls_desk_of(s->loop), WEFT__TLS_RECORD } };
    if (!s->tls->shaking) return 0;                  /* whatever became of it since */
    if (s->tls->failure) return s->tls->failure;
    (void)weft__leaf(write_leaf, &w);
    return w.went < 0 ? (int)w.went : s->tls->shaking ? -EAGAIN : 0;
}

/* ---- edges ---- */

/* During a handshake either side may be waited for by whoever waits. */
uint32_t weft__tls_edge(weft__stream *s, uint32_t events)
{
    weft__tls *t = s->tls;
    if (events & (WEFT__IN | WEFT__HUP)) t->drained = false;
    if (events & (WEFT__OUT | WEFT__HUP)) t->full = false;
    if (t->out_len && !t->full && !t->send_failure) {
        operation o = { .s = s, .t = t, .desk = weft__tls_desk_of(s->loop) };
        o.desk->out_len = 0;
        int rc = flush_old(&o);
        if (rc < 0 && rc != -EAGAIN) t->send_failure = rc;
        if (rc == 0 && t->ends) (void)os_of(&o)->ops->shutdown(os_of(&o), s->fd);
    }
    if (t->shaking) s->may_read = true;
    s->may_write = writable(t);
    return t->shaking ? events | WEFT__IN : events;
}

void weft__tls_look(weft__tls *t) { t->drained = false; }

/* ---- the end ---- */

static int say_end(void *arg)
{
    operation *o = arg;
    o->desk->out_len = 0;
    ERR_clear_error();
    (void)SSL_shutdown(o->t->ssl);
    ERR_clear_error();
    return flush(o);
}

int weft__tls_shutdown(weft__stream *s)
{
    weft__tls *t = s->tls;
    weft__os *os = weft__loop_os(s->loop);
    operation o = { .s = s, .t = t, .desk = weft__tls_desk_of(s->loop) };
    int rc = t->shaking || t->send_failure || t->owed ? 0 : weft__leaf(say_end, &o);
    t->ends = rc == -EAGAIN;
    return t->ends ? 0 : os->ops->shutdown(os, s->fd);
}

bool weft__tls_close(weft__stream *s, int fd, bool breaks)
{
    weft__tls *t = s->tls;
    operation o = { .s = s, .t = t, .desk = weft__tls_desk_now(s->loop) };
    s->fd = fd;
    bool says = o.desk && !breaks && !t->shaking && !t->send_failure && !t->owed && !t->failure;
    bool waits = says && weft__leaf(say_end, &o) == -EAGAIN;
    bool taken = waits && t->out_len > t->out_at && weft__tls_parting_begin(o.desk, fd, t->out + t->out_at, t->out_len - t->out_at);
    s->fd = -1;
    s->tls = NULL;
    SSL_free(t->ssl);
    ERR_clear_error();
    weft__tls_set_drop(t->set);
    weft__free(t->in);
    weft__free(t->out);
    weft__free(t->why);
    weft__free(t);
    return taken;
}

/* ---- the beginning ---- */

/* Where time is virtual, certificates live in it, too. */
static void set_time(weft__tls *t)
{
    weft__os *os = weft__loop_os(t->loop);
    X509_VERIFY_PARAM_set_time(SSL_get0_param(t->ssl), os->ops->wall_us(os) / 1000000);
}

weft__tls *weft__tls_new(weft__stream *s, weft__tls_set *set, bool server)
{
    weft__tls *t = weft__tls_desk_of(s->loop) ? weft__calloc(sizeof *t) : NULL;
    if (!t) return NULL;
    ERR_clear_error();
    t->ssl = SSL_new(set->ctx);
    BIO *bio = t->ssl && SSL_set_app_data(t->ssl, t) ? weft__tls_bio(t) : NULL;      /* its callbacks look for t */
    if (!bio) {
        SSL_free(t->ssl);
        ERR_clear_error();
        weft__free(t);
        return NULL;
    }
    SSL_set_bio(t->ssl, bio, bio);
    if (server) SSL_set_accept_state(t->ssl);
    else SSL_set_connect_state(t->ssl);
    t->loop = s->loop;
    t->set = set;
    set->refs++;
    t->server = server;
    t->shaking = true;
    set_time(t);
    return t;
}

bool weft__tls_shaking(const weft__tls *t) { return t->shaking; }

const char *weft__tls_why(const weft__stream *s) { return s->tls && s->tls->why ? s->tls->why : ""; }

int weft__tls_begin_with(weft__stream *s, weft_str came)
{
    weft__tls *t = s->tls;
    if (came.len > WEFT__TLS_IN) return WEFT_ELIMIT;
    if (!came.len) return 0;
    s->may_read = true;
    if (look_at_first(t, came.ptr, came.len) < 0) return 0;          /* the first read tells it */
    if (!keep(&t->in, &t->in_room, 0, came.ptr, came.len)) return WEFT_ENOMEM;
    t->in_len = (uint32_t)came.len;
    return 0;
}

bool weft__tls_give_up(weft__stream *s)
{
    weft__tls *t = s->tls;
    if (!t || !t->server || t->begun || t->failure != WEFT_ETLS_NONE || t->first < 'A' || t->first > 'Z') return false;
    int fd = s->fd;
    (void)weft__tls_close(s, fd, true);
    s->fd = fd;
    s->may_read = s->may_write = true;
    return true;
}

weft_str weft__tls_alpn(const weft__tls *t)
{
    const unsigned char *name = NULL;
    unsigned len = 0;
    SSL_get0_alpn_selected(t->ssl, &name, &len);
    return (weft_str){ name ? (const char *)name : "", len };
}
