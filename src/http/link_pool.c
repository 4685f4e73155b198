/* Lanes for calls: which connection to an origin has room for another, who opens one, and who waits meanwhile. */
#include "http/link.h"
#include "base/mem.h"

static const char WAITS_FOR[] = "a connection of the client's pool";

/* On its own stack while it waits for a lane. */
struct weft__lane_waiter { weft__lane_waiter *next; weft__fiber *fiber; };

/* ---- who waits for a lane ---- */

void weft__link_tell(weft__origin *o, bool all)
{
    for (weft__lane_waiter *w = o->lane_waiters; w; w = w->next)
        if (weft__wake(w->fiber, 0) && !all) return;
}

static int wait_for_lane(weft__origin *o, int64_t deadline_ns)
{
    weft__lane_waiter w = { .fiber = weft__self() }, **at = &o->lane_waiters;
    while (*at) at = &(*at)->next;
    *at = &w;
    o->waiting++;
    int rc = weft__park(WAITS_FOR, deadline_ns);
    o->waiting--;
    for (at = &o->lane_waiters; *at != &w;) at = &(*at)->next;
    *at = w.next;
    return rc;
}

/* ---- another connection ---- */

int weft__lane_adopt(weft__conn *c)
{
    weft__link *k = weft__link_new(c->origin);
    if (!k) {
        weft__conn_drop(c);
        return WEFT_ENOMEM;
    }
    k->conn = c;
    c->origin->speaks = WEFT__SPEAKS_TWO;
    (void)weft__leaf(weft__link_begin, k);
    weft__link_settle(k);
    return 0;
}

/* The server has chosen HTTP/1.1: whoever asked has the connection, unless he wants nothing of it. */
static int give_to_http1(weft__link *k, weft__conn **out, const char **why)
{
    weft__origin *o = k->origin;
    bool alone = o->speaks == WEFT__SPEAKS_TWO_ALONE;
    if (!alone) {
        o->speaks = WEFT__SPEAKS_ONE;
        *out = k->conn;
        k->conn = NULL;
    }
    weft__link_free(k);
    *why = "the server does not speak HTTP/2";
    return alone ? WEFT_EPROTO : WEFT__LANE_HTTP1;
}

/* In the task that needs it; others that do wait meanwhile. */
static int open_link(weft__origin *o, int64_t deadline_ns, weft__conn **out, const char **why, bool *opening)
{
    weft__link *k = weft__link_new(o);
    if (!k) return WEFT_ENOMEM;
    int rc = weft__conn_wait(o, deadline_ns, &k->conn);
    if (rc == 0) {
        *opening = true;
        weft__conn_close(k->conn);
        rc = weft__conn_open(k->conn, deadline_ns, why);
    }
    if (rc < 0) {
        weft__link_free(k);
        return rc;
    }
    if (o->tls && !weft__conn_chose_http2(k->conn)) return give_to_http1(k, out, why);
    if (o->tls && o->speaks != WEFT__SPEAKS_TWO_ALONE) o->speaks = WEFT__SPEAKS_TWO;
    (void)weft__leaf(weft__link_begin, k);
    rc = k->lost ? WEFT_ECONNRESET : 0;
    *why = k->why;
    if (k->lost) weft__link_free(k);
    return rc;
}

/* ---- lanes ---- */

/* Until its server has said how many it takes, as many as it took on the last one. */
static unsigned most_lanes(const weft__link *k)
{
    uint32_t peers = nghttp2_session_get_remote_settings(k->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    if (!k->greeted && k->origin->lanes_told) peers = k->origin->lanes_max;
    return peers < LINK_LANES ? peers : LINK_LANES;
}

static bool has_room(const weft__link *k) { return !k->opening && !k->leaving && !k->silent && !k->lost && k->lanes < most_lanes(k); }

static weft__lane *lane_new(weft__link *k)
{
    weft__lane *l = weft__calloc(sizeof *l);
    if (!l) return NULL;
    l->conn = (weft__conn){ .stream.fd = -1, .origin = k->origin, .state = WEFT__CONN_BUSY, .holder = weft_task_self(), .lane = l, .used = k->used };
    l->link = k;
    l->left = -1;
    l->next = k->first;
    weft__buf_init(&l->in, (size_t)4 << 20);
    weft__buf_init(&l->head, 2 * LINK_HEAD_MAX + (64 << 10));
    weft__buf_init(&l->out, SIZE_MAX / 2);
    if (k->first) k->first->prev = l;
    k->first = l;
    k->lanes++;
    weft__timer_stop(k->client->loop, &k->idle);
    return l;
}

/* May another connection be opened to it now? */
static bool has_place(const weft__origin *o)
{
    const weft__client *client = o->client;
    return o->conns < client->limits.origin_max && client->conns < client->limits.total_max;
}

/* Its server takes none for a moment: it will say so when it does again, and another connection would be one more of what is too much for it. RFC 9113, 6.5.2 */
static bool takes_none(const weft__link *k) { return !k->leaving && !k->silent && !k->lost && most_lanes(k) == 0; }

/* Answers that nobody waits for, and whose server does not end them, make room. True: some will. k may be gone then. */
static bool end_leftovers(weft__link *k)
{
    bool some = false, lost;
    if (k->lost || k->lanes < most_lanes(k)) return false;
    k->busy = true;
    for (weft__lane *l = k->first; l; l = l->next) some |= weft__lane_leave(l);
    k->busy = false;
    lost = k->lost;                  /* on the way, for want of memory: nobody else settles it */
    if (lost) weft__link_settle(k);
    return some && !lost;
}

static weft__link *link_with_room(const weft__origin *o, bool *soon)
{
    *soon = false;
    for (weft__link *k = o->links, *next; k; k = next) {
        next = k->next;
        if (has_room(k)) return k;
        *soon |= k->opening || takes_none(k) || (k->lanes && !has_place(o)) || end_leftovers(k);
    }
    return NULL;
}

static bool opens(const weft__origin *o)
{
    for (const weft__link *k = o->links; k; k = k->next)
        if (k->opening) return true;
    return false;
}

bool weft__lane_at_hand(weft__origin *o)
{
    bool soon;
    const weft__link *k = link_with_room(o, &soon);
    if (k) return !k->greeted || weft__link_connects(k);
    return o->connects && (opens(o) || (!soon && has_place(o)));
}

int weft__lane_take(weft__origin *o, int64_t deadline_ns, weft__conn **out, const char **why, bool *opening)
{
    for (;;) {
        bool soon;
        weft__link *k = link_with_room(o, &soon);
        if (!k && o->tls && o->speaks == WEFT__SPEAKS_ONE) return WEFT__LANE_HTTP1;
        int rc = k ? 0 : soon ? wait_for_lane(o, deadline_ns) : open_link(o, deadline_ns, out, why, opening);
        *opening |= rc == WEFT_ETIMEDOUT && opens(o);
        if (rc != 0) return rc;
        if (!k) continue;
        weft__lane *l = lane_new(k);
        if (!l) {
            weft__link_settle(k);
            return WEFT_ENOMEM;
        }
        *out = &l->conn;
        return 0;
    }
}
