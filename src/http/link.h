#ifndef WEFT_SRC_HTTP_LINK_H
#define WEFT_SRC_HTTP_LINK_H
/* A client's connection that speaks HTTP/2, and the lanes on it: what link.c and lane.c share. */
#include "http/h2_mem.h"
#include "http/lane.h"

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
    weft__buf head;                  /* lines of the one that comes */
    weft_str lent;                   /* of the request: where the caller has it */
    int64_t left;                    /* of a body whose length is known; -1: it is not */
    int status, coming;              /* of the answer; of the head that comes */
    unsigned heads;
    uint32_t code;                   /* it was reset with */
    bool is_head, out_last, waits_for_more;
    bool ended;                      /* all of the answer has come */
    bool failed;                     /* nothing more will */
    bool refused;                    /* the server has not looked at it */
    bool shut;                       /* nobody is to read */
    bool closed, given_back;
    bool left_over;                  /* given back and reset to make room */
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
bool weft__lane_leave(weft__lane *l);                        /* reset it if only its end is to come, which nobody waits for; false: it is in use */
int weft__lane_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *framehd, size_t length, nghttp2_data_source *source, void *user);
#endif
