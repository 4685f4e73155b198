/* One trip: a command written, put on a connection, its replies waited for, and what is sent again because it has not run. */
#define _GNU_SOURCE
#include <limits.h>
#include <string.h>
#include "redis/trip.h"

enum { TRIES = 6 };
typedef weft__trip trip;

/* ---- writing ---- */

static int refuse(const weft_redis_command *c, const weft__rknown *known, const char *why)
{
    return weft__fail(c->place, WEFT_EINVAL, "%s cannot be sent so: %s: %.*s", known->name, why, WEFT__REDIS_SHOWN, c->text);
}

static int write_one(trip *t, const weft_redis_command *c)
{
    weft__rwritten written;
    weft_redis *root = t->r->root;
    bool session = root != t->r;
    size_t before = root->scratch.len;
    int rc = weft__rwrite(&root->scratch, c, *t->sha ? t->sha : NULL, &written);
    if (rc < 0) return rc;
    if (root->slots) {
        int slot = weft__slot_of_command((weft_str){ root->scratch.ptr + before, root->scratch.len - before }, written.known->key);
        if (slot != WEFT__SLOT_ANY && t->slot != WEFT__SLOT_ANY && slot != t->slot)
            return weft__fail(c->place, WEFT_EINVAL, "keys of several slots in one trip to a cluster; what belongs together has a part in braces, {user:7}:name: %.*s", WEFT__REDIS_SHOWN, c->text);
        if (slot != WEFT__SLOT_ANY) t->slot = slot;
    }
    const weft__rknown *known = written.known;
    if (known->flags & WEFT__RC_NEVER || (known->flags & WEFT__RC_SESSION && !session)) return refuse(c, known, known->instead);
    if (t->asked->steps && (known->flags & WEFT__RC_SESSION || written.blocks)) return refuse(c, known, "it is none of several");
    t->blocks = written.blocks;
    t->block_ms = written.block_ms;
    t->watches = known->flags & WEFT__RC_SESSION;
    return 0;
}

#define ASKING "*1\r\n$6\r\nASKING\r\n"
static int write_all(trip *t)
{
    const weft__rasked *a = t->asked;
    weft__buf *to = &t->r->root->scratch;
    weft__buf_clear(to);
    t->slot = WEFT__SLOT_ANY;
    if (t->asks && !weft__trip_is_batch(t)) weft__buf_lit(to, ASKING);
    if (a->atomic) weft__buf_lit(to, "*1\r\n$5\r\nMULTI\r\n");
    for (uint32_t i = 0; i < a->count; i++) {
        if (t->ran && t->ran[i].ptr) continue;
        if (t->asks && weft__trip_is_batch(t)) weft__buf_lit(to, ASKING);
        int rc = write_one(t, a->steps ? &a->steps[i].command : a->command);
        if (rc < 0) return rc;
    }
    if (a->atomic) weft__buf_lit(to, "*1\r\n$4\r\nEXEC\r\n");
    return to->failed ? weft__fail(t->place, to->failed, "the commands are more than can be sent, or there is no memory for them: %.*s", WEFT__REDIS_SHOWN, t->text) : 0;
}

/* Where each of several is behind an ASKING, the replies to those come with theirs. */
static uint32_t replies_of(const trip *t)
{
    uint32_t n = t->ran ? t->left : t->asked->count;
    if (weft__trip_is_batch(t)) return t->asks ? 2 * n : n;
    return n + (t->asked->atomic ? 2 : 0);
}

/* The script of an EVAL; without a pointer: it is none, or is no value of its own. */
static weft_str script_of(const weft_redis_command *c)
{
    const char *at = c->text + strspn(c->text, " \t\r\n");
    size_t n = strcspn(at, " \t\r\n");
    weft_str none = { 0 };
    if ((n != 4 && n != 7) || !(weft__rknown_of((weft_str){ at, n })->flags & WEFT__RC_EVAL)) return none;
    at += n + strspn(at + n, " \t\r\n");
    bool bound = at[0] == '{' && at[1] == '}' && (!at[2] || strchr(" \t\r\n", at[2]));
    return bound && c->count && c->values[0].kind == WEFT__VAL_STR ? c->values[0].s : none;
}

/* ---- what becomes of it ---- */

static int out_of_room(const trip *t, int rc)
{
    return weft__fail(t->place, rc, "the reply is more than .reply_bytes_max (%zu bytes) or than the memory of this request takes: %.*s", t->r->root->opts.reply_bytes_max,
        WEFT__REDIS_SHOWN, t->text);
}

/* How long a reply may take; -1: without bound, as one that may block for ever. */
static int time_of(const trip *t)
{
    int ms = t->r->root->opts.command_ms;
    if (!t->blocks || ms < 0) return ms;
    return !t->block_ms || ms > INT_MAX - t->block_ms ? -1 : ms + t->block_ms;
}

static int lost(const trip *t, const weft__rnode *node, const char *why)
{
    if (t->r->root->closing) return weft__redis_closed(t->place, t->text);
    int rc = weft__fail_as(t->place, WEFT_ECONNRESET, 503, "the connection to Redis at %s was lost behind a command, which may have run: %s: %.*s", node->host, why ? why : "broken off",
        WEFT__REDIS_SHOWN, t->text);
    weft__redis_retry_after(rc);
    return rc;
}

/* 1: no byte of it was sent, and it may be sent again. */
static int failed(const trip *t, const weft__rnode *node, const weft__rcall *call, int rc)
{
    if (rc == WEFT_ELIMIT || rc == WEFT_ENOMEM) return out_of_room(t, rc);
    if (rc == WEFT_ECONNRESET && call->unsent && !t->r->root->closing) return 1;
    if (rc == WEFT_ECONNRESET) return lost(t, node, call->why);
    if (rc != WEFT_ETIMEDOUT || weft__cancelled()) return rc;
    return weft__fail(t->place, rc, "no reply of Redis at %s within %d ms (.command_ms%s); the command may have run: %.*s", node->host, time_of(t), t->blocks ? " and for as long as it may block" : "",
        WEFT__REDIS_SHOWN, t->text);
}

bool weft__redis_begins(weft_str s, const char *word)
{
    size_t n = strlen(word);
    return s.len >= n && memcmp(s.ptr, word, n) == 0 && (s.len == n || s.ptr[n] == ' ');
}

/* Errors that say that the server, and not the command, is to blame; the command has not run. */
static bool not_ready(weft_str words)
{
    static const char *const says[] = { "LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "READONLY", "NOREPLICAS" };
    for (size_t i = 0; i < weft_count(says); i++)
        if (weft__redis_begins(words, says[i])) return true;
    return false;
}

int weft__redis_said_no(const weft_redis *r, const weft_redis_command *c, weft_str words)
{
    bool down = not_ready(words);
    (void)r;
    int rc = weft__fail(c->place, down ? WEFT_EREDIS_DOWN : WEFT_EREDIS, "%.*s: %.*s", words.len > 500 ? 500 : (int)words.len, words.ptr, WEFT__REDIS_SHOWN, c->text);
    if (down) weft__redis_retry_after(rc);
    return rc;
}

bool weft_redis_said(int rc, const char *word)
{
    const char *text = rc == WEFT_EREDIS || rc == WEFT_EREDIS_DOWN ? weft_error_of(rc)->text : "";
    size_t n = strlen(word);
    return strncmp(text, word, n) == 0 && (text[n] == ' ' || text[n] == ':');
}

/* ---- connections ---- */

static int put(const trip *t, weft__rconn *c, weft__rcall *call)
{
    int rc = weft__rcall_begin(call, replies_of(t));
    if (rc < 0) return out_of_room(t, rc);
    call->each = weft__trip_is_batch(t);
    call->until_ns = weft__redis_until(t->r->root, time_of(t));
    rc = weft__rconn_put(c, weft__buf_str(&t->r->root->scratch), t->asks && !call->each, call);
    return rc < 0 ? weft__fail(t->place, rc, "no room for the command: %.*s", WEFT__REDIS_SHOWN, t->text) : 0;
}

/* 1: it was never sent, and may be again. */
static int on_shared(trip *t, weft__rnode *node, weft__rcall *call)
{
    for (weft__rconn *c; !(c = weft__rnode_ready(node));) {
        int rc = weft__rnode_await(node, t->place, t->text);
        if (rc == 0) rc = write_all(t);              /* what was written is another's by now */
        if (rc < 0) return rc;
    }
    int rc = put(t, weft__rnode_ready(node), call);
    if (rc < 0) return rc;
    rc = weft__rcall_wait(call, INT64_MAX);
    return rc < 0 ? failed(t, node, call, rc) : 0;
}

static int on_own(trip *t, weft__rnode *node, weft__rholder *h, weft__rcall *call)
{
    int rc = write_all(t);
    if (rc == 0) rc = put(t, h->conn, call);
    if (rc < 0) return rc;
    rc = weft__rcall_wait(call, call->until_ns);
    return rc < 0 ? failed(t, node, call, rc) : 0;
}

/* Does a reply, or one within EXEC's, say that the server is no master any more? */
static bool is_stale(const trip *t, const weft__rcall *call)
{
    weft_str words, rest = t->asked->atomic ? call->replies[call->expected - 1] : (weft_str){ 0 };
    weft__resp step;
    const char *fault;
    for (uint32_t i = 0; i < call->expected; i++)
        if (weft__reply_error(call->replies[i], &words) && weft__redis_begins(words, "READONLY")) return true;
    if (!rest.len || !memmem(rest.ptr, rest.len, "-READONLY", 9) || weft__resp_next(&rest, &step, &fault) < 0 || step.kind != WEFT__RESP_LIST) return false;
    for (uint32_t i = 0; i < step.count; i++) {
        if (weft__reply_error(rest, &words) && weft__redis_begins(words, "READONLY")) return true;
        if (weft__resp_skip(&rest, &fault) < 0) return false;
    }
    return false;
}

/* One that was idle may have been closed by the server a moment ago: what it did not take is sent on another. */
static int on_borrowed(trip *t, weft__rnode *node, weft__rcall *call)
{
    weft__rholder h = { 0 };
    int rc = weft__rnode_own(node, &h, t->place, t->text);
    if (rc < 0) return rc;
    rc = on_own(t, node, &h, call);
    weft__rnode_give_back(node, &h, rc == 0 && !is_stale(t, call));
    return rc;
}

/* Its connection is lost and nothing of this command was sent: another one would not know what was done on it before. */
static int lost_before(trip *t, const weft__rnode *node)
{
    weft_redis *s = t->r;
    const char *why = s->holder.conn->why;
    s->ended = true;
    if (s->root->closing) return weft__redis_closed(t->place, t->text);
    int rc = weft__fail(t->place, WEFT_EREDIS_DOWN, "the session begun at %s lost its connection to Redis at %s before this command, which has not run: %s: %.*s", s->place, node->host,
        why ? why : "broken off", WEFT__REDIS_SHOWN, t->text);
    weft__redis_retry_after(rc);
    return rc;
}

static int on_session(trip *t, weft__rnode *node, weft__rcall *call)
{
    weft_redis *s = t->r;
    if (s->ended) return weft__fail(t->place, WEFT_ECLOSED, "the session begun at %s ended when a command of it got no reply: %.*s", s->place, WEFT__REDIS_SHOWN, t->text);
    t->fresh = !s->used;
    if (!s->holder.conn) {
        int rc = weft__rnode_own(node, &s->holder, t->place, s->place);
        if (rc < 0) return rc;
        s->node = node;
        s->asking = t->asks;
    }
    weft__trip_aim(t, s->node);
    weft__rconn *c = s->holder.conn;
    int rc = c->state == WEFT__RCONN_READY ? on_own(t, s->node, &s->holder, call) : 1;
    if (rc == 1 && !t->fresh) return lost_before(t, s->node);
    if (rc == 1) {                                   /* it was lost while it was idle */
        weft__rnode_give_back(s->node, &s->holder, false);
        return 1;
    }
    s->used |= call->sent;
    s->watched = rc == 0 && t->asked->atomic ? false : s->watched || t->watches;
    s->ended = rc < 0 && call->sent && (!call->told || c->state != WEFT__RCONN_READY);
    s->stale |= rc == 0 && is_stale(t, call);
    return rc;
}

static int go(trip *t, weft__rcall *call)
{
    weft_redis *root = t->r->root, *s = t->r;
    if (s->asking && s->holder.conn) t->asks = s->node;
    int rc = write_all(t);
    if (rc < 0) return rc;
    weft__trip_aim(t, t->asks ? t->asks : t->moved ? t->moved : weft__cluster_route(root, t->slot));
    if (s != root) return on_session(t, t->node, call);
    return t->blocks ? on_borrowed(t, t->node, call) : on_shared(t, t->node, call);
}

/* A server that says READONLY is no master any more: who is, the next connection is to find out. */
static void look_again(const trip *t, const weft__rcall *call)
{
    static const char why[] = "left, as its server is no master any more";
    weft__rnode *node = t->node;
    if (!is_stale(t, call)) return;
    for (int i = 0; i < node->root->opts.connections; i++)
        if (node->shared[i]->state == WEFT__RCONN_READY) weft__rconn_lose(node->shared[i], why);
    for (weft__rconn *c; (c = node->idle);) weft__rconn_lose(c, why);
}

static bool is_unknown(const trip *t, const weft__rcall *call)
{
    weft_str words;
    return *t->sha && weft__reply_error(call->replies[0], &words) && weft__redis_begins(words, "NOSCRIPT");
}

static int round_and_round(const trip *t)
{
    int rc = weft__fail(t->place, WEFT_EREDIS_DOWN, "sent elsewhere again and again, by Redis at %s last; it has not run: %.*s", t->node->host, WEFT__REDIS_SHOWN, t->text);
    weft__redis_retry_after(rc);
    return rc;
}

static int make(trip *t, weft__rcall *call)
{
    const weft_redis *root = t->r->root;
    for (int tries = 0; tries < TRIES; tries++) {
        int rc = go(t, call);
        if (rc == WEFT_EREDIS_DOWN && root->slots && tries == 0 && t->slot != WEFT__SLOT_ANY && root == t->r) continue;     /* another may have taken its slots over */
        if (rc == 0) {
            look_again(t, call);
            rc = weft__trip_follow(t, call);
        }
        if (rc == 1) continue;
        if (rc < 0 || !is_unknown(t, call)) return weft__trip_whole(t, call, rc);
        *t->sha = 0;
    }
    return weft__trip_whole(t, call, round_and_round(t));
}

int weft__redis_call(weft_redis *r, const weft__rasked *asked, weft__rcall *call)
{
    const weft_redis_command *first = asked->steps ? &asked->steps[0].command : asked->command;
    trip t = { .r = r, .asked = asked, .text = first->text, .place = first->place ? first->place : WEFT__HERE };
    weft_str script = asked->steps ? (weft_str){ 0 } : script_of(first);
    const char *sha = script.ptr ? weft__script_sha(r->root, script) : NULL;
    if (sha) memcpy(t.sha, sha, sizeof t.sha);
    *call = (weft__rcall){ 0 };
    int rc = make(&t, call);
    weft__trip_aim(&t, NULL);
    return rc;
}
