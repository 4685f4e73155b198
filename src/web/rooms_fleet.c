/* Rooms over all processes of a fleet: what is said and who comes and goes here is told to the others (io/spread.h), and what they tell is done
 * here. Who comes later is sent who is there; of one whose messages came too fast it is forgotten, and asked anew, who is there. */
#include "base/buf.h"
#include "io/log.h"
#include "io/spread.h"
#include "web/rooms.h"

/* ALL_FOLLOW: forget whom I have told you of; those who are there come now. */
enum { SAID = 0x100, SAID_BINARY, JOINED, LEFT, ALL_FOLLOW, IS_THERE, WHO_IS_THERE, TOPICS = 7, MESSAGE_MAX = 64 * 1024, ASK_MS = 200, ASK_MOST_MS = 60000, CALM_MS = 5000 };

typedef struct reach {
    weft__spread spread;
    weft__ear ears[TOPICS];
    weft__loop *loop;
    weft__timer ask;                 /* runs while `unknown` is of somebody */
    int ask_ms;                      /* until it does: longer when what is told then is lost, too */
    int64_t asked_ns;
    bool unknown[WEFT__FLEET_SLOTS_MAX];     /* something of that worker was lost */
    bool too_large;                  /* a message was, which was said */
} reach;

static reach here;                   /* of the one loop that a process of a fleet has */

/* ---- out: the room's name with its length before it, and the rest ---- */

static int say(unsigned to, uint32_t topic, weft_str room, weft_str rest)
{
    weft__buf text;
    weft__buf_init(&text, MESSAGE_MAX);
    weft__buf_add_char(&text, (char)(unsigned char)room.len);
    weft__buf_add_str(&text, room);
    weft__buf_add_str(&text, rest);
    int rc = text.failed;
    if (rc == 0) rc = to == WEFT__FLEET_SLOTS_MAX ? weft__spread_say(topic, weft__buf_str(&text)) : weft__spread_say_to(to, topic, weft__buf_str(&text));
    weft__buf_free(&text);
    return rc;
}

static void publish(void *ctx, weft_str room, bool binary, weft_str bytes)
{
    reach *r = ctx;
    if (say(WEFT__FLEET_SLOTS_MAX, binary ? SAID_BINARY : SAID, room, bytes) == 0 || r->too_large) return;
    r->too_large = true;
    weft__log(WEFT_LOG_ERROR, "what was said in room %.*s, %zu bytes, is not heard in other workers: 64 KiB with the room's name at most", WEFT_FMT(room), bytes.len);
}

static void presence(void *ctx, weft_str room, weft_str id, bool joined)
{
    (void)ctx;
    (void)say(WEFT__FLEET_SLOTS_MAX, joined ? JOINED : LEFT, room, id);
}

static void tell_of(void *ctx, weft_str room, weft_str id) { (void)say(*(const unsigned *)ctx, IS_THERE, room, id); }

/* What was told before, in whatever order it came together with this, is settled by it. */
static void tell_all(unsigned to)
{
    if (weft__spread_say_to(to, ALL_FOLLOW, WEFT_S("")) == 0) weft__rooms_each(tell_of, &to);
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
    weft__rooms_far_end(from, true);
}

static void ask(weft__timer *t)
{
    (void)t;
    for (unsigned i = 0; i < WEFT__FLEET_SLOTS_MAX; i++)
        here.unknown[i] = here.unknown[i] && weft__spread_say_to(i, WHO_IS_THERE, WEFT_S("")) < 0;
    here.asked_ns = weft__loop_clock(here.loop);
}

/* Who is told of more members than the ring holds loses some of that as well, and both would do nothing else any more. */
static int64_t ask_at(int64_t now_ns)
{
    bool calm = !here.asked_ns || now_ns - here.asked_ns > (here.ask_ms + CALM_MS) * INT64_C(1000000);
    here.ask_ms = calm ? ASK_MS : here.ask_ms < ASK_MOST_MS / 2 ? 2 * here.ask_ms : ASK_MOST_MS;
    return now_ns + here.ask_ms * INT64_C(1000000);
}

/* Asked a little later: where one was lost more are. */
static void lost(weft__ear *e, unsigned from, uint64_t count)
{
    (void)e;
    weft__log(WEFT_LOG_WARNING, "%llu messages of another worker came faster than they were read; who is in its rooms is asked anew", (unsigned long long)count);
    here.unknown[from] = true;
    if (!here.ask.place) (void)weft__timer_start(here.loop, &here.ask, ask_at(weft__loop_clock(here.loop)));
}

static void ended(void *arg)
{
    reach *r = arg;
    weft__timer_stop(r->loop, &r->ask);
    r->loop = NULL;
}

int weft__rooms_reach_all(void)
{
    weft__loop *loop = weft__loop_here();
    if (weft__spread_alone() || here.loop) return 0;
    here = (reach){ .spread = { publish, presence, &here }, .loop = loop, .ask.fire = ask };
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
