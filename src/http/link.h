#ifndef WEFT_SRC_HTTP_LINK_H
#define WEFT_SRC_HTTP_LINK_H
/* A client's connection that speaks HTTP/2, and the lanes on it: what link.c and lane.c share. */
#include "http/h2_mem.h"
#include "http/lane.h"
#include "http/pipe.h"

typedef struct weft__link weft__link;

enum {
    LINK_LANES = 100,                /* on one connection, if its server takes as many */
    LINK_WINDOW = 256 * 1024,        /* bytes of an answer that nobody has read yet */
    LINK_WINDOW_ALL = 16 << 20,      /* of all answers on a connection */
    LINK_OUT_FULL = 64 * 1024,       /* gathered for one send, at most, and a frame */
    LINK_HEAD_MAX = 16 * 1024        /* WEFT__CALL_HEAD_MAX: the parser refuses what is larger */
};

/* It is freed when it was given back and nghttp2 has forgotten it. */
struct weft__lane {
    weft__conn conn;                 /* as calls know it; its stream is closed */
    weft__link *link;
    weft__lane *next, *prev;         /* of its connection's */
    int32_t id;                      /* 0: not sent */
    weft__fiber *reader, *writer;
    weft__buf in;                    /* of the answer, from in_at on: heads, then the body */
    size_t in_at, in_held;           /* in_held: bytes of the body whose room in the windows was not given back */
    size_t heads_left;               /* bytes of heads in `in` */
    weft__buf head;                  /* lines of the one that comes, or of trailers that have come */
    weft__buf trailers;              /* lines that end the request */
    weft_str lent;                   /* of the request: where the caller has it */
    int64_t left;                    /* of a body whose length is known; -1: it is not */
    int status, coming;              /* of the answer; of the head that comes */
    unsigned heads;
    uint32_t code;                   /* it was reset with */
    bool is_head, out_last, waits_for_more;
    bool ended;                      /* all of the answer has come */
    bool trailed;                    /* ... with trailers */
    bool failed;                     /* nothing more will */
    bool refused;                    /* the server has not looked at it */
    bool shut;                       /* nobody is to read */
    bool closed, given_back;
    bool left_over;                  /* given back and reset to make room */
    bool end_sent;                   /* all of the request, and its end */
    /* Of a WebSocket's (lane_pipe.c): */
    bool connects;                   /* its request is an extended CONNECT */
    int64_t asked_ns;                /* ... that was sent then */
    bool piped;                      /* ... that was accepted: the room of the connection is given back as bytes come, so that one that is
                                        not read holds up no other */
    bool pipe_full;                  /* the owner has more to send than was taken */
    bool parts;                      /* the owner has let go: what it sent still goes, and the end behind it */
    bool in_line;                    /* `due` stands in the client's line of those */
    weft__pipe pipe;
    weft__buf out;                   /* what the owner sends: `lent` is the rest of it */
    uint32_t events;                 /* that the owner is to be told of */
    weft__lane *told_next;           /* among those who are to be told */
    weft__due due;
};

struct weft__link {
    weft__conn *conn;                /* its place in the pool */
    weft__origin *origin;
    weft__client *client;
    weft__link *next;                /* of its origin's */
    nghttp2_session *session;
    weft__h2_mem mem;
    weft__lane *first;
    unsigned lanes;
    weft__buf out;
    weft__link *next_unsent;
    weft__timer idle, again;
    int64_t frames_until_ns;         /* how many idle frames came, as h2_guard.c counts them */
    bool unsent, opening;
    bool greeted;                    /* the server has said how many lanes it takes */
    bool leaving;                    /* no more lanes: the server has said so, or is about to be told */
    bool lost;                       /* there is no socket any more */
    bool used;                       /* an answer has come on it */
    bool floods;                     /* the server sends more of what is of no use than is borne */
    bool busy;                       /* somebody works on it: it is freed later */
    bool hears;                      /* ... and tells owners of pipes afterwards what has come */
    bool silent;                     /* a WebSocket has waited for its server in vain, and nothing else has come since: no more lanes */
    weft__lane *to_tell;             /* whose owners are to be told something */
    int64_t heard_ns;                /* when anything last came */
    const char *why;                 /* it was lost; a static text */
};

/* A place for a connection that is being opened, the first of its origin's; NULL without memory. */
weft__link *weft__link_new(weft__origin *o);
/* It is open, k->conn; on the loop's stack (weft__leaf). */
int weft__link_begin(void *k);
void weft__link_free(weft__link *k);
/* Have what there is sent before the loop next waits. */
void weft__link_mark(weft__link *k);
/* The connection is of no use any more: all of its lanes fail. */
void weft__link_lose(weft__link *k, const char *why);
/* Free what nothing needs any more; k may be gone then. */
void weft__link_settle(weft__link *k);
/* A frame of a request's body went out: some of what comes answers it. */
void weft__link_forgive(weft__link *k);
/* Work on it in the loop's next turn, whether or not something else happens. */
void weft__link_soon(weft__link *k);
/* Send what there is. It is not freed by it. */
void weft__link_push(weft__link *k);
/* Has its server said that it takes WebSockets? RFC 8441, 3 */
bool weft__link_connects(const weft__link *k);
/* Another lane may be had of the origin: who waits for one looks. */
void weft__link_tell(weft__origin *o, bool all);

/* lane.c, called by nghttp2 */
void weft__lane_heads(weft__lane *l);                        /* a head begins */
int weft__lane_header(weft__lane *l, weft_str name, weft_str value);
void weft__lane_head_ends(weft__lane *l, bool ends);
int weft__lane_data(weft__lane *l, const uint8_t *bytes, size_t n);
void weft__lane_ends(weft__lane *l);
void weft__lane_closed(weft__lane *l, uint32_t code);
void weft__lane_fail(weft__lane *l);
void weft__lane_lost(weft__lane *l);                         /* its connection is */
void weft__lane_free(weft__lane *l);
void weft__lane_scrap(weft__lane *l);                        /* its memory alone: its connection goes with it */
bool weft__lane_leave(weft__lane *l);                        /* reset it if only its end is to come, which nobody waits for; false: it is in use, or still sends */
void weft__lane_reset(weft__lane *l, uint32_t code);
void weft__lane_go_on(weft__lane *l);                        /* there is more to send, or the end */
int weft__lane_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *framehd, size_t length, nghttp2_data_source *source, void *user);

/* lane_pipe.c */
void weft__lane_sent(weft__lane *l);                         /* all that its owner sent has gone */
void weft__lane_tell(weft__lane *l, uint32_t events);        /* its pipe's owner, when that may be */
void weft__lanes_told(weft__link *k);                        /* now: on the loop's own stack, with nghttp2 not at work */
void weft__lanes_over(weft__link *k);                        /* the loop goes: owners let go of all pipes */
void weft__lane_part_stop(weft__lane *l);
void weft__lanes_parted(weft__timer *t);                     /* the line's */
void weft__lane_doubt(weft__lane *l);                        /* it was waited for in vain: was its server heard of lately? */
#endif
