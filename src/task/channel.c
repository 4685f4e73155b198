/* Channels: items handed over in order. Receivers wait only while the ring is empty and no sender
 * waits; senders wait only while it is full. */
#include <string.h>
#include "base/mem.h"
#include "task/waiters.h"

int weft__channel_open(weft__channel *ch, size_t size, size_t room, const char *name,
    const char *place)
{
    *ch = (weft__channel){ 0 };
    if (!size) return weft__fail_as(place, WEFT_EINVAL, 0, "a channel of a type without bytes");
    if (room > WEFT_CHANNEL_ROOM_MAX || room > WEFT_CHANNEL_BYTES_MAX / size) {
        return weft__fail_as(place, WEFT_ELIMIT, 0,
            "a channel with room for %zu items of %zu bytes: at most %d items and %d bytes",
            room, size, WEFT_CHANNEL_ROOM_MAX, WEFT_CHANNEL_BYTES_MAX);
    }
    if (room && !(ch->ring = weft__malloc(room * size))) return WEFT_ENOMEM;
    ch->size = size;
    ch->room = (uint32_t)room;
    ch->name = weft__waiters_name(name);
    return 0;
}

static char *slot(const weft__channel *ch, uint32_t i)
{
    uint32_t at = ch->first + i;
    return ch->ring + (at < ch->room ? at : at - ch->room) * ch->size;
}

static bool put(weft__channel *ch, const void *item)
{
    weft__waiter *receiver = weft__waiters_serve(&ch->receivers, 1);
    if (!receiver && ch->count == ch->room) return false;
    memcpy(receiver ? receiver->item : slot(ch, ch->count++), item, ch->size);
    return true;
}

static bool take(weft__channel *ch, void *out)
{
    if (!ch->count) {
        weft__waiter *sender = weft__waiters_serve(&ch->senders, 0);
        if (sender) memcpy(out, sender->item, ch->size);
        return sender != NULL;
    }
    memcpy(out, slot(ch, 0), ch->size);
    ch->first = ch->first + 1 < ch->room ? ch->first + 1 : 0;
    ch->count--;
    weft__waiter *sender = weft__waiters_serve(&ch->senders, 0);
    if (sender) memcpy(slot(ch, ch->count++), sender->item, ch->size);
    return true;
}

static int wait(weft__channel *ch, weft__waiters *q, void *item, const char *what)
{
    weft__held on = { .kind = "channel", .name = ch->name };
    weft__waiter w = { .fiber = weft__running(), .item = item };
    weft__waiters_add(q, &w);
    return weft__waiters_wait(q, &w, what, &on);
}

int weft__channel_send(weft__channel *ch, const void *item)
{
    if (!weft__running()) return weft__no_task("weft_send");
    int rc = weft__checkpoint();
    if (rc < 0) return rc;
    if (ch->closed || !ch->size) return WEFT_ECLOSED;
    if (put(ch, item)) return 0;
    return wait(ch, &ch->senders, (void *)item, "room in a channel");
}

int weft__channel_recv(weft__channel *ch, void *out)
{
    if (!weft__running()) return weft__no_task("weft_recv");
    int rc = weft__checkpoint();
    if (rc < 0) return rc;
    if (take(ch, out)) return 1;
    if (ch->closed || !ch->size) return 0;
    return wait(ch, &ch->receivers, out, "an item of a channel");
}

int weft__channel_try_send(weft__channel *ch, const void *item)
{
    if (ch->closed || !ch->size) return WEFT_ECLOSED;
    return put(ch, item);
}

int weft__channel_try_recv(weft__channel *ch, void *out)
{
    if (take(ch, out)) return 1;
    return ch->closed || !ch->size ? WEFT_ECLOSED : 0;
}

void weft__channel_close(weft__channel *ch)
{
    ch->closed = true;
    weft__waiters_serve_all(&ch->receivers, 0);
    weft__waiters_serve_all(&ch->senders, WEFT_ECLOSED);
}

void weft__channel_free(weft__channel *ch)
{
    weft__channel_close(ch);
    weft__free(ch->ring);
    *ch = (weft__channel){ 0 };
}
