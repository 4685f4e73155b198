#include "io/spread.h"
#include "base/mem.h"
#include "os/ring.h"

enum { MESSAGES_AT_ONCE = 4096, TO_BYTES = sizeof(uint32_t), NEAR = 1024 };    /* NEAR: so much needs no memory */

/* What is known here of another slot: who hears, until when. */
typedef struct other { weft__ring_reader reader; uint32_t incarnation; bool known; } other;

typedef struct spread {
    weft__watch watch;               /* of this worker's bell */
    weft__loop *loop;
    weft__fleet *fleet;
    weft__ear *ears, *next;          /* next: while they are told, the one behind who is told now */
    weft__buf message;
    other others[WEFT__FLEET_SLOTS_MAX];
} spread;

/* Said to one: the topic's highest bit, and whom behind the message. */
static const uint32_t TO_ONE = UINT32_C(1) << 31;

static spread *here(void)
{
    weft__loop *loop = weft__loop_here();
    return loop ? *weft__loop_slot(loop, WEFT__SLOT_SPREAD) : NULL;
}

static weft__ring *ring_of(const spread *s, unsigned i) { return &weft__fleet_voice(s->fleet, i)->ring; }

/* ---- telling ears, any of which may leave meanwhile ---- */

static void tell_came(spread *s, unsigned from)
{
    for (weft__ear *e = s->ears; e; e = s->next) {
        s->next = e->next;
        if (e->came) e->came(e, from);
    }
    s->next = NULL;
}

static void tell_gone(spread *s, unsigned from)
{
    for (weft__ear *e = s->ears; e; e = s->next) {
        s->next = e->next;
        if (e->gone) e->gone(e, from);
    }
    s->next = NULL;
}

static void tell_lost(spread *s, unsigned from, uint64_t count)
{
    for (weft__ear *e = s->ears; e; e = s->next) {
        s->next = e->next;
        if (e->lost) e->lost(e, from, count);
    }
    s->next = NULL;
}

static bool for_us(const spread *s, uint32_t *topic, weft_str *message)
{
    uint32_t to;
    if (!(*topic & TO_ONE)) return true;
    if (message->len < TO_BYTES) return false;
    message->len -= TO_BYTES;
    memcpy(&to, message->ptr + message->len, sizeof to);
    *topic &= ~TO_ONE;
    return to == (uint32_t)s->fleet->mine;
}

static void tell_heard(spread *s, unsigned from, uint32_t topic, weft_str message)
{
    if (!for_us(s, &topic, &message)) return;
    for (weft__ear *e = s->ears; e; e = s->next) {
        s->next = e->next;
        if (e->topic == topic && e->heard) e->heard(e, from, message);
    }
    s->next = NULL;
}

/* ---- looking ---- */

/* All that a worker has said comes before the end of it. True: there may be more. */
static bool read_ring(spread *s, unsigned i)
{
    uint32_t topic = 0;
    uint64_t lost;
    for (int n = 0; n < MESSAGES_AT_ONCE; n++) {
        int rc = weft__ring_read(ring_of(s, i), &s->others[i].reader, &s->message, &topic, &lost);
        if (rc < 0) lost++;
        if (lost) tell_lost(s, i, lost);
        if (rc == 0) return false;
        if (rc > 0) tell_heard(s, i, topic, weft__buf_str(&s->message));
    }
    return true;
}

static bool look_at(spread *s, unsigned i)
{
    const weft__voice *voice = weft__fleet_voice(s->fleet, i);
    other *o = &s->others[i];
    uint32_t incarnation = __atomic_load_n(&voice->incarnation, __ATOMIC_ACQUIRE);
    bool there = __atomic_load_n(&voice->state, __ATOMIC_ACQUIRE) == WEFT__VOICE_THERE, more = o->known && read_ring(s, i);
    if (more) return true;
    if (o->known && (!there || incarnation != o->incarnation)) {
        o->known = false;
        tell_gone(s, i);
    }
    if (!o->known && there) {
        o->known = true;
        o->incarnation = incarnation;
        tell_came(s, i);
        return read_ring(s, i);
    }
    return false;
}

/* Cleared first: what comes from now on rings again. */
static void rung(weft__watch *w, uint32_t events)
{
    spread *s = (spread *)w;
    (void)events;
    weft__voice *mine = weft__fleet_voice(s->fleet, (unsigned)s->fleet->mine);
    bool more = false;
    (void)__atomic_exchange_n(&mine->rung, 0, __ATOMIC_ACQ_REL);
    for (unsigned i = 0; i < s->fleet->slots; i++)
        if ((int)i != s->fleet->mine) more |= look_at(s, i);
    if (more) weft__fleet_ring_slot(s->fleet, (unsigned)s->fleet->mine);
}

/* ---- life ---- */

static void ended(void *arg)
{
    spread *s = arg;
    weft__os *os = weft__loop_os(s->loop);
    (void)os->ops->unwatch(os, s->fleet->voices.bells[s->fleet->mine]);
    *weft__loop_slot(s->loop, WEFT__SLOT_SPREAD) = NULL;
    weft__buf_free(&s->message);
    weft__free(s);
}

int weft__spread_open(weft__fleet *fleet)
{
    weft__loop *loop = weft__loop_here();
    if (!fleet || here()) return 0;
    weft__os *os = weft__loop_os(loop);
    spread *s = weft__calloc(sizeof *s);
    if (!s) return WEFT_ENOMEM;
    s->watch.ready = rung;
    s->loop = loop;
    s->fleet = fleet;
    weft__buf_init(&s->message, WEFT__RING_MESSAGE_MAX);
    for (unsigned i = 0; i < fleet->slots; i++) weft__ring_join(ring_of(s, i), &s->others[i].reader);
    int rc = weft__loop_on_free(loop, ended, s);
    if (rc < 0) {
        weft__free(s);
        return rc;
    }
    *weft__loop_slot(loop, WEFT__SLOT_SPREAD) = s;
    __atomic_store_n(&weft__fleet_voice(fleet, (unsigned)fleet->mine)->rung, 0, __ATOMIC_RELEASE);
    rc = os->ops->watch(os, fleet->voices.bells[fleet->mine], &s->watch, WEFT__WATCH_INPUT);
    if (rc == 0) rung(&s->watch, 0);
    return rc;
}

void weft__spread_hear(weft__ear *e)
{
    spread *s = here();
    if (!s) return;
    e->next = s->ears;
    s->ears = e;
    for (unsigned i = 0; e->came && i < s->fleet->slots; i++)
        if (s->others[i].known) e->came(e, i);
}

void weft__spread_leave(weft__ear *e)
{
    spread *s = here();
    if (!s) return;
    weft__ear **at = &s->ears;
    while (*at && *at != e) at = &(*at)->next;
    if (*at) *at = e->next;
    if (s->next == e) s->next = e->next;
}

int weft__spread_say(uint32_t topic, weft_str message)
{
    spread *s = here();
    if (!s) return message.len > WEFT__RING_MESSAGE_MAX ? WEFT_ELIMIT : 0;
    int rc = weft__ring_write(ring_of(s, (unsigned)s->fleet->mine), topic & ~TO_ONE, message);
    if (rc == 0) weft__fleet_ring_all(s->fleet);
    return rc;
}

int weft__spread_say_to(unsigned to, uint32_t topic, weft_str message)
{
    spread *s = here();
    uint32_t whom = to;
    char near[NEAR], *text = near;
    if (!s) return 0;
    if (message.len > WEFT__RING_MESSAGE_MAX - TO_BYTES) return WEFT_ELIMIT;
    if (message.len > sizeof near - TO_BYTES) text = weft__malloc(message.len + TO_BYTES);
    if (!text) return WEFT_ENOMEM;
    if (message.len) memcpy(text, message.ptr, message.len);
    memcpy(text + message.len, &whom, sizeof whom);
    int rc = weft__ring_write(ring_of(s, (unsigned)s->fleet->mine), topic | TO_ONE, (weft_str){ text, message.len + TO_BYTES });
    if (text != near) weft__free(text);
    if (rc == 0) weft__fleet_ring_slot(s->fleet, to);
    return rc;
}

bool weft__spread_alone(void) { return !here(); }
