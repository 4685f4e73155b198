#ifndef WEFT_SRC_HTTP_WS_H
#define WEFT_SRC_HTTP_WS_H
/* A WebSocket, of a server or a client: frames read and written over a pipe. One that is idle is a weft_ws and nothing else; whatever is
 * under way (a message that comes, one that waits, bytes that the peer has not taken) has a ws_io of the loop's besides. It listens to
 * its peer whatever its handler does: what comes is read on the loop's own stack, up to one whole message that nobody has taken. */
#include "base/buf.h"
#include "http/line.h"
#include "http/pipe.h"
#include "task/waiters.h"
#include "weft/ws.h"
#include "wire/ws.h"
#include "wire/ws_deflate.h"
#include "wire/ws_handshake.h"

typedef struct weft__ws_hub weft__ws_hub;
typedef struct weft__ws_io weft__ws_io;

enum { WEFT__WS_PROTOCOLS_MAX = 16 };

/* What many WebSockets have in common: all of a route, or one of a client's. Lives as long as they do. */
typedef struct weft__ws_kind {
    weft__ws_rules rules;            /* .deflate: what may be agreed to; a WebSocket's own is in its `rules` */
    size_t message_bytes_max, queue_bytes_max;
    int look_ms, close_ms, leave_ms; /* look_ms: how often it is looked at whether the peer is there */
    bool pings;
    bool client;                     /* ours are a client's: our frames are masked */
    weft__ws_terms terms;            /* of permessage-deflate, that are wanted */
    int deflate_level;
    weft_str protocols[WEFT__WS_PROTOCOLS_MAX];
    unsigned protocols_count;
    /* On the loop's own stack, or in a task; neither waits. A message waits that nobody is asking for. It is over, or will be as soon as the
     * peer agrees: nothing comes any more and nothing can be sent; called once. Both may be NULL. */
    void (*arrived)(weft_ws *ws);
    /* Answer the handshake; NULL: it is open from the beginning. */
    int (*accept)(weft_ws *ws);
    void (*ended)(weft_ws *ws);
    void (*freed)(weft_ws *ws);
} weft__ws_kind;

struct weft_ws {
    weft__pipe *pipe;                /* NULL: gone */
    weft__ws_hub *hub;
    const weft__ws_kind *kind;
    weft__ws_io *io;                 /* NULL: nothing is under way */
    struct weft__ws_line *line;      /* what it waits in; NULL: none */
    weft__due due;
    weft__ws_in in;
    weft__ws_text text;
    weft__ws_terms terms;            /* of permessage-deflate, as agreed */
    uint8_t protocol;                /* of its kind's, counted from 1; 0: none */
    uint16_t code;                   /* how it ended: the peer's code, or ours; 0: it goes on */
    struct weft__ws_context *context;            /* of compression that goes from message to message; NULL: none */
    weft__fiber *reader;             /* waits for a message */
    weft_ws *next_todo;              /* of message handlers: in the hub's `todo` or `late` */
    weft_scope *scope;               /* of the handler that a disconnect cancels; NULL: none */
    struct weft_room *rooms;         /* that it is in */
    void *owner;                     /* what the floor above keeps of it */
    char *reason;                    /* the peer's; NULL: none */
    int failed;                      /* why it ended, when nobody said Close: a code */
    bool said_close : 1, heard_close : 1;        /* our Close is queued or sent; the peer's came */
    bool held : 1;                   /* its owner may still use it: not freed */
    bool waits : 1;                  /* a whole message waits: nothing more is read */
    bool told : 1;                   /* ->ended was called */
    bool taken_end : 1;              /* the handler knows that it has ended */
    bool heard : 1, pinged : 1;      /* something came since the last look; a ping was sent at it */
    bool breaks : 1;                 /* what is queued goes out, then it is over without an answer to our Close */
    bool kept : 1;                   /* a disconnect does not cancel */
    bool text_given : 1;             /* the message that was given last is a text */
    bool opened : 1;                 /* the handshake is done */
    bool broken : 1;                 /* stands in the hub's `broken`: it is over before the loop next waits */
    bool leaves : 1;                 /* its handler's time to ask for the end runs, or has run */
    bool shed : 1;                   /* the first wait for a message has given back what its stack does not need */
    bool detached : 1, busy : 1;     /* of message handlers: the request is over; a task handles them */
};

/* ---- ws.c: its life ---- */

/* What options make of a kind: all but its functions, and `client`. */
void weft__ws_kind_make(weft__ws_kind *kind, const weft_ws_opts *o);

/* A WebSocket on an upgraded pipe, `extra` zero bytes behind it. It is held: weft__ws_release. NULL: no memory; the pipe is then as it was. */
weft_ws *weft__ws_new(const weft__ws_kind *kind, size_t extra) WEFT_NODISCARD;
/* Listen. `terms` are those agreed. What came behind the handshake is read when it is asked for, or by weft__ws_wake. */
void weft__ws_open(weft_ws *ws, weft__pipe *pipe, const weft__ws_terms *terms);
/* Look for what has come already: on the loop's own stack, or in a task. */
void weft__ws_wake(weft_ws *ws);
/* Nobody uses it any more: close it, if nobody has (code, reason), and free it when it is over. Waits: never. */
void weft__ws_release(weft_ws *ws, int code, weft_str reason);
/* Say Close, once; nothing is sent behind it. Waits: never. */
void weft__ws_say_close(weft_ws *ws, unsigned code, weft_str reason);
/* The peer is gone, or is to be: nothing can come and nothing be sent. `failed`: 0 when both have said Close. */
void weft__ws_over(weft_ws *ws, int failed, bool reset);
/* The same before the loop next waits: for want of memory, of one that others are at work with, or of another than one's own. */
void weft__ws_break(weft_ws *ws, int failed);
void weft__ws_end_broken(weft__ws_hub *hub);
/* The peer has done what must not be: say Close with that code, and be over. */
void weft__ws_fault(weft_ws *ws, unsigned code, int failed, const char *why);
/* Nothing more comes: tell its owner, once. */
void weft__ws_tell_ended(weft_ws *ws);
void weft__ws_keep_reason(weft_ws *ws, weft_str reason);
/* Free those that are over and that nobody uses: when nothing of them is on any stack. */
void weft__ws_free_dead(weft__ws_hub *hub);
/* Why nothing can be sent any more: a code, recorded; 0: it can. */
int weft__ws_sendable(const weft_ws *ws);

/* ---- ws_in.c ---- */

/* Read what there is: until a message waits and another one is behind it, nothing is there any more, or it is over. Waits: never. */
void weft__ws_pump(weft_ws *ws);
/* Would that find anything? */
bool weft__ws_may_pump(const weft_ws *ws);
/* Is one message waiting, and another one behind it, so that nothing is read? */
bool weft__ws_is_full(const weft_ws *ws);
/* The message that waits is given: what weft_ws_recv yields. */
weft_str weft__ws_take(weft_ws *ws);
/* What was given last is not used any more. */
void weft__ws_give_back(weft_ws *ws);
void weft__ws_forget_input(weft_ws *ws);
/* Nobody will take the message that waits. */
void weft__ws_skip(weft_ws *ws);

/* ---- ws_out.c ---- */

/* Queue one frame, whatever is there already: for control frames, and whoever has seen that there is room. 0, or WEFT_ENOMEM, WEFT_ELIMIT. */
int weft__ws_put(weft_ws *ws, weft__ws_op op, weft_str payload);
/* The same of a message: compressed when that was agreed. */
int weft__ws_put_message(weft_ws *ws, weft__ws_op op, weft_str payload);
/* Would such a message be copied into room that is there already, and no more be done? */
bool weft__ws_put_is_shallow(const weft_ws *ws, size_t n);
/* A message as one compressed frame for many: of whoever agreed to the same as the first, with the same level. False: it is not for this one,
 * which weft__ws_put_message is then. All zeros at first; `frame` is the caller's to free. */
typedef struct weft__ws_packed { weft__buf frame; uint8_t bits; int level; } weft__ws_packed;
bool weft__ws_pack(weft_ws *ws, weft__ws_op op, weft_str payload, weft__ws_packed *p);
bool weft__ws_has_room(const weft_ws *ws, size_t n);
/* Bytes that nobody has taken yet. */
size_t weft__ws_unsent(const weft_ws *ws);
/* Frames written already, for many peers: sent at once as far as that goes, the rest is queued. False: there is no room, nothing was sent. */
bool weft__ws_put_frame(weft_ws *ws, weft_str frame);
/* Send what is queued as far as it goes. False: it is over. */
bool weft__ws_flush(weft_ws *ws);

/* Of compression that goes from message to message. NULL: no memory. */
struct weft__ws_context { weft__inflater *in; weft__deflater *out; };
struct weft__ws_context *weft__ws_context_of(weft_ws *ws);
void weft__ws_context_free(weft_ws *ws);

/* ---- ws_hub.c: what those of a loop share ---- */

enum { WEFT__WS_INPUT = 64 * 1024, WEFT__WS_MASKS = 4 };

typedef struct weft__ws_line {
    struct weft__ws_line *next;
    weft__ws_hub *hub;
    weft__line line;
    int ms;
} weft__ws_line;

struct weft__ws_hub {
    weft__loop *loop;
    weft__hook flush;
    weft__ws_io *unsent;             /* those with something queued */
    weft__ws_io *spares;
    unsigned spares_count;
    weft__ws_line *lines;
    char *input;                     /* what is read into; WEFT__WS_INPUT bytes */
    weft__buf packed;                /* what is compressed into */
    weft__ws_io *again;              /* those that had more to read than one turn should take */
    weft__timer again_timer;
    weft__inflater *inflater;        /* a spare one, of the largest window */
    weft__deflater *deflaters[WEFT__WS_BITS_MAX + 1];        /* by their windows, for messages that begin anew */
    uint64_t masks[WEFT__WS_MASKS];
    unsigned masks_left;
    struct weft__ws_client *clients; /* ws_client.c */
    weft_ws *dead;                   /* over, and not used by anybody */
    weft_ws *broken;                 /* weft__ws_break; linked by due.behind, as the dead are */
    /* Of message handlers, done by the floor above. todo: have something to handle; fresh: the scope of a task that will look at them when it
     * begins, NULL: none; late: there was no memory for a task. */
    weft_ws *todo, **todo_end, *late;
    const weft_scope *fresh;
    void (*start_rest)(weft__ws_hub *hub);
    struct weft__rooms *rooms;       /* of the floor above, with what it does of them: */
    void (*leave_rooms)(weft_ws *ws);
    void (*free_rooms)(weft__ws_hub *hub);
};

struct weft__ws_io {
    weft_ws *ws;
    weft__ws_io *next, *prev;        /* in the list of the unsent, or of the spares */
    weft__ws_io *next_again;
    weft__buf given, coming;         /* what the handler has; the message that comes, or waits */
    weft__buf out;                   /* frames; those before out_at have gone */
    size_t out_at, went, stuck;      /* went: sent in all; stuck: that and one at the last look, if something was left */
    char *rest;                      /* bytes that came and were not looked at: [rest_at, rest_len) */
    size_t rest_at, rest_len;
    weft__inflater *inflater;        /* of the compressed message that is coming */
    uint64_t seen_bytes;             /* of the message that is coming, at the last look */
    uint8_t slow_looks;              /* at which it had come too slowly, one after the other */
    weft__waiters senders;           /* wait for room */
    bool unsent, coming_text, in_again, given_used;
};

/* The loop's, made at the first call. NULL: no memory. */
weft__ws_hub *weft__ws_hub_here(void);
/* All connections of the server with this scope are closed, and its tasks will be. Waits: never. */
void weft__ws_server_over(const weft_scope *scope);
/* The io of a WebSocket, made when it has none; NULL: no memory. And given back when nothing is under way in it. */
weft__ws_io *weft__ws_io_of(weft_ws *ws);
void weft__ws_io_done(weft_ws *ws);
void weft__ws_io_drop(weft_ws *ws);          /* whatever is under way: of one that is freed */
/* Have it looked at in `ms`, and not before. False: no memory. */
bool weft__ws_wait(weft_ws *ws, int ms);
void weft__ws_wait_stop(weft_ws *ws);
/* Its time has come: ws.c. */
void weft__ws_due(weft_ws *ws);
void weft__ws_mark(weft_ws *ws);
void weft__ws_unmark(weft__ws_io *io);
/* Read on, and send on, in the next turn. Without memory for that it is over. */
void weft__ws_again(weft_ws *ws);
void weft__ws_clients_end(weft__ws_hub *hub);       /* ws_client.c */
void weft__ws_mask_new(weft__ws_hub *hub, uint8_t mask[4]);
#endif
