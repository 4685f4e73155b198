/* Rooms over all processes of a fleet: what is said and who comes and goes here is told to the others (io/spread.h), and what they tell is done
 * here. Who comes later is sent who is there, in pieces that others can follow; of one whose messages came too fast it is forgotten, and asked anew, who
 * is there. */
#include <string.h>
#include "base/mem.h"
#include "io/log.h"
#include "io/spread.h"
#include "web/rooms.h"

/* ALL_FOLLOW: forget whom I have told you of; those who are there come now. */
enum { SAID = 0x100, SAID_BINARY, JOINED, LEFT, ALL_FOLLOW, IS_THERE, WHO_IS_THERE, TOPICS = 7, MESSAGE_MAX = 64 * 1024, ASK_MS = 200, ASK_MOST_MS = 60000, CALM_MS = 5000 };
/* Of who is there, so much at once, then others have their turn with the ring, of which this is an eighth. */
enum { PIECE_BYTES = 128 * 1024, MEMBER_BYTES = 64, PIECE_MS = 10, SAY_LOST_MS = 1000 };

typedef struct reach {
    weft__spread spread;
    weft__ear ears[TOPICS];
    weft__loop *loop;
    weft__timer ask;                 /* runs while `unknown` is of somebody */
    int ask_ms;                      /* until it does: longer when what is told then is lost, too */
    int64_t asked_ns;
    weft__timer tell;                /* runs while a walk has begun */
    weft__rooms_walk walks[WEFT__FLEET_SLOTS_MAX];   /* of who is told who is there */
    int64_t said_lost_ns;
    uint64_t lost;                   /* since that was said */
    bool unknown[WEFT__FLEET_SLOTS_MAX];     /* something of that worker was lost */
    int64_t said_unheard_ns;
    uint64_t unheard;                  /* messages that stayed here, since that was said */
} reach;

static reach here;                   /* of the one loop that a process of a fleet has */

/* ---- out: the room's name with its length before it, and the rest ---- */

/* Who comes, goes and is there is told without memory, as nobody would tell it again: a name and an id have 255 bytes at most. */
static int say(unsigned to, uint32_t topic, weft_str room, weft_str rest)
{
    enum { NEAR = 1 + 2 * UINT8_MAX };
    char near[NEAR], *text = near;
    size_t n = 1 + room.len + rest.len;
    if (!room.len || room.len > UINT8_MAX) return WEFT_EINVAL;
    if (n > MESSAGE_MAX) return WEFT_ELIMIT;
    if (n > NEAR && !(text = weft__malloc(n))) return WEFT_ENOMEM;
    text[0] = (char)(unsigned char)room.len;
    memcpy(text + 1, room.ptr, room.len);
    if (rest.len) memcpy(text + 1 + room.len, rest.ptr, rest.len);
    weft_str all = { text, n };
    int rc = to == WEFT__FLEET_SLOTS_MAX ? weft__spread_say(topic, all) : weft__spread_say_to(to, topic, all);
    if (text != near) weft__free(text);
    return rc;
}

static void publish(void *ctx, weft_str room, bool binary, weft_str bytes)
{
    reach *r = ctx;
    int rc = say(WEFT__FLEET_SLOTS_MAX, binary ? SAID_BINARY : SAID, room, bytes);
    if (rc == 0) return;
    const char *why = rc == WEFT_ENOMEM ? "there was no memory" : rc == WEFT_EINVAL ? "a room's name has 1 to 255 bytes there" : "64 KiB with the room's name at most";
    int64_t now = weft__loop_clock(r->loop);
    r->unheard++;
    if (r->said_unheard_ns && now - r->said_unheard_ns < SAY_LOST_MS * INT64_C(1000000)) return;
    weft__log(WEFT_LOG_ERROR, "%llu messages were not heard in other workers, the last in room %.*s, %zu bytes: %s", (unsigned long long)r->unheard,
        WEFT_FMT(room), bytes.len, why);
    r->said_unheard_ns = now;
    r->unheard = 0;
}

static void presence(void *ctx, weft_str room, weft_str id, bool joined)
{
    (void)ctx;
    (void)say(WEFT__FLEET_SLOTS_MAX, joined ? JOINED : LEFT, room, id);
}

static bool start(weft__timer *t, int ms) { return t->place || weft__timer_start(here.loop, t, weft__loop_clock(here.loop) + ms * INT64_C(1000000)) == 0; }

/* False: that is all. */
static bool tell_piece(unsigned to, size_t bytes_max)
{
    weft_str room, id;
    for (size_t bytes = 0; bytes < bytes_max; bytes += MEMBER_BYTES + room.len + id.len) {
        if (!weft__rooms_walk_next(&here.walks[to], &room, &id)) return false;
        (void)say(to, IS_THERE, room, id);
    }
    return true;
}

static void tell_on(weft__timer *t)
{
    bool more = false;
    unsigned walks = 0;
    for (unsigned to = 0; to < WEFT__FLEET_SLOTS_MAX; to++) walks += here.walks[to].begun;
    for (unsigned to = 0; to < WEFT__FLEET_SLOTS_MAX; to++) {
        if (!here.walks[to].begun) continue;
        if (tell_piece(to, PIECE_BYTES / walks)) more = true;
        else weft__rooms_walk_end(&here.walks[to]);
    }
    if (!more || start(t, PIECE_MS)) return;
    for (unsigned to = 0; to < WEFT__FLEET_SLOTS_MAX; to++) {        /* no memory for a timer: better at once than never */
        if (here.walks[to].begun) (void)tell_piece(to, SIZE_MAX);
        weft__rooms_walk_end(&here.walks[to]);
    }
}

/* What was told before, in whatever order it came together with this, is settled by it. */
static void tell_all(unsigned to)
{
    if (weft__spread_say_to(to, ALL_FOLLOW, WEFT_S("")) < 0) return;
    weft__rooms_walk_begin(&here.walks[to]);
    if (here.walks[to].begun && !here.tell.place) tell_on(&here.tell);
}

/* ---- in ---- */

static bool split(weft_str message, weft_str *room, weft_str *rest)
{
    size_t n = message.len ? (unsigned char)message.ptr[0] : 0;
    if (!n || message.len < 1 + n) return false;
    *room = (weft_str){ message.ptr + 1, n };
    *rest = (weft_str){ message.ptr + 1 + n, message.len - 1 - n };
    return true;
}

static void heard(weft__ear *e, unsigned from, weft_str message)
{
    weft_str room, rest;
    if (e->topic == WHO_IS_THERE) tell_all(from);
    if (e->topic == ALL_FOLLOW) weft__rooms_far_end(from, false);
    if (!split(message, &room, &rest)) return;
    if (e->topic == SAID || e->topic == SAID_BINARY) (void)weft__room_deliver(room, e->topic == SAID_BINARY, rest);
    else if (e->topic == LEFT) weft__room_far_leaves(from, room, rest);
    else if (e->topic == JOINED || e->topic == IS_THERE) (void)weft__room_far_joins(from, room, rest, e->topic == JOINED);
}

static void came(weft__ear *e, unsigned from)
{
    (void)e;
    tell_all(from);
}

static void gone(weft__ear *e, unsigned from)
{
    (void)e;
    weft__rooms_walk_end(&here.walks[from]);
    weft__rooms_far_end(from, true);
}

static void ask(weft__timer *t)
{
    bool again = false;
    for (unsigned i = 0; i < WEFT__FLEET_SLOTS_MAX; i++) {
        here.unknown[i] = here.unknown[i] && weft__spread_say_to(i, WHO_IS_THERE, WEFT_S("")) < 0;
        again |= here.unknown[i];
    }
    here.asked_ns = weft__loop_clock(here.loop);
    if (again) (void)start(t, here.ask_ms);
}

/* Whoever is so far behind that what he is told then is lost, too, asks less and less often. */
static int ask_in_ms(int64_t now_ns)
{
    bool calm = !here.asked_ns || now_ns - here.asked_ns > (here.ask_ms + CALM_MS) * INT64_C(1000000);
    here.ask_ms = calm ? ASK_MS : here.ask_ms < ASK_MOST_MS / 2 ? 2 * here.ask_ms : ASK_MOST_MS;
    return here.ask_ms;
}

/* Asked a little later: where one was lost more are. */
static void lost(weft__ear *e, unsigned from, uint64_t count)
{
    int64_t now = weft__loop_clock(here.loop);
    (void)e;
    here.lost += count;
    here.unknown[from] = true;
    if (!here.ask.place) (void)start(&here.ask, ask_in_ms(now));
    if (here.said_lost_ns && now - here.said_lost_ns < SAY_LOST_MS * INT64_C(1000000)) return;
    weft__log(WEFT_LOG_WARNING, "%llu messages of other workers came faster than they were read; who is in their rooms is asked anew", (unsigned long long)here.lost);
    here.said_lost_ns = now;
    here.lost = 0;
}

static void ended(void *arg)
{
    reach *r = arg;
    weft__timer_stop(r->loop, &r->ask);
    weft__timer_stop(r->loop, &r->tell);
    r->loop = NULL;
}

int weft__rooms_reach_all(void)
{
    weft__loop *loop = weft__loop_here();
    if (weft__spread_alone() || here.loop) return 0;
    here = (reach){ .spread = { publish, presence, &here }, .loop = loop, .ask.fire = ask, .tell.fire = tell_on };
    int rc = weft__loop_on_free(loop, ended, &here);
    if (rc == 0) rc = weft__rooms_spread(&here.spread);
    if (rc < 0) return rc;
    for (uint32_t i = 0; i < TOPICS; i++) here.ears[i] = (weft__ear){ .topic = SAID + i, .heard = heard };
    here.ears[0].came = came;
    here.ears[0].gone = gone;
    here.ears[0].lost = lost;
    for (int i = TOPICS - 1; i >= 0; i--) weft__spread_hear(&here.ears[i]);
    return 0;
}
