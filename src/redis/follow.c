/* In a cluster: what was sent to a server that has not its key is sent on to the one that it names. */
#include "model/coerce.h"
#include "redis/trip.h"

enum { AGAIN_MS = 20 };

void weft__trip_aim(weft__trip *t, weft__rnode *node)
{
    if (node) node->users++;
    if (t->node) t->node->users--;
    t->node = node;
}

static bool is_away(weft_str raw, weft_str *words)
{
    return weft__reply_error(raw, words) && (weft__redis_begins(*words, "MOVED") || weft__redis_begins(*words, "ASK") || weft__redis_begins(*words, "TRYAGAIN"));
}

/* The first reply that says where a command belongs, in *words, empty: there is none. Returns whether nothing has run: all were sent away, or EXEC was. */
static bool sent_away(const weft__trip *t, const weft__rcall *call, weft_str *words)
{
    uint32_t away = 0;
    weft_str one;
    *words = (weft_str){ 0 };
    for (uint32_t i = 0; i < call->expected; i++) {
        if (!is_away(call->replies[i], &one)) continue;
        if (!away++) *words = one;
    }
    if (!t->asked->atomic) return away == call->expected;
    weft_str exec = call->replies[call->expected - 1];
    return is_away(exec, &one) || (weft__reply_error(exec, &one) && weft__redis_begins(one, "EXECABORT"));
}

/* ---- a batch of which a part has run ---- */

/* Each of them was sent behind an ASKING, to whose reply nobody listens. */
static void drop_askings(weft__rcall *call)
{
    call->expected /= 2;
    for (uint32_t i = 0; i < call->expected; i++) call->replies[i] = call->replies[2 * i + 1];
}

/* The replies of this trip go where their commands are: of those that ran, or at the end all; the call keeps the others. */
static void settle(weft__trip *t, weft__rcall *call, bool all)
{
    weft_str words;
    for (uint32_t i = 0, from = 0, to = 0; i < t->asked->count; i++) {
        if (t->ran[i].ptr) continue;
        weft_str reply = call ? call->replies[from++] : (weft_str){ "", 0 };
        if (!all && is_away(reply, &words)) {
            call->replies[to++] = reply;
            continue;
        }
        t->ran[i] = reply;
        t->left--;
    }
}

/* What has run is not sent again. */
static int keep_what_ran(weft__trip *t, weft__rcall *call)
{
    weft_arena *arena = call->arena;
    if (!t->ran) {
        t->ran = weft__arena_zalloc(arena, t->asked->count * sizeof *t->ran);
        if (!t->ran) return weft__fail(t->place, weft__arena_error(arena), "no memory for the rest of a batch, which belongs elsewhere: %.*s", WEFT__REDIS_SHOWN, t->text);
        t->left = t->asked->count;
    }
    if (!t->missing) t->missing = call->missing;
    settle(t, call, false);
    return 0;
}

int weft__trip_whole(weft__trip *t, weft__rcall *call, int rc)
{
    if (!t->ran || (rc < 0 && weft__cancelled())) return rc;
    if (!t->missing) t->missing = rc < 0 ? rc : call->missing;
    settle(t, rc < 0 ? NULL : call, true);
    call->replies = t->ran;
    call->missing = t->missing;
    return 0;
}

/* ---- any ---- */

/* A session begins elsewhere. */
static void move_session(weft_redis *s)
{
    weft__rnode_give_back(s->node, &s->holder, true);
    s->watched = s->used = s->asking = false;
}

int weft__trip_follow(weft__trip *t, weft__rcall *call)
{
    weft_redis *root = t->r->root;
    weft_str words;
    int slot, rc = 0;
    bool batch = weft__trip_is_batch(t), asked = t->asks, session = t->r != root;
    t->asks = t->moved = NULL;
    if (!root->slots) return 0;
    if (asked && batch) drop_askings(call);
    bool none_ran = sent_away(t, call, &words), tries = weft__redis_begins(words, "TRYAGAIN"), asks = weft__redis_begins(words, "ASK");
    if (!words.len) return 0;
    weft__rnode *node = tries ? NULL : weft__cluster_told(root, t->node, words, &slot);
    if (node && !asks) root->slots[slot] = node;
    if ((!none_ran && !batch) || (!node && !tries)) return 0;
    if (session && (!node || !t->fresh || !none_ran)) return 0;      /* it stays where it is, unless this was its first command */
    if (batch) rc = keep_what_ran(t, call);
    if (rc < 0) return rc;
    if (session) move_session(t->r);
    if (tries) return (rc = weft_sleep_ms(AGAIN_MS)) < 0 ? rc : 1;
    *(asks ? &t->asks : &t->moved) = node;
    return 1;
}
