#ifndef WEFT_SRC_HTTP_LANE_H
#define WEFT_SRC_HTTP_LANE_H
/* A call's share of a connection that speaks HTTP/2: what the client's files know of it. It takes a request as it would be written for
 * HTTP/1.1, and gives the answer as it would come there, head and body, until a clean end: so what asks and what reads need not know. RFC
 * 9113 */
#include "http/features.h"
#include "http/origin.h"
#include "http/pipe.h"

typedef struct weft__lane weft__lane;

/* What weft__lane_recv gives for a request that the server has not looked at: asked again, it does no harm. Unused by codes. */
enum { WEFT__LANE_REFUSED = -20001 };
/* What weft__lane_take gives when the server has chosen HTTP/1.1: there is no lane. */
enum { WEFT__LANE_HTTP1 = 20001 };

/* What was agreed on with TLS: of an open connection. */
static inline bool weft__conn_chose_http2(const weft__conn *c) { return weft_str_equal(weft__stream_alpn(&c->stream), WEFT_S("h2")); }

#if WEFT__HAS_HTTP2
/* A lane to the origin, on a connection that has room for it, or on a new one within the pool's limits. *out is its connection as calls
 * know it (conn->lane): given back by weft__conn_keep or weft__conn_drop. 0; WEFT__LANE_HTTP1: *out is a connection of HTTP/1.1 that was
 * opened just now, or NULL; or a code: that of opening one, with *why a static text or NULL and *opening set; WEFT_ENOMEM; WEFT_ETIMEDOUT;
 * of a cancel. Waits: for a connection. */
int weft__lane_take(weft__origin *o, int64_t deadline_ns, weft__conn **out, const char **why, bool *opening);

/* An open connection on which the server has chosen HTTP/2 is one for lanes from now on: it is not the caller's any more. 0 or WEFT_ENOMEM: it is
 * given back. Waits: never. */
int weft__lane_adopt(weft__conn *c);

/* Send a request: its head's lines, and its body, which stays where it is until the lane is given back. `more`: instead, pieces follow.
 * 0, WEFT_ENOMEM, or WEFT_ECONNRESET: the connection is gone. Waits: never. */
int weft__lane_send(weft__lane *l, weft_str head, weft_str body, bool more);
/* A piece; and the end of them, with lines of trailers, which are copied. 0; WEFT_ECONNRESET: no more of it is wanted; or a code. A piece waits:
 * until the server has room for it. */
int weft__lane_write(weft__lane *l, weft_str piece, int64_t deadline_ns);
int weft__lane_write_end(weft__lane *l, weft_str trailers);
/* The status of an answer that has begun; 0: none has. */
int weft__lane_status(const weft__lane *l);

/* As weft__stream_recv; WEFT_ECONNRESET: it was reset, or its connection broke off (weft__lane_how tells). */
ssize_t weft__lane_recv(weft__lane *l, void *to, size_t n, int64_t deadline_ns);
/* Of an answer that has ended: the lines of its trailers, until the lane is given back; empty when it had none. */
weft_str weft__lane_trailers(const weft__lane *l);
/* Who reads gets WEFT_ECLOSED. */
void weft__lane_shut(weft__lane *l);
const char *weft__lane_how(const weft__lane *l);     /* a static text */
/* ... by this side, as its head or trailers passed their limit? Wait: never. */
bool weft__lane_too_large(const weft__lane *l);

/* ---- lane_pipe.c: WebSockets. RFC 8441 ---- */

/* For one that would do with HTTP/1.1: is there a connection on which its server takes WebSockets, or has not said yet whether it does; or
 * may one be opened to a server that did so last? weft__lane_take then waits for no other lane's end. Waits: never. */
bool weft__lane_at_hand(weft__origin *o);
/* Does the server take them, as its SETTINGS say? 1, 0; WEFT_ETIMEDOUT: it says nothing; WEFT_ECONNRESET; or the code of a cancel. Waits:
 * until it has said so. */
int weft__lane_connects(weft__lane *l, int64_t deadline_ns);
/* As weft__lane_send, of a request for an upgrade: an extended CONNECT, without what is HTTP/1.1's alone. weft__lane_recv then gives nothing
 * that is behind a head together with it. Waits: never. */
int weft__lane_connect(weft__lane *l, weft_str head);
/* No answer came: was it not looked at, so that it may be asked again? Or is it to be asked over HTTP/1.1 (RFC 9113, 7)? Wait: never. */
bool weft__lane_unseen(const weft__lane *l);
bool weft__lane_wants_http1(const weft__lane *l);
/* It was accepted: what follows is its pipe's, and the lane is not the caller's any more. Waits: never. */
weft__pipe *weft__lane_pipe(weft__lane *l);

/* For origin.c. Given back: what is still to come of it is not wanted. */
void weft__lane_end(weft__lane *l);
/* Close a connection that has no lanes, so that its place is another's. False: none has none. */
bool weft__links_make_room(weft__client *client);
void weft__links_free(weft__client *client);
#else
static inline int weft__lane_take(weft__origin *o, int64_t deadline_ns, weft__conn **out, const char **why, bool *opening)
{
    (void)o, (void)deadline_ns, (void)out, (void)opening;
    *why = "built without HTTP/2";
    return WEFT_EINVAL;
}
static inline int weft__lane_adopt(weft__conn *c) { (void)c; return WEFT_EINVAL; }
static inline int weft__lane_send(weft__lane *l, weft_str head, weft_str body, bool more) { (void)l, (void)head, (void)body, (void)more; return WEFT_EINVAL; }
static inline int weft__lane_write(weft__lane *l, weft_str piece, int64_t deadline_ns) { (void)l, (void)piece, (void)deadline_ns; return WEFT_EINVAL; }
static inline int weft__lane_write_end(weft__lane *l, weft_str trailers) { (void)l, (void)trailers; return WEFT_EINVAL; }
static inline weft_str weft__lane_trailers(const weft__lane *l) { (void)l; return (weft_str){ "", 0 }; }
static inline int weft__lane_status(const weft__lane *l) { (void)l; return 0; }
static inline ssize_t weft__lane_recv(weft__lane *l, void *to, size_t n, int64_t deadline_ns) { (void)l, (void)to, (void)n, (void)deadline_ns; return WEFT_EINVAL; }
static inline void weft__lane_shut(weft__lane *l) { (void)l; }
static inline const char *weft__lane_how(const weft__lane *l) { (void)l; return "closed"; }
static inline bool weft__lane_too_large(const weft__lane *l) { (void)l; return false; }
static inline bool weft__lane_at_hand(weft__origin *o) { (void)o; return false; }
static inline int weft__lane_connects(weft__lane *l, int64_t deadline_ns) { (void)l, (void)deadline_ns; return 0; }
static inline int weft__lane_connect(weft__lane *l, weft_str head) { (void)l, (void)head; return WEFT_EINVAL; }
static inline bool weft__lane_unseen(const weft__lane *l) { (void)l; return false; }
static inline bool weft__lane_wants_http1(const weft__lane *l) { (void)l; return false; }
static inline weft__pipe *weft__lane_pipe(weft__lane *l) { (void)l; return NULL; }
static inline void weft__lane_end(weft__lane *l) { (void)l; }
static inline bool weft__links_make_room(weft__client *client) { (void)client; return false; }
static inline void weft__links_free(weft__client *client) { (void)client; }
#endif
#endif
