/* Who is in rooms in other workers, and all who are in rooms here, for those to be told. */
#include "web/rooms_inside.h"
#include <string.h>
#include "base/mem.h"

enum { FAR_MAX = 1000000 };

/* ---- who is in rooms elsewhere ---- */

int weft__room_far_joins(unsigned from, weft_str name, weft_str id, bool announced)
{
    struct weft__rooms *r = weft__rooms_of(weft__ws_hub_here());
    room *in = NULL;
    if (!r || !name.len || name.len > WEFT__ROOM_NAME || id.len > WEFT__ROOM_NAME) return r ? WEFT_EINVAL : WEFT_ENOMEM;
    if (r->far_count >= FAR_MAX) return WEFT_ELIMIT;
    int rc = weft__room_enter(r, name, &in);
    if (rc < 0) return rc;
    far_member *f = weft__calloc(sizeof *f + id.len);
    if (!f) {
        weft__room_drop(r, in);
        return WEFT_ENOMEM;
    }
    f->from = (uint16_t)from;
    f->id_len = (uint8_t)id.len;
    if (id.len) memcpy(f->id, id.ptr, id.len);
    f->prev = in->far_last;
    *(f->prev ? &f->prev->next : &in->far) = f;
    in->far_last = f;
    in->far_count++;
    r->far_count++;
    if (announced) weft__room_announce(r, in, NULL, id, true);
    return 0;
}

static void far_remove(struct weft__rooms *r, room *in, far_member *f)
{
    *(f->prev ? &f->prev->next : &in->far) = f->next;
    *(f->next ? &f->next->prev : &in->far_last) = f->prev;
    in->far_count--;
    r->far_count--;
    weft__free(f);
}

void weft__room_far_leaves(unsigned from, weft_str name, weft_str id)
{
    room *in = weft__room_find(name);
    far_member *f = in ? in->far_last : NULL;        /* who comes and goes all the time has come last */
    while (f && !(f->from == from && f->id_len == id.len && memcmp(f->id, id.ptr, id.len) == 0)) f = f->prev;
    if (!f) return;
    struct weft__rooms *r = weft__ws_hub_here()->rooms;
    far_remove(r, in, f);
    in->busy++;
    weft__room_announce(r, in, NULL, id, false);
    weft__room_done_with(r, in);
}

static void far_end_in(struct weft__rooms *r, room *in, unsigned from, bool announced)
{
    in->busy++;
    for (far_member *f = in->far, *next; f; f = next) {
        char id[WEFT__ROOM_NAME];
        weft_str text = { id, f->id_len };
        next = f->next;
        if (f->from != from) continue;
        memcpy(id, f->id, text.len);
        far_remove(r, in, f);
        if (announced) weft__room_announce(r, in, NULL, text, false);
    }
    weft__room_done_with(r, in);
}

void weft__rooms_far_end(unsigned from, bool announced)
{
    weft__ws_hub *hub = weft__ws_hub_here();
    struct weft__rooms *r = hub ? hub->rooms : NULL;
    for (uint32_t i = 0; r && i < r->bucket_count; i++) {
        for (room *in = r->buckets[i], *next; in; in = next) {
            next = in->next;
            if (in->far) far_end_in(r, in, from, announced);
        }
    }
}

/* ---- all who are in rooms here ---- */

void weft__rooms_list(struct weft__rooms *r, weft_room *m)
{
    m->next_of_all = NULL;
    m->prev_of_all = r->all_last;
    *(r->all_last ? &r->all_last->next_of_all : &r->all) = m;
    r->all_last = m;
}

void weft__rooms_unlist(struct weft__rooms *r, weft_room *m)
{
    for (weft__rooms_walk *w = r->walks; w; w = w->other) {
        if (w->next == m) w->next = w->last == m ? NULL : m->next_of_all;
        if (w->last == m) w->last = m->prev_of_all;
    }
    *(m->prev_of_all ? &m->prev_of_all->next_of_all : &r->all) = m->next_of_all;
    *(m->next_of_all ? &m->next_of_all->prev_of_all : &r->all_last) = m->prev_of_all;
}

static struct weft__rooms *rooms_here(void)
{
    weft__ws_hub *hub = weft__ws_hub_here();
    return hub ? hub->rooms : NULL;
}

void weft__rooms_walk_begin(weft__rooms_walk *w)
{
    struct weft__rooms *r = rooms_here();
    weft__rooms_walk_end(w);
    if (!r || !r->all) return;
    *w = (weft__rooms_walk){ .next = r->all, .last = r->all_last, .other = r->walks, .begun = true };
    r->walks = w;
}

bool weft__rooms_walk_next(weft__rooms_walk *w, weft_str *room, weft_str *id)
{
    const weft_room *m = w->next;
    if (!m) return false;
    *room = weft__room_name(m->in);
    *id = (weft_str){ m->id, m->id_len };
    w->next = m == w->last ? NULL : m->next_of_all;
    return true;
}

void weft__rooms_walk_end(weft__rooms_walk *w)
{
    struct weft__rooms *r = rooms_here();
    if (!w->begun || !r) return;
    weft__rooms_walk **at = &r->walks;
    while (*at && *at != w) at = &(*at)->other;
    if (*at) *at = w->other;
    *w = (weft__rooms_walk){ 0 };
}
