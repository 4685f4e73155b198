#ifndef WEFT_SRC_WEB_ROOMS_INSIDE_H
#define WEFT_SRC_WEB_ROOMS_INSIDE_H
/* What the files of rooms share. */
#include "web/rooms.h"

typedef struct room room;
enum { WEFT__ROOM_NAME = 255 };

/* One WebSocket in one room. */
struct weft_room {
    room *in;                        /* NULL: it has left, or never was in one */
    weft_ws *ws;
    weft_room *next, *prev;          /* in the room */
    weft_room *next_of_all, *prev_of_all;    /* while it is in one */
    weft_room *next_of_ws;
    int failed;                      /* why it could not be joined */
    bool announce, skips, linked;    /* linked: it stands in the room's list, also when it has left but somebody goes through that */
    uint8_t id_len, id_room;
    char id[];
};

/* Somebody who is in the room in another worker. */
typedef struct far_member { struct far_member *next, *prev; uint16_t from; uint8_t id_len; char id[]; } far_member;

struct room {
    room *next;                      /* in its bucket */
    weft_room *first, *last;
    far_member *far, *far_last;
    uint32_t far_count;
    uint32_t hash, count;
    uint32_t announced;              /* those who want to hear who comes and goes */
    uint32_t busy, left;             /* somebody goes through its members: those who leave stay linked until then, so many of them */
    uint8_t name_len;
    char name[];
};

struct weft__rooms {
    room **buckets;
    uint32_t bucket_count, count, far_count;
    uint64_t seed;
    const weft__spread *spread;
    weft_room *all, *all_last;       /* all who are in one */
    weft__rooms_walk *walks;
};

static inline weft_str weft__room_name(const room *m) { return (weft_str){ m->name, m->name_len }; }

/* ---- rooms.c ---- */

struct weft__rooms *weft__rooms_of(weft__ws_hub *hub);       /* made when there are none; NULL: no memory */
room *weft__room_find(weft_str name);
/* The room, made when it is not there: 0, WEFT_ELIMIT, WEFT_ENOMEM. And gone, when nobody is in it. */
int weft__room_enter(struct weft__rooms *r, weft_str name, room **out);
void weft__room_drop(struct weft__rooms *r, room *in);
/* `who`: of this process, and not told itself; NULL: it is elsewhere. */
void weft__room_announce(struct weft__rooms *r, room *in, const weft_room *who, weft_str id, bool joined);
/* Nobody goes through its members any more: `busy` was counted up before. */
void weft__room_done_with(struct weft__rooms *r, room *in);

/* ---- rooms_far.c ---- */

/* Among all who are in rooms here; and not any more. */
void weft__rooms_list(struct weft__rooms *r, weft_room *m);
void weft__rooms_unlist(struct weft__rooms *r, weft_room *m);
#endif
