/* A client's WebSocket over HTTP/2: a lane that was opened by an extended CONNECT, as a pipe. Its owner is told from the loop's own stack when
 * nghttp2 is not at work, and may end his own lane there. RFC 8441 */
#include <errno.h>
#include <string.h>
#include "http/client.h"
#include "http/link.h"

enum {
    OUT_MAX = 16 * 1024,             /* gathered for a server that takes nothing; the rest stays with its owner */
    ROOM_KEPT = 4096,                /* by one that is idle */
    PART_MS = 5000,                  /* from our end until the server's: then it is reset */
    SILENT_MS = 1000
};

static weft__lane *of(weft__pipe *p) { return (weft__lane *)(void *)((char *)p - offsetof(weft__lane, pipe)); }
static const weft__lane *looked_at(const weft__pipe *p) { return (const weft__lane *)(const void *)((const char *)p - offsetof(weft__lane, pipe)); }

static size_t there(const weft__lane *l) { return l->in.len - l->in_at; }
static bool is_open(const weft__lane *l) { return !l->failed && !l->closed && !l->link->lost; }

/* ---- the request ---- */

/* k outlives the wait: a lane on it is ours. */
int weft__lane_connects(weft__lane *l, int64_t deadline_ns)
{
    const weft__link *k = l->link;
    int rc = weft__checkpoint();
    while (rc >= 0 && !k->greeted && !k->lost) {
        l->reader = weft__self();
        rc = weft__park("a server's SETTINGS", deadline_ns);
        l->reader = NULL;
    }
    if (rc < 0) return rc;
    return k->lost ? WEFT_ECONNRESET : weft__link_connects(k);
}

int weft__lane_connect(weft__lane *l, weft_str head)
{
    l->connects = true;
    l->asked_ns = weft__loop_now(l->link->client->loop);
    return weft__lane_send(l, head, (weft_str){ 0 }, true);
}

/* A connection that has carried an answer may have been closed before it was asked this. */
bool weft__lane_unseen(const weft__lane *l) { return l->refused || (l->link->lost && l->conn.used && !l->heads); }

bool weft__lane_wants_http1(const weft__lane *l) { return l->closed && !l->heads && l->code == NGHTTP2_HTTP_1_1_REQUIRED; }

/* ---- what the owner calls ---- */

static void took(weft__lane *l, size_t n)
{
    weft__link *k = l->link;
    l->in_at += n;
    if (n > l->in_held) n = l->in_held;
    l->in_held -= n;
    if (n && is_open(l)) (void)nghttp2_session_consume_stream(k->session, l->id, n);
    if (n && is_open(l)) weft__link_mark(k);
    if (there(l)) return;
    if (l->in.room > ROOM_KEPT) weft__buf_free(&l->in);
    weft__buf_clear(&l->in);
    l->in_at = 0;
}

static ssize_t try_recv(weft__pipe *p, void *to, size_t n)
{
    weft__lane *l = of(p);
    if (n > there(l)) n = there(l);
    if (!n) return l->ended ? 0 : is_open(l) ? -EAGAIN : -ECONNRESET;
    memcpy(to, l->in.ptr + l->in_at, n);
    took(l, n);
    return (ssize_t)n;
}

static int add(weft__lane *l, const void *bytes, size_t n)
{
    weft__buf *out = &l->out;
    size_t left = l->lent.len;
    if (left && left < out->len) memmove(out->ptr, out->ptr + (out->len - left), left);
    out->len = left;
    weft__buf_add(out, bytes, n);
    l->lent = (weft_str){ out->ptr, out->len };
    return out->failed;
}

static ssize_t try_send(weft__pipe *p, const struct iovec *iov, int n)
{
    weft__lane *l = of(p);
    size_t room = l->lent.len < OUT_MAX ? OUT_MAX - l->lent.len : 0, went = 0;
    if (!is_open(l)) return -ECONNRESET;
    for (int i = 0; i < n && room; i++) {
        size_t most = iov[i].iov_len < room ? iov[i].iov_len : room;
        if (most && add(l, iov[i].iov_base, most) < 0) {     /* no edge would tell of room again: it ends, which one does */
            weft__lane_fail(l);
            return -ECONNRESET;
        }
        went += most;
        room -= most;
    }
    l->pipe_full = !room;
    if (went) weft__lane_go_on(l);
    return (ssize_t)went;
}

/* A frame took the last of it. */
void weft__lane_sent(weft__lane *l)
{
    if (l->out.room > ROOM_KEPT) weft__buf_free(&l->out);
    weft__buf_clear(&l->out);
    l->lent = (weft_str){ 0 };
    if (l->pipe_full) weft__lane_tell(l, WEFT__OUT);
}

static bool may_read(const weft__pipe *p) { return there(looked_at(p)) || looked_at(p)->ended || !is_open(looked_at(p)); }
static bool hup(const weft__pipe *p) { return looked_at(p)->ended || !is_open(looked_at(p)); }
static void push(weft__pipe *p) { weft__link_push(of(p)->link); }
static const char *how(const weft__pipe *p) { return looked_at(p)->failed ? weft__lane_how(looked_at(p)) : NULL; }

/* ---- its end ---- */

static void forget(weft__lane *l)
{
    weft__lane **at = &l->link->to_tell;
    while (*at && *at != l) at = &(*at)->told_next;
    if (*at) *at = l->told_next;
    l->events = 0;
}

/* Whoever waited for its server in vain, when nothing else came either: the connection may be dead, and takes no more lanes until something
 * comes; with nobody left on it, it is closed (weft__link_settle). Else those who connect anew would do so on it, until the kernel gives it up. */
void weft__lane_doubt(weft__lane *l)
{
    weft__link *k = l->link;
    int64_t since_ns = l->asked_ns > k->heard_ns ? l->asked_ns : k->heard_ns;    /* it may be quiet for long for want of anything to say */
    k->silent |= weft__loop_now(k->client->loop) - since_ns >= SILENT_MS * INT64_C(1000000);
}

/* What was sent goes, as the server's window has room for it, and the end behind it. */
static void part(weft__lane *l)
{
    weft__client *client = l->link->client;
    l->out_last = l->parts = l->in_line = true;
    weft__lane_go_on(l);
    if (weft__line_add(client->loop, &client->parting, &l->due, PART_MS)) return;
    weft__lane_part_stop(l);
    weft__lane_reset(l, NGHTTP2_CANCEL);
}

void weft__lane_part_stop(weft__lane *l)
{
    if (l->in_line) weft__line_remove(&l->link->client->parting, &l->due);
    l->in_line = false;
}

void weft__lanes_parted(weft__timer *t)
{
    weft__client *client = (weft__client *)((char *)t - offsetof(weft__client, parting.timer));
    weft__line *line = &client->parting;
    line->runs = false;
    while (line->first && line->first->at_ns <= weft__loop_now(client->loop)) {
        weft__lane *l = (weft__lane *)(void *)((char *)line->first - offsetof(weft__lane, due));
        weft__link *k = l->link;
        weft__lane_part_stop(l);
        k->busy = true;              /* it may be lost on the way */
        weft__lane_reset(l, NGHTTP2_CANCEL);
        k->busy = false;
        weft__link_settle(k);
    }
    if (line->first) weft__line_again(client->loop, line, line->first->at_ns);
}

/* The link may be lost on the way, and this lane with it. */
static void leave(weft__lane *l, bool ends)
{
    weft__link *k = l->link;
    bool before = k->busy;
    k->busy = true;
    forget(l);
    weft__buf_free(&l->in);
    l->in_at = l->in_held = 0;
    l->given_back = true;
    if (is_open(l) && ends) part(l);
    else if (is_open(l)) weft__lane_reset(l, NGHTTP2_CANCEL);
    if (!ends) weft__lane_doubt(l);
    k->busy = before;
    if (l->closed || k->lost) weft__lane_free(l);
    weft__link_settle(k);
}

static void end(weft__pipe *p) { leave(of(p), true); }
static void reset(weft__pipe *p) { leave(of(p), false); }

/* ---- what the owner is told ---- */

void weft__lane_tell(weft__lane *l, uint32_t events)
{
    weft__link *k = l->link;
    if (l->given_back) return;
    if (!l->events) {
        l->told_next = k->to_tell;
        k->to_tell = l;
    }
    l->events |= events;
    if (!k->hears) weft__link_soon(k);
}

void weft__lanes_told(weft__link *k)
{
    for (weft__lane *l; (l = k->to_tell);) {
        uint32_t events = l->events;
        k->to_tell = l->told_next;
        l->events = 0;
        if (events & WEFT__OUT) l->pipe_full = false;
        if (l->pipe.edge) l->pipe.edge(l->pipe.owner, events);
    }
}

void weft__lanes_over(weft__link *k)
{
    for (weft__lane *l = k->first, *next; l; l = next) {
        next = l->next;
        if (l->piped && !l->given_back && l->pipe.edge) l->pipe.edge(l->pipe.owner, WEFT__PIPE_OVER);
    }
}

/* ---- its beginning ---- */

static const weft__pipe_ops ops = { try_recv, try_send, may_read, hup, end, reset, push, how };

weft__pipe *weft__lane_pipe(weft__lane *l)
{
    weft__link *k = l->link;
    l->conn.holder = NULL;           /* it may outlive that task */
    weft__buf_free(&l->head);
    if (l->in_held && !k->lost) (void)nghttp2_session_consume_connection(k->session, l->in_held);
    l->piped = true;
    l->pipe = (weft__pipe){ .ops = &ops };
    weft__link_mark(k);
    return &l->pipe;
}
