/* Rooms: names in a table, members in the order in which they came. */
#include "web/rooms_inside.h"
#include <string.h>
#include "base/mem.h"
#include "model/json.h"
#include "wire/utf8.h"

enum { ROOMS = 100000, MEMBERS = 100000, JOINED = 100, BUCKETS_FIRST = 64, SAID_MAX = 64 << 20 };

static weft_room_limits_opts limits = { .rooms_max = ROOMS, .members_max = MEMBERS, .joined_max = JOINED };

WEFT_MODEL(Presence, field(weft_str, event), field(weft_str, room), field(weft_str, id));

/* ---- the table ---- */

static void leave_all(weft_ws *ws);

static void rooms_free(weft__ws_hub *hub)
{
    if (!hub->rooms) return;
    for (uint32_t i = 0; i < hub->rooms->bucket_count; i++) {
        for (room *in; (in = hub->rooms->buckets[i]);) {     /* nobody is in them any more, but elsewhere */
            hub->rooms->buckets[i] = in->next;
            for (far_member *f; (f = in->far);) {
                in->far = f->next;
                weft__free(f);
            }
            weft__free(in);
        }
    }
    weft__free(hub->rooms->buckets);
    weft__free(hub->rooms);
    hub->rooms = NULL;
}

struct weft__rooms *weft__rooms_of(weft__ws_hub *hub)
{
    if (!hub || hub->rooms) return hub ? hub->rooms : NULL;
    weft__os *os = weft__loop_os(hub->loop);
    struct weft__rooms *r = weft__calloc(sizeof *r);
    room **buckets = weft__calloc(BUCKETS_FIRST * sizeof *buckets);
    if (!r || !buckets) {
        weft__free(r);
        weft__free(buckets);
        return NULL;
    }
    *r = (struct weft__rooms){ .buckets = buckets, .bucket_count = BUCKETS_FIRST, .seed = os->ops->random(os) };
    hub->leave_rooms = leave_all;
    hub->free_rooms = rooms_free;
    return hub->rooms = r;
}

/* Names come from clients: with a seed of the process nobody can make them all fall into one bucket. */
static uint32_t hash_of(const struct weft__rooms *r, weft_str name)
{
    uint64_t h = r->seed;
    for (size_t i = 0; i < name.len; i++) {
        h = (h ^ (uint8_t)name.ptr[i]) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
    }
    return (uint32_t)(h ^ h >> 32);
}

static room **place_of(const struct weft__rooms *r, weft_str name, uint32_t hash)
{
    room **at = &r->buckets[hash & (r->bucket_count - 1)];
    while (*at && ((*at)->hash != hash || (*at)->name_len != name.len || memcmp((*at)->name, name.ptr, name.len) != 0)) at = &(*at)->next;
    return at;
}

room *weft__room_find(weft_str name)
{
    weft__ws_hub *hub = weft__ws_hub_here();
    struct weft__rooms *r = hub ? hub->rooms : NULL;
    return r && name.len ? *place_of(r, name, hash_of(r, name)) : NULL;
}

/* Without memory it stays as it is, and is slower. */
static void grow(struct weft__rooms *r)
{
    uint32_t n = 2 * r->bucket_count;
    room **buckets = weft__calloc(n * sizeof *buckets);
    if (!buckets) return;
    for (uint32_t i = 0; i < r->bucket_count; i++) {
        for (room *m; (m = r->buckets[i]);) {
            r->buckets[i] = m->next;
            m->next = buckets[m->hash & (n - 1)];
            buckets[m->hash & (n - 1)] = m;
        }
    }
    weft__free(r->buckets);
    r->buckets = buckets;
    r->bucket_count = n;
}

/* The room, made when it is not there. */
int weft__room_enter(struct weft__rooms *r, weft_str name, room **out)
{
    uint32_t hash = hash_of(r, name);
    *out = *place_of(r, name, hash);
    if (*out) return (*out)->count < (uint32_t)limits.members_max ? 0 : WEFT_ELIMIT;
    if (r->count >= (uint32_t)limits.rooms_max) return WEFT_ELIMIT;
    if (r->count >= r->bucket_count) grow(r);
    room *m = weft__calloc(sizeof *m + name.len);
    if (!m) return WEFT_ENOMEM;
    m->hash = hash;
    m->name_len = (uint8_t)name.len;
    memcpy(m->name, name.ptr, name.len);
    room **at = place_of(r, name, hash);
    m->next = *at;
    *at = m;
    r->count++;
    *out = m;
    return 0;
}

void weft__room_drop(struct weft__rooms *r, room *m)
{
    if (m->first || m->far || m->busy) return;
    *place_of(r, weft__room_name(m), m->hash) = m->next;
    r->count--;
    weft__free(m);
}

/* ---- saying ---- */

/* What is said is written once for all whose messages are not compressed, and compressed once for all to whom that is the same. */
typedef struct saying {
    weft_str bytes;
    bool binary;
    weft__buf frame;
    weft__ws_packed packed;
    const weft_room *not;
} saying;

static weft__ws_op op_of(const saying *s) { return s->binary ? WEFT__WS_BINARY : WEFT__WS_TEXT; }

static int write_frame(saying *s)
{
    weft__buf_init(&s->frame, SAID_MAX + WEFT__WS_HEAD_MAX);
    char *to = weft__buf_reserve(&s->frame, WEFT__WS_HEAD_MAX);
    if (to) s->frame.len = weft__ws_head(to, &(weft__ws_frame){ .op = op_of(s) }, s->bytes.len);
    weft__buf_add_str(&s->frame, s->bytes);
    return s->frame.failed;
}

static void forget(saying *s)
{
    weft__buf_free(&s->frame);
    weft__buf_free(&s->packed.frame);
}

static bool tell(weft_room *m, saying *s)
{
    weft_ws *ws = m->ws;
    if (!ws->terms.on) return weft__ws_put_frame(ws, weft__buf_str(&s->frame));
    if (weft__ws_pack(ws, op_of(s), s->bytes, &s->packed)) return weft__ws_put_frame(ws, weft__buf_str(&s->packed.frame));
    return weft__ws_has_room(ws, s->bytes.len + WEFT__WS_HEAD_MAX) && weft__ws_put_message(ws, op_of(s), s->bytes) == 0;
}

static void unlink_member(room *in, weft_room *m)
{
    m->linked = false;
    if (m->prev) m->prev->next = m->next;
    else in->first = m->next;
    if (m->next) m->next->prev = m->prev;
    else in->last = m->prev;
}

/* Nobody goes through them any more: those who left meanwhile are taken out. */
void weft__room_done_with(struct weft__rooms *r, room *in)
{
    if (--in->busy) return;
    for (weft_room *m = in->first, *next; m && in->left; m = next) {
        next = m->next;
        if (m->in) continue;
        in->left--;
        unlink_member(in, m);
        if (!m->ws) weft__free(m);
    }
    weft__room_drop(r, in);
}

static int say_to_all(struct weft__rooms *r, room *in, saying *s, bool announced)
{
    int heard = 0;
    in->busy++;
    for (weft_room *m = in->first; m; m = m->next) {
        if (!m->in || m == s->not || (announced && !m->announce)) continue;
        if (!m->ws->pipe || m->ws->said_close) continue;
        if (tell(m, s)) heard++;
        else if (!m->skips) weft__ws_say_close(m->ws, 1013, WEFT_S("it does not take what is said as fast as it is said"));
    }
    weft__room_done_with(r, in);
    return heard;
}

/* < 0: no memory for it. */
static int say(struct weft__rooms *r, room *in, saying *s, bool announced)
{
    int rc = write_frame(s);
    if (rc == 0) rc = say_to_all(r, in, s, announced);
    forget(s);
    return rc;
}

/* `who`: of this process, and not told itself; NULL: it is elsewhere. */
void weft__room_announce(struct weft__rooms *r, room *in, const weft_room *who, weft_str id, bool joined)
{
    Presence p = { joined ? WEFT_S("join") : WEFT_S("leave"), weft__room_name(in), id };
    if (in->announced == (who && who->in && who->announce)) return;
    weft__buf text;
    weft__buf_init(&text, 4096);
    saying s = { .not = who };
    /* Without memory nobody hears of it: weft_room_members tells the truth. */
    if (weft__json_write(&weft_schema_Presence, &p, &text, NULL) == 0) {
        s.bytes = weft__buf_str(&text);
        (void)say(r, in, &s, true);
    }
    weft__buf_free(&text);
}

static void announce(struct weft__rooms *r, room *in, const weft_room *who, bool joined)
{
    weft_str id = { who->id, who->id_len };
    if (r->spread) r->spread->presence(r->spread->ctx, weft__room_name(in), id, joined);
    weft__room_announce(r, in, who, id, joined);
}

/* ---- joining and leaving ---- */

static weft_room *refused(int code)
{
    static weft_room none[] = { { .failed = WEFT_ENOMEM }, { .failed = WEFT_ELIMIT }, { .failed = WEFT_EINVAL }, { .failed = WEFT_ECLOSED } };
    for (size_t i = 0; i < weft_count(none); i++)
        if (none[i].failed == code) return &none[i];
    return &none[weft_count(none) - 1];
}

static int check(const weft_ws *ws, weft_str name, const weft_room_opts *o)
{
    int joined = 0;
    if (!name.len || name.len > WEFT__ROOM_NAME) return weft_fail(WEFT_EINVAL, "a room's name of %zu bytes; expected 1 to %d", name.len, WEFT__ROOM_NAME);
    if (o->id.len > WEFT__ROOM_NAME) return weft_fail(WEFT_EINVAL, "an id in a room of %zu bytes; expected %d at most", o->id.len, WEFT__ROOM_NAME);
    if (!weft__utf8_valid(name.ptr, name.len) || !weft__utf8_valid(o->id.ptr, o->id.len)) return weft_fail(WEFT_EINVAL, "a room's name or an id in it is no UTF-8");
    for (const weft_room *m = ws->rooms; m; m = m->next_of_ws) joined += m->in != NULL;
    if (joined >= limits.joined_max) return weft_fail(WEFT_ELIMIT, "a WebSocket in more than %d rooms (joined_max)", limits.joined_max);
    return 0;
}

/* One that was left is used again, as long as its id has room: who comes and goes all the time does not grow. */
static weft_room *member_new(weft_ws *ws, weft_str id)
{
    enum { ROOM_STEP = 32 };
    size_t room = (id.len + ROOM_STEP - 1) / ROOM_STEP * ROOM_STEP;
    weft_room *m = ws->rooms;
    if (room > WEFT__ROOM_NAME) room = WEFT__ROOM_NAME;
    while (m && (m->in || m->linked || m->id_room < id.len)) m = m->next_of_ws;
    if (!m) {
        if (!(m = weft__calloc(sizeof *m + room))) return NULL;
        m->id_room = (uint8_t)room;
        m->ws = ws;
        m->next_of_ws = ws->rooms;
        ws->rooms = m;
    }
    m->id_len = (uint8_t)id.len;
    if (id.len) memcpy(m->id, id.ptr, id.len);
    return m;
}

weft_room *weft_room_join_with(weft_ws *ws, weft_str name, const weft_room_opts *o)
{
    struct weft__rooms *r = weft__rooms_of(ws->hub);
    room *in = NULL;
    int rc = r ? check(ws, name, o) : WEFT_ENOMEM;
    if (rc == 0) rc = weft_ws_accept(ws);
    if (rc == 0) rc = weft__room_enter(r, name, &in);
    if (rc < 0) return refused(rc);
    weft_room *m = member_new(ws, o->id);
    if (!m) {
        weft__room_drop(r, in);
        return refused(WEFT_ENOMEM);
    }
    m->in = in;
    m->linked = true;
    m->announce = o->announce;
    m->skips = o->slow == WEFT_ROOM_SKIP_SLOW;
    m->next = NULL;
    m->prev = in->last;
    if (in->last) in->last->next = m;
    else in->first = m;
    in->last = m;
    in->count++;
    in->announced += m->announce;
    weft__rooms_list(r, m);
    announce(r, in, m, true);
    return m;
}

int weft_room_failed(const weft_room *m) { return m->failed; }

void weft_room_leave(weft_room *m)
{
    room *in = m->in;
    if (!in) return;
    struct weft__rooms *r = m->ws->hub->rooms;
    weft__rooms_unlist(r, m);
    m->in = NULL;
    in->count--;
    in->announced -= m->announce;
    in->left++;
    in->busy++;
    announce(r, in, m, false);
    in->busy--;
    if (!in->busy) {
        in->left--;
        unlink_member(in, m);
    }
    weft__room_drop(r, in);
}

/* Nobody uses the WebSocket any more. One that somebody goes past just now is freed by who does. */
static void leave_all(weft_ws *ws)
{
    for (weft_room *m; (m = ws->rooms);) {
        ws->rooms = m->next_of_ws;
        weft_room_leave(m);
        if (m->linked) m->ws = NULL;
        else weft__free(m);
    }
}

/* ---- what handlers call ---- */

static int sayable(weft_str bytes, bool binary)
{
    if (bytes.len > SAID_MAX) return weft_fail(WEFT_ELIMIT, "%zu bytes are said in a room; expected %d at most", bytes.len, SAID_MAX);
    if (binary || weft__utf8_valid(bytes.ptr, bytes.len)) return 0;
    return weft_fail(WEFT_EINVAL, "a text that is no UTF-8 cannot be sent; .binary = true sends any bytes");
}

/* `in` NULL: nobody is in it here. Without memory it is said nowhere. */
static int speak(struct weft__rooms *r, weft_str name, room *in, saying *s)
{
    int rc = in ? write_frame(s) : 0;
    if (rc == 0 && r->spread) r->spread->publish(r->spread->ctx, name, s->binary, s->bytes);
    if (rc == 0 && in) rc = say_to_all(r, in, s, false);
    forget(s);
    return rc < 0 ? weft__fail_as(NULL, rc, 0, "no memory for what is said in a room") : rc;
}

int weft_room_send_with(weft_room *m, weft_str bytes, const weft_room_say *how)
{
    if (m->failed) return weft__fail_as(NULL, m->failed, 0, "the room was not joined");
    if (!m->in) return weft__fail_as(NULL, WEFT_ECLOSED, 0, "the room has been left");
    int rc = sayable(bytes, how->binary);
    if (rc < 0) return rc;
    rc = speak(m->ws->hub->rooms, weft__room_name(m->in), m->in, &(saying){ .bytes = bytes, .binary = how->binary, .not = how->others ? m : NULL });
    return rc < 0 ? rc : 0;
}

int weft_room_send_json_with(weft_room *m, const weft_schema *schema, const void *value, const weft_room_say *how)
{
    weft__buf text;
    weft__fault fault = { "" };
    weft__buf_init(&text, SAID_MAX);
    int rc = weft__json_write(schema, value, &text, &fault);
    if (rc < 0) rc = weft__fail_as(NULL, rc, 0, "what is said in a room cannot be written as JSON: %s", fault.text[0] ? fault.text : "no memory");
    else rc = weft_room_send_with(m, weft__buf_str(&text), how);
    weft__buf_free(&text);
    return rc;
}

int weft__room_deliver(weft_str name, bool binary, weft_str bytes)
{
    room *in = weft__room_find(name);
    saying s = { .bytes = bytes, .binary = binary };
    return in ? say(weft__ws_hub_here()->rooms, in, &s, false) : 0;
}

int weft_room_publish_with(weft_str name, weft_str bytes, const weft_room_say *how)
{
    int rc = sayable(bytes, how->binary);
    if (rc < 0) return rc;
    if (!name.len || name.len > WEFT__ROOM_NAME) return weft_fail(WEFT_EINVAL, "a room's name of %zu bytes; expected 1 to %d", name.len, WEFT__ROOM_NAME);
    struct weft__rooms *r = weft__rooms_of(weft__ws_hub_here());
    if (!r) return weft__fail_as(NULL, WEFT_ENOMEM, 0, "no memory for what is said in a room");
    return speak(r, name, weft__room_find(name), &(saying){ .bytes = bytes, .binary = how->binary });
}

int weft_room_members(weft_str name, weft_list_weft_str *out)
{
    const room *in = weft__room_find(name);
    weft_arena *arena = weft__arena_here();
    weft_list_weft_str list = { 0 };
    for (const weft_room *m = in ? in->first : NULL; m; m = m->next) {
        if (!m->in || !m->id_len) continue;
        weft_str *slot = weft__list_slot(arena, &list, sizeof *slot), id = weft__arena_dup(arena, (weft_str){ m->id, m->id_len });
        if (!slot || !id.ptr) return weft__fail_as(NULL, WEFT_ENOMEM, 0, "no memory for who is in a room");
        *slot = id;
    }
    for (const far_member *f = in ? in->far : NULL; f; f = f->next) {
        if (!f->id_len) continue;
        weft_str *slot = weft__list_slot(arena, &list, sizeof *slot), id = weft__arena_dup(arena, (weft_str){ f->id, f->id_len });
        if (!slot || !id.ptr) return weft__fail_as(NULL, WEFT_ENOMEM, 0, "no memory for who is in a room");
        *slot = id;
    }
    *out = list;
    return 0;
}

size_t weft_room_count(weft_str name)
{
    const room *in = weft__room_find(name);
    return in ? in->count + in->far_count : 0;
}

int weft__rooms_spread(const weft__spread *spread)
{
    struct weft__rooms *r = weft__rooms_of(weft__ws_hub_here());
    if (!r) return WEFT_ENOMEM;
    r->spread = spread;
    return 0;
}

int weft_room_limits_with(const weft_room_limits_opts *o)
{
    if (o->rooms_max < 0 || o->members_max < 0 || o->joined_max < 0) return weft_fail(WEFT_EINVAL, "weft_room_limits: a limit is negative");
    limits = (weft_room_limits_opts){ .rooms_max = o->rooms_max ? o->rooms_max : ROOMS, .members_max = o->members_max ? o->members_max : MEMBERS,
        .joined_max = o->joined_max ? o->joined_max : JOINED };
    return 0;
}
