#ifndef WEFT_ROOM_H
#define WEFT_ROOM_H
/* Rooms: what one WebSocket says, all in the room hear.
 *
 *     static int chat(const chat_in *in, weft_ws *ws)
 *     {
 *         weft_room *room = weft_room_join(ws, in->room, .id = in->name);
 *         weft_str said;
 *         int rc;
 *         while ((rc = weft_ws_recv(ws, &said)) > 0) WEFT_TRY(weft_room_send(room, said));
 *         return rc;
 *     }
 *
 * A room is there while somebody is in it. Whoever does not take what is said holds nobody up: what waits for it is bounded by its
 * .queue_bytes_max, and then it is closed, or misses what is said meanwhile. What is sent goes out at once, as far as the peer takes it; each
 * member hears what is said in the order in which it was said. With workers (serve.h) a room is one over all of them: what one member says comes to all in
 * the order in which he said it; a message of 64 KiB and more stays in its worker, which the log says once a second at most; and in a flood that a worker cannot
 * follow it misses messages, which it says, too.                                       Example: examples/chat.c  */
#include "weft/ws.h"

/* One WebSocket in one room. It lives as long as the WebSocket may be used, also when it has been left; but the next weft_room_join of that
 * WebSocket may use it again, so whoever joins anew forgets what was left. */
typedef struct weft_room weft_room;

/* What becomes of who takes too little: its WebSocket is closed (1013), or it misses messages. */
typedef enum weft_room_slow { WEFT_ROOM_CLOSE_SLOW, WEFT_ROOM_SKIP_SLOW } weft_room_slow;

/* Be in a room, until weft_room_leave or the end of the handler (with message handlers: until .on_close has returned); accepts the
 * WebSocket if nobody has. A name is 1 to 255 bytes.
 * id: who this is to others, of 255 bytes at most: weft_room_members tells. Need not be unique.
 * announce: this one is sent who joins and leaves after it, as {"event":"join","room":"kitchen","id":"ann"} and "leave".
 * Never NULL: one that could not be joined fails with why in all calls that are given it: what weft_ws_accept failed with; WEFT_EINVAL: a name or id
 * that cannot be; WEFT_ELIMIT: see weft_room_limits; WEFT_ENOMEM; WEFT_ECLOSED. To be in one twice is to be two. Waits: never. */
typedef struct weft_room_opts {
    weft__named_options_only _;
    weft_str id;
    bool announce;
    weft_room_slow slow;
} weft_room_opts;
#define weft_room_join(ws, name, ...) weft_room_join_with((ws), (name), &(weft_room_opts){ __VA_ARGS__ })
weft_room *weft_room_join_with(weft_ws *ws, weft_str name, const weft_room_opts *opts);

/* Why it could not be joined: a code; 0: it was. Waits: never. */
int weft_room_failed(const weft_room *room);

/* Say something to all in the room, this one too: weft_room_send(room, text), weft_room_send(room, text, .others = true). A text must be
 * UTF-8 (WEFT_EINVAL). 0, whoever is there to hear it; what weft_room_failed tells; WEFT_ELIMIT: more than 64 MiB; WEFT_ENOMEM: it was
 * said nowhere; WEFT_ECLOSED: this one has left. To members whose messages are compressed it is compressed once. Waits: never. */
typedef struct weft_room_say { weft__named_options_only _; bool others, binary; } weft_room_say;
#define weft_room_send(room, bytes, ...) weft_room_send_with((room), (bytes), &(weft_room_say){ __VA_ARGS__ })
int weft_room_send_with(weft_room *room, weft_str bytes, const weft_room_say *how);

/* The same with a value as JSON: weft_room_send_json(Move, room, &move). Waits: never. */
#define weft_room_send_json(Model, room, value, ...) weft_room_send_json_with((room), &weft_schema_##Model, (const Model *){ (value) }, &(weft_room_say){ __VA_ARGS__ })
int weft_room_send_json_with(weft_room *room, const weft_schema *, const void *value, const weft_room_say *how);

/* The same to a room by its name, from any task: a handler of a POST, a background task. How many heard it here, so 0 when nobody is there;
 * WEFT_EINVAL also for a name that is not 1 to 255 bytes. Waits: never. */
#define weft_room_publish(name, bytes, ...) weft_room_publish_with((name), (bytes), &(weft_room_say){ __VA_ARGS__ })
int weft_room_publish_with(weft_str name, weft_str bytes, const weft_room_say *how);

/* Who is in a room: their ids, in the order in which they came, those in other workers behind, those without one left out; the texts live like weft_alloc's. How many are
 * there, with and without an id. 0 or WEFT_ENOMEM. Wait: never. */
int weft_room_members(weft_str name, weft_list_weft_str *out) WEFT_NODISCARD;
size_t weft_room_count(weft_str name);

/* Leave; twice is once. Waits: never. */
void weft_room_leave(weft_room *room);

/* Of each process; 0 takes the default named here. In main, before weft_serve. 0 or WEFT_EINVAL for a negative one. Waits: never. With workers a room
 * that somebody is in elsewhere counts too; of who is there more than a million, or past rooms_max, weft_room_members and weft_room_count do not know. */
typedef struct weft_room_limits_opts {
    weft__named_options_only _;
    int rooms_max;                   /* 100 000 */
    int members_max;                 /* of a room: 100 000 */
    int joined_max;                  /* rooms of one WebSocket: 100 */
} weft_room_limits_opts;
#define weft_room_limits(...) weft_room_limits_with(&(weft_room_limits_opts){ __VA_ARGS__ })
int weft_room_limits_with(const weft_room_limits_opts *opts);
#endif
