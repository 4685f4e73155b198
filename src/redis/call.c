/* One trip: a command written, put on a connection, its replies waited for, and what is sent again because it has not run. */
#include <string.h>
#include <strings.h>
#include "redis/inside.h"

enum { TRIES = 6, AGAIN_MS = 20 };

/* What a trip is about. */
typedef struct trip {
    weft_redis *r;                   /* a session, or the root */
    const weft__rasked *asked;
    const char *text, *place;        /* of the first command */
    char sha[41];                    /* of its script, which it is sent as; empty: as it is */
    bool blocks, watches;
    int slot;                        /* of its keys */
    bool fresh;                      /* it is the first of its session: nothing has run on that connection */
    weft__rnode *node;               /* it was sent to */
    weft__rnode *asks;               /* who is to be asked this once (ASK); NULL: nobody */
    weft__rnode *moved;              /* who was named last (MOVED): asked even when it seems to be down; NULL: nobody */
} trip;

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
    t->watches = known->flags & WEFT__RC_SESSION;
    return 0;
}

static int write_all(trip *t)
{
    const weft__rasked *a = t->asked;
    weft__buf *to = &t->r->root->scratch;
    weft__buf_clear(to);
    t->slot = WEFT__SLOT_ANY;
    if (t->asks) weft__buf_lit(to, "*1\r\n$6\r\nASKING\r\n");
    if (a->atomic) weft__buf_lit(to, "*1\r\n$5\r\nMULTI\r\n");
    for (uint32_t i = 0; i < a->count; i++) {
        int rc = write_one(t, a->steps ? &a->steps[i].command : a->command);
        if (rc < 0) return rc;
    }
    if (a->atomic) weft__buf_lit(to, "*1\r\n$4\r\nEXEC\r\n");
    return to->failed ? weft__fail(t->place, to->failed, "the commands are more than can be sent, or there is no memory for them: %.*s", WEFT__REDIS_SHOWN, t->text) : 0;
}

static uint32_t replies_of(const weft__rasked *a) { return a->count + (a->atomic ? 2 : 0); }

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

static int lost(const trip *t, const weft__rnode *node, const char *why)
{
    if (t->r->root->closing) return weft__redis_closed(t->place, t->text);
    int rc = weft__fail_as(t->place, WEFT_ECONNRESET, 503, "the connection to Redis at %s was lost behind a command, which may have run: %s: %.*s", node->host, why ? why : "broken off",
        WEFT__REDIS_SHOWN, t->text);
    weft__redis_retry_after(rc);
    return rc;
}

static int failed(const trip *t, const weft__rnode *node, const weft__rcall *call, int rc)
{
    if (rc == WEFT_ELIMIT || rc == WEFT_ENOMEM) return out_of_room(t, rc);
    if (rc == WEFT_ECONNRESET) return lost(t, node, call->why);
    if (rc != WEFT_ETIMEDOUT || weft__cancelled()) return rc;
    return weft__fail(t->place, rc, "no reply of Redis at %s within %d ms (.command_ms); the command may have run: %.*s", node->host, t->r->root->opts.command_ms, WEFT__REDIS_SHOWN, t->text);
}

static bool begins(weft_str s, const char *word)
{
    size_t n = strlen(word);
    return s.len >= n && memcmp(s.ptr, word, n) == 0 && (s.len == n || s.ptr[n] == ' ');
}

/* Errors that say that the server, and not the command, is to blame; the command has not run. */
static bool not_ready(weft_str words)
{
    static const char *const says[] = { "LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "READONLY", "NOREPLICAS" };
    for (size_t i = 0; i < weft_count(says); i++)
        if (begins(words, says[i])) return true;
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

static int put(const trip *t, weft__rconn *c, weft__rcall *call, int ms)
{
    int rc = weft__rcall_begin(call, replies_of(t->asked));
    if (rc < 0) return out_of_room(t, rc);
    call->until_ns = weft__redis_until(t->r->root, ms);
    rc = weft__rconn_put(c, weft__buf_str(&t->r->root->scratch), t->asks != NULL, call);
    return rc < 0 ? weft__fail(t->place, rc, "no room for the command: %.*s", WEFT__REDIS_SHOWN, t->text) : 0;
}

/* 1: it was never sent, and may be again. */
static int on_shared(trip *t, weft__rnode *node, weft__rcall *call)
{
    weft_redis *root = t->r->root;
    for (weft__rconn *c; !(c = weft__rnode_ready(node));) {
        int rc = weft__rnode_await(node, t->place, t->text);
        if (rc == 0) rc = write_all(t);              /* what was written is another's by now */
        if (rc < 0) return rc;
    }
    int rc = put(t, weft__rnode_ready(node), call, root->opts.command_ms);
    if (rc < 0) return rc;
    rc = weft__rcall_wait(call, INT64_MAX);
    if (rc == WEFT_ECONNRESET && call->unsent && !root->closing) return 1;
    return rc < 0 ? failed(t, node, call, rc) : 0;
}

static int on_own(trip *t, weft__rnode *node, weft__rholder *h, weft__rcall *call)
{
    int ms = t->blocks ? -1 : t->r->root->opts.command_ms;
    int rc = write_all(t);
    if (rc == 0) rc = put(t, h->conn, call, ms);
    if (rc < 0) return rc;
    rc = weft__rcall_wait(call, call->until_ns);
    return rc < 0 ? failed(t, node, call, rc) : 0;
}

static bool wants(const weft__rcall *call, const char *word)
{
    weft_str words;
    return weft__reply_error(call->replies[0], &words) && begins(words, word);
}

/* One that was idle may have been closed by the server a moment ago: what it did not take is sent on another. */
static int on_borrowed(trip *t, weft__rnode *node, weft__rcall *call)
{
    weft__rholder h = { 0 };
    int rc = weft__rnode_own(node, &h, t->place, t->text);
    if (rc < 0) return rc;
    rc = on_own(t, node, &h, call);
    weft__rnode_give_back(node, &h, rc == 0 && !wants(call, "READONLY"));
    return rc == WEFT_ECONNRESET && call->unsent && !t->r->root->closing ? 1 : rc;
}

static int on_session(trip *t, weft__rnode *node, weft__rcall *call)
{
    weft_redis *s = t->r;
    if (s->ended) return weft__fail(t->place, WEFT_ECLOSED, "the session begun at %s ended when a command of it got no reply: %.*s", s->place, WEFT__REDIS_SHOWN, t->text);
    if (!s->holder.conn) {
        int rc = weft__rnode_own(node, &s->holder, t->place, s->place);
        if (rc < 0) return rc;
        s->node = node;
        t->fresh = true;
    }
    t->node = node = s->node;
    bool lost_before = s->holder.conn->state != WEFT__RCONN_READY;
    int rc = lost_before ? WEFT_ECONNRESET : on_own(t, node, &s->holder, call);
    if (lost_before) rc = lost(t, node, s->holder.conn->why);
    s->watched = rc == 0 && t->asked->atomic ? false : s->watched || t->watches;
    s->ended = rc < 0 && (lost_before || !call->told || call->rc < 0);
    return rc;
}

static int go(trip *t, weft__rcall *call)
{
    weft_redis *root = t->r->root;
    int rc = write_all(t);
    if (rc < 0) return rc;
    weft__rnode *node = t->node = t->asks ? t->asks : t->moved ? t->moved : weft__cluster_route(root, t->slot);
    if (t->r != root) return on_session(t, node, call);
    return t->blocks ? on_borrowed(t, node, call) : on_shared(t, node, call);
}

/* A server that says READONLY is no master any more: who is, the next connection is to find out. */
static void look_again(weft__rnode *node, const weft__rcall *call)
{
    if (!wants(call, "READONLY")) return;
    for (int i = 0; i < node->root->opts.connections; i++)
        if (node->shared[i]->state == WEFT__RCONN_READY) weft__rconn_lose(node->shared[i], "left, as its server is no master any more");
    for (weft__rconn *c; (c = node->idle);) weft__rconn_lose(c, "left, as its server is no master any more");
}

/* The reply that says where a command belongs, in *words, empty: there is none. Returns whether nothing has run: all were sent away, or EXEC says so. */
static bool sent_away(const trip *t, const weft__rcall *call, weft_str *words)
{
    uint32_t first = t->asked->atomic ? 1 : 0, end = first + t->asked->count, away = 0;
    weft_str one;
    *words = (weft_str){ 0 };
    for (uint32_t i = first; i < end; i++) {
        if (!weft__reply_error(call->replies[i], &one) || !(begins(one, "MOVED") || begins(one, "ASK") || begins(one, "TRYAGAIN"))) continue;
        *words = one;
        away++;
    }
    bool aborted = t->asked->atomic && weft__reply_error(call->replies[end], &one) && begins(one, "EXECABORT");
    return away == t->asked->count || aborted;
}

/* 1: look there. What was learned is kept in any case. A session stays where it is, unless this was its first command. */
static int follow(trip *t, const weft__rcall *call)
{
    weft_redis *root = t->r->root;
    weft_str words;
    int slot;
    t->asks = t->moved = NULL;
    if (!root->slots) return 0;
    bool session = t->r != root, none_ran = sent_away(t, call, &words);
    if (!words.len) return 0;
    if (begins(words, "TRYAGAIN")) {
        if (!none_ran || session) return 0;
        int rc = weft_sleep_ms(AGAIN_MS);
        return rc < 0 ? rc : 1;
    }
    bool asks = begins(words, "ASK");
    weft__rnode *node = weft__cluster_told(root, t->node, words, &slot);
    if (!node || (asks && (!none_ran || session || t->asked->steps))) return 0;
    if (asks) return t->asks = node, 1;
    root->slots[slot] = node;
    if (!none_ran || (session && !t->fresh)) return 0;
    if (session) {
        weft__rnode_give_back(t->r->node, &t->r->holder, true);
        t->r->watched = false;
    }
    t->moved = node;
    return 1;
}

int weft__redis_call(weft_redis *r, const weft__rasked *asked, weft__rcall *call)
{
    const weft_redis_command *first = asked->steps ? &asked->steps[0].command : asked->command;
    trip t = { .r = r, .asked = asked, .text = first->text, .place = first->place ? first->place : WEFT__HERE };
    weft_str script = asked->steps ? (weft_str){ 0 } : script_of(first);
    const char *sha = script.ptr ? weft__script_sha(r->root, script) : NULL;
    if (sha) memcpy(t.sha, sha, sizeof t.sha);
    for (int tries = 0; tries < TRIES; tries++) {
        int rc = go(&t, call);
        if (rc == WEFT_EREDIS_DOWN && r->root->slots && tries == 0 && t.slot != WEFT__SLOT_ANY && r->root == r) continue;     /* another may have taken its slots over */
        if (rc < 0) return rc;
        if (rc == 1) continue;
        rc = follow(&t, call);
        if (rc < 0) return rc;
        if (rc == 1) continue;
        bool unknown = *t.sha && wants(call, "NOSCRIPT");
        if (!unknown) return look_again(t.node, call), 0;
        *t.sha = 0;
    }
    int rc = weft__fail(t.place, WEFT_EREDIS_DOWN, "sent elsewhere again and again, by Redis at %s last; the command has not run: %.*s", t.node->host, WEFT__REDIS_SHOWN, t.text);
    weft__redis_retry_after(rc);
    return rc;
}
