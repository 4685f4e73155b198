#ifndef WEFT_SRC_WEB_WS_H
#define WEFT_SRC_WEB_WS_H
/* Routes that are WebSockets: the handshake as an answer, the handler as its conversation, or message handlers. */
#include "http/ws.h"
#include "web/endpoint_make.h"
#include "web/origins.h"

/* Of a route, made ready at the start. */
typedef struct weft__ws_route {
    weft__ws_kind kind;              /* the first member: a WebSocket's kind is its route */
    const weft__endpoint *endpoint;
    weft__origins origins;
    bool origins_given, any_origin;
    size_t request_bytes_max;        /* of what a message handler allocates */
} weft__ws_route;

static inline const weft__ws_route *weft__ws_route_of(const weft_ws *ws) { return (const weft__ws_route *)ws->kind; }

/* Make a route's options ready, and tell their faults: e->ws. */
void weft__ws_make(weft__making *m);

/* What stands where the output of other routes does: the handshake's answer. */
typedef struct weft__ws_call {
    weft_reply reply;
    weft__exchange *exchange;
    const weft__endpoint *endpoint;
    weft_ws *ws;
    weft__ws_terms terms;
    uint8_t protocol;                /* of its kind's, counted from 1; 0: none */
    const char *fault;               /* why it is no handshake, or refused; NULL: it can be accepted */
    int status;                      /* of that */
    bool spoiled;                    /* an answer has begun that is none to a handshake */
    char accept[WEFT__WS_ACCEPT];
} weft__ws_call;

/* While the request's head is there. */
weft_reply *weft__ws_init(const weft__endpoint *e, weft__exchange *x, void *out);
/* As weft__stream_run. */
bool weft__ws_run(const weft__endpoint *e, const void *in, void *out, int timeout_ms, weft__given *given, int *rc, bool *late);

/* Say in the log how a handler failed, if that was not the peer's doing; and with what its WebSocket is to be closed. */
typedef struct weft__ws_ending { int code; weft_str reason; } weft__ws_ending;
weft__ws_ending weft__ws_ending_of(const weft_ws *ws, int rc, bool late);

/* ---- ws_handlers.c ---- */

void weft__ws_handlers_arrived(weft_ws *ws);
void weft__ws_handlers_ended(weft_ws *ws);
/* The first handler, then nothing of it is left on the stack. */
int weft__ws_handlers_open(weft_ws *ws, const void *in);
/* The first one has accepted it, and failed. Waits: as the last one does. */
void weft__ws_handlers_failed(weft_ws *ws, const weft__ws_ending *end);
/* It is accepted: from now on its messages are handled. */
void weft__ws_handlers_begin(weft_ws *ws, weft__exchange *x);
#endif
