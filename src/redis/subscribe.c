/* Messages: a connection that says what it is subscribed to, read by whoever asks for the next one. There is no queue here: what is not asked for
 * stays in the socket, and then in the server, which has a limit of its own. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include "base/mem.h"
#include "redis/inside.h"

enum { CHANNELS_MAX = 1000, QUIET_MS = 15000, ANSWER_MS = 5000, MS = 1000000 };
static const char LOST_WHILE[] = "lost while it subscribed";

struct weft_redis_sub {
    weft_redis *root;
    weft__rnode *node;
    weft__rholder holder;            /* its connection, while there is one */
    weft__buf command;               /* SUBSCRIBE with its channels, as it is sent */
    uint32_t channels;
    const char *place;
    weft__buf in;                    /* what came: the message given last, and from `at` on what is to be looked at */
    size_t at;
    int64_t there_ns, not_before_ns; /* since when it is subscribed; when it may be again */
    int short_lived;                 /* connections in a row that were lost soon */
    weft_scope *again;               /* around the reader while it connects anew: who ends that cancels it */
    weft_redis_sub *next;            /* of those that do */
    bool taken;                      /* a connection is held */
    bool reading, over;
    bool freed;                      /* its block has ended under its reader, who frees it */
    bool pinged;                     /* and nothing has come since */
};

/* ---- bytes ---- */

/* The stream is the reader's from here on: nothing is fed on the loop's stack. */
static int send_all(weft_redis_sub *s, weft_str bytes)
{
    weft__rconn *c = s->holder.conn;
    return weft__stream_send(&c->stream, &(struct iovec){ (char *)(uintptr_t)bytes.ptr, bytes.len }, 1, ANSWER_MS * (int64_t)MS);
}

static void forget_taken(weft_redis_sub *s)
{
    memmove(s->in.ptr, s->in.ptr + s->at, s->in.len - s->at);
    s->in.len -= s->at;
    s->at = 0;
}

/* More of what comes: 1; WEFT_ETIMEDOUT: nothing in time, from now on or until the deadline; other codes are a loss, but WEFT_ENOMEM. */
static int fill(weft_redis_sub *s, int64_t deadline_ns)
{
    weft__rconn *c = s->holder.conn;
    int64_t quiet_ns = weft__redis_until(s->root, s->pinged ? ANSWER_MS : QUIET_MS);
    if (s->at) forget_taken(s);
    if (s->in.len > s->root->opts.reply_bytes_max) return WEFT_ELIMIT;
    char *to = weft__buf_reserve(&s->in, 4096);
    int failed = s->in.failed;
    s->in.failed = 0;                                /* what has come stays: whoever asks again may have memory */
    if (!to) return failed;
    ssize_t n = weft__stream_recv(&c->stream, to, s->in.room - s->in.len, quiet_ns < deadline_ns ? quiet_ns : deadline_ns);
    if (n > 0) s->in.len += (size_t)n;
    if (n > 0) s->pinged = false;
    return n > 0 ? 1 : n == 0 ? WEFT_ECONNRESET : (int)n;
}

/* The next whole value: 1, and it is what *out has. What was looked at is looked at again when more of it has come: messages are short, and a
 * long one doubles the buffer each time. */
static int next_value(weft_redis_sub *s, int64_t deadline_ns, weft_str *out)
{
    weft__resp_scan scan = { 0 };
    size_t seen = 0, used = 0;
    const char *fault;
    for (;;) {
        size_t n = s->in.len - s->at - seen;
        int rc = n ? weft__resp_scan_on(&scan, s->in.ptr + s->at + seen, n, &used, &fault) : 0;
        if (rc < 0) return WEFT_EPROTO;
        seen += n ? used : 0;
        if (rc == 1) break;
        rc = fill(s, deadline_ns);
        if (rc < 0) return rc;
    }
    *out = (weft_str){ s->in.ptr + s->at, seen };
    s->at += seen;
    return 1;
}

/* ---- messages ---- */

typedef struct said { weft_str words[4]; uint32_t count; } said;

/* A list or push of texts and numbers; of a number the word is empty. */
static bool read_said(weft_str raw, said *out)
{
    weft__resp step;
    const char *fault;
    *out = (said){ 0 };
    if (weft__resp_next(&raw, &step, &fault) < 0 || step.kind != WEFT__RESP_LIST || !step.count || step.count > weft_count(out->words)) return false;
    for (uint32_t left = step.count; left; left--) {
        if (weft__resp_next(&raw, &step, &fault) < 0 || step.kind >= WEFT__RESP_ERROR) return false;
        out->words[out->count++] = step.kind == WEFT__RESP_TEXT ? step.s : (weft_str){ "", 0 };
    }
    return true;
}

static bool is(const said *m, const char *kind, uint32_t count) { return m->count == count && weft_str_equal(m->words[0], weft_str_of(kind)); }

/* Texts end in NUL: the byte behind each is its line's end, which is read no more. */
static weft_str ended(weft_str s)
{
    if (s.len) ((char *)(uintptr_t)s.ptr)[s.len] = 0;
    return s.len ? s : WEFT_S("");
}

static bool to_message(const said *m, weft_redis_message *out)
{
    bool plain = is(m, "message", 3), pattern = is(m, "pmessage", 4);
    if (!plain && !pattern) return false;
    *out = (weft_redis_message){ .channel = ended(m->words[pattern ? 2 : 1]), .pattern = pattern ? ended(m->words[1]) : WEFT_S(""), .text = ended(m->words[pattern ? 3 : 2]) };
    return true;
}

/* ---- subscribing ---- */

static void let_go(weft_redis_sub *s)
{
    if (!s->taken) return;
    s->taken = false;
    weft__rnode_give_back(s->node, &s->holder, false);
    s->at = 0;
    weft__buf_free(&s->in);
}

static bool confirms(const said *m) { return is(m, "subscribe", 3) || is(m, "psubscribe", 3); }

/* Until the server has confirmed all of them. A message may come before the last is: it waits in the buffer no longer than that, so it is
 * given up, which is told as a gap the second time. */
static int confirm(weft_redis_sub *s, int64_t deadline_ns)
{
    weft_str raw, words;
    said m;
    for (uint32_t confirmed = 0; confirmed < s->channels;) {
        int rc = next_value(s, deadline_ns, &raw);
        if (rc < 0) return rc;
        if (weft__reply_error(raw, &words))
            return weft__redis_said_no(s->root, &(weft_redis_command){ .text = "SUBSCRIBE", .place = s->place }, words);
        if (!read_said(raw, &m)) return WEFT_EPROTO;
        confirmed += confirms(&m);
    }
    return 0;
}

/* The server that it is of is not forgotten meanwhile; NULL: of none. */
static void sit_at(weft_redis_sub *s, weft__rnode *node)
{
    if (node) node->users++;
    if (s->node) s->node->users--;
    s->node = node;
}

static int subscribe(weft_redis_sub *s)
{
    sit_at(s, weft__cluster_route(s->root, WEFT__SLOT_ANY));
    int rc = weft__rnode_own(s->node, &s->holder, s->place, "SUBSCRIBE");
    if (rc < 0) return rc;
    s->taken = true;
    weft__rconn *c = s->holder.conn;
    c->stream.idle = NULL;
    weft__timer_stop(s->root->loop, &c->again);      /* nobody but its reader reads it */
    c->scan = (weft__resp_scan){ 0 };
    s->pinged = false;
    rc = send_all(s, weft__buf_str(&s->command));
    if (rc == 0) rc = confirm(s, weft__redis_until(s->root, ANSWER_MS));
    if (rc == 0) s->there_ns = weft__loop_clock(s->root->loop);
    if (rc == 0) return 0;
    let_go(s);
    if (s->over) return rc;                          /* it was closed here: its server is not to blame */
    if (rc == WEFT_EREDIS_DOWN) weft__rnode_down(s->node, LOST_WHILE);     /* it takes connections and no SUBSCRIBE: not at once again */
    if (rc == WEFT_EREDIS || rc == WEFT_EREDIS_DOWN || weft__cancelled()) return rc;
    if (s->root->closing) return weft__redis_closed(s->place, "SUBSCRIBE");
    weft__rnode_down(s->node, LOST_WHILE);
    return weft__rnode_fail_down(s->node, s->place, "SUBSCRIBE");
}

static void sub_free(weft_redis_sub *s)
{
    let_go(s);
    sit_at(s, NULL);
    weft__buf_free(&s->command);
    weft__redis_drop(s->root);
    weft__free(s);
}

static int begin(weft_redis_sub *s, const weft_redis_command *channels)
{
    weft__rwritten written;
    int rc = weft__rwrite(&s->command, channels, NULL, &written);
    if (rc < 0) return rc;
    s->channels = written.words - 1;
    if (!s->channels || s->channels > CHANNELS_MAX)
        return weft__fail(s->place, WEFT_EINVAL, "%u channels to subscribe to; 1 to %d may be: %.*s", s->channels, CHANNELS_MAX, WEFT__REDIS_SHOWN, channels->text);
    if (!(written.known->flags & WEFT__RC_NEVER) || !strcasestr(written.known->name, "SUBSCRIBE") || strcasestr(written.known->name, "UN"))
        return weft__fail(s->place, WEFT_EINVAL, "what subscribes is SUBSCRIBE or PSUBSCRIBE: %.*s", WEFT__REDIS_SHOWN, channels->text);
    return subscribe(s);
}

int weft_redis_subscribe_with(weft_redis *r, weft_redis_sub **out, const weft_redis_command *channels)
{
    int rc = weft__redis_enter(r, channels->place, channels->text);
    if (rc < 0) return rc;
    weft_redis_sub *s = weft__calloc(sizeof *s);
    if (!s) {
        weft__redis_leave(r);
        return weft__fail(channels->place, WEFT_ENOMEM, "no memory for a subscription");
    }
    *s = (weft_redis_sub){ .root = r->root, .place = channels->place ? channels->place : WEFT__HERE };
    weft__buf_init(&s->command, WEFT__REDIS_BYTES_MAX);
    weft__buf_init(&s->in, WEFT__REDIS_BYTES_MAX);
    weft__redis_keep(s->root);
    rc = begin(s, channels);
    weft__redis_leave(r);
    if (rc < 0) sub_free(s);
    else *out = s;
    return rc;
}

/* ---- reading ---- */

/* A connection that has said nothing for long may be gone without a word; a PING is answered, whichever version is spoken. One whose message
 * takes long to come is not silent. */
static int next_or_ping(weft_redis_sub *s, weft_str *raw)
{
    for (;;) {
        int rc = next_value(s, INT64_MAX, raw);
        if (rc != WEFT_ETIMEDOUT || weft__cancelled() || s->pinged) return rc;
        rc = send_all(s, WEFT_S("*1\r\n$4\r\nPING\r\n"));
        if (rc < 0) return rc;
        s->pinged = true;
    }
}

/* For as long as it takes: 0, or the code of a cancel, or what no waiting mends. */
static int keep_trying(weft_redis_sub *s)
{
    for (;;) {
        let_go(s);
        int64_t until_ns = s->node->down_until_ns > s->not_before_ns ? s->node->down_until_ns : s->not_before_ns, left_ns = until_ns - weft__loop_clock(s->root->loop);
        int rc = left_ns > 0 ? weft_sleep_ms(left_ns / MS + 1) : 0;
        if (rc < 0 || s->over || s->root->closing) return rc < 0 ? rc : WEFT_ECLOSED;
        rc = subscribe(s);
        if (rc != WEFT_EREDIS_DOWN && rc != WEFT_EDB_BUSY) return rc;
    }
}

/* A server that confirms each subscription and closes is not asked again and again as fast as it goes: what it confirms has to last. */
static void note_loss(weft_redis_sub *s)
{
    int64_t now_ns = weft__loop_clock(s->root->loop);
    bool lasted = now_ns - s->there_ns >= WEFT__REDIS_RETRY_MS_MAX * (int64_t)MS;
    if (lasted) s->short_lived = 0;
    else s->not_before_ns = now_ns + weft__redis_backoff_ns(s->root, s->short_lived++);
}

/* There may be no connection yet to close under it, wherever it waits: so it is cancelled by whoever ends the subscription. */
static int subscribe_again(weft_redis_sub *s)
{
    weft_redis_sub **at = &s->root->again;
    WEFT_SCOPE(again);
    s->again = again;
    s->next = *at;
    *at = s;
    int rc = keep_trying(s);
    while (*at != s) at = &(*at)->next;
    *at = s->next;
    s->again = NULL;
    return rc;
}

void weft__redis_subs_close(weft_redis *root)
{
    for (weft_redis_sub *s = root->again; s; s = s->next) weft_cancel(s->again);
}

static int read_one(weft_redis_sub *s, weft_redis_message *out)
{
    weft_str raw;
    said m;
    int rc = s->taken ? next_or_ping(s, &raw) : WEFT_ECONNRESET;
    if (s->over || s->root->closing) return 0;
    if (rc == 1) return read_said(raw, &m) && to_message(&m, out) ? 1 : 2;
    if (rc == WEFT_ENOMEM || weft__cancelled()) return rc;
    if (s->taken) note_loss(s);
    rc = subscribe_again(s);
    if (s->over || s->root->closing) return 0;
    if (rc < 0) return rc;
    *out = (weft_redis_message){ .channel = WEFT_S(""), .pattern = WEFT_S(""), .text = WEFT_S(""), .gap = true };
    return 1;
}

int weft_redis_next(weft_redis_sub *s, weft_redis_message *out)
{
    if (!weft__self()) return weft__no_task("weft_redis_next");
    if (!s) return weft_fail(WEFT_EINVAL, "weft_redis_next of NULL");
    if (s->reading) return weft_fail(WEFT_EBUSY, "weft_redis_next: another task waits for the next message");
    if (s->over || s->root->closing) return 0;
    s->reading = true;
    int rc;
    do rc = read_one(s, out);
    while (rc == 2);
    s->reading = false;
    if (s->freed) sub_free(s);
    return rc;
}

void weft_redis_unsubscribe(weft_redis_sub *s)
{
    if (!s || s->over) return;
    s->over = true;
    if (s->taken) weft__rconn_lose(s->holder.conn, "closed");
    if (s->again) weft_cancel(s->again);
}

void weft__redis_sub_leave(weft_redis_sub **sub)
{
    weft_redis_sub *s = *sub;
    if (!s) return;
    weft_redis_unsubscribe(s);
    if (s->reading) s->freed = true;
    else sub_free(s);
}
