#include "os/ring.h"

typedef struct head { uint32_t bytes, topic; uint64_t number; } head;

static size_t whole(size_t n) { return sizeof(head) + (n + 15) / 16 * 16; }

static void put(weft__ring *r, uint64_t at, const void *from, size_t n)
{
    size_t place = at % WEFT__RING_ROOM, first = WEFT__RING_ROOM - place;
    if (first > n) first = n;
    if (first) memcpy(r->bytes + place, from, first);
    if (n > first) memcpy(r->bytes, (const char *)from + first, n - first);
}

static void get(const weft__ring *r, uint64_t at, void *to, size_t n)
{
    size_t place = at % WEFT__RING_ROOM, first = WEFT__RING_ROOM - place;
    if (first > n) first = n;
    if (first) memcpy(to, r->bytes + place, first);
    if (n > first) memcpy((char *)to + first, r->bytes, n - first);
}

/* Whoever sees new bytes where old ones were sees that they were claimed. */
int weft__ring_write(weft__ring *r, uint32_t topic, weft_str message)
{
    if (message.len > WEFT__RING_MESSAGE_MAX) return WEFT_ELIMIT;
    uint64_t at = r->written, end = at + whole(message.len), number = r->count + 1;
    head h = { (uint32_t)message.len, topic, number };
    if (end > r->claimed) __atomic_store_n(&r->claimed, end, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    put(r, at, &h, sizeof h);
    put(r, at + sizeof h, message.ptr, message.len);
    __atomic_store_n(&r->count, number, __ATOMIC_RELAXED);
    __atomic_store_n(&r->written, end, __ATOMIC_RELEASE);
    return 0;
}

void weft__ring_join(const weft__ring *r, weft__ring_reader *me)
{
    me->at = __atomic_load_n(&r->written, __ATOMIC_ACQUIRE);
    me->seen = __atomic_load_n(&r->count, __ATOMIC_RELAXED);
}

/* What was copied from `at` on is what was written there. */
static bool still_there(const weft__ring *r, uint64_t at)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(&r->claimed, __ATOMIC_RELAXED) - at <= WEFT__RING_ROOM;
}

/* To the end: nothing older has a beginning that is known. What has been counted by then and comes still is lost too. */
static void leap(const weft__ring *r, weft__ring_reader *me, uint64_t *lost)
{
    uint64_t seen = me->seen;
    weft__ring_join(r, me);
    if (me->seen > seen) *lost += me->seen - seen;
    else me->seen = seen;
}

static bool read_head(const weft__ring *r, const weft__ring_reader *me, head *h)
{
    get(r, me->at, h, sizeof *h);
    return still_there(r, me->at) && h->bytes <= WEFT__RING_MESSAGE_MAX;
}

int weft__ring_read(const weft__ring *r, weft__ring_reader *me, weft__buf *to, uint32_t *topic, uint64_t *lost)
{
    head h;
    *lost = 0;
    while (me->at != __atomic_load_n(&r->written, __ATOMIC_ACQUIRE)) {
        weft__buf_clear(to);
        if (!read_head(r, me, &h)) {
            leap(r, me, lost);
            continue;
        }
        char *room = weft__buf_reserve(to, h.bytes);
        if (room) get(r, me->at + sizeof h, room, h.bytes);
        if (!still_there(r, me->at)) {
            leap(r, me, lost);
            continue;
        }
        me->at += whole(h.bytes);
        if (h.number <= me->seen) continue;          /* it was told as lost */
        *lost += h.number - me->seen - 1;
        me->seen = h.number;
        if (!room) return WEFT_ENOMEM;
        to->len = h.bytes;
        *topic = h.topic;
        return 1;
    }
    return 0;
}
