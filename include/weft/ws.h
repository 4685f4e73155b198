#ifndef WEFT_WS_H
#define WEFT_WS_H
/* WebSockets: messages in both directions, of a server and of a client. RFC 6455; compressed RFC 7692.
 *
 *     WEFT_INPUT(chat_in, path(weft_str, room, .max_len = 32));
 *     static int chat(const chat_in *in, weft_ws *ws)
 *     {
 *         weft_str said;
 *         int rc;
 *         while ((rc = weft_ws_recv(ws, &said)) > 0) WEFT_TRY(weft_ws_send(ws, said));
 *         return rc;
 *     }
 *     WEFT_WS("/chat/{room}", chat, chat_in)
 *
 * Inputs, providers, guards and middleware work as for any GET. The handshake is answered at the first weft_ws_recv or weft_ws_send, or by
 * weft_ws_accept; a handler that fails before is answered as any other is (weft_fail(403, ...)), and so is one that returns 0 without
 * either: 403. What follows has no answer of HTTP's any more: a handler that returns 0 has ended it (1000), one that fails too (1011),
 * and the log says why. It may be used until its handler has returned, by the handler's tasks as well: one at a time receives, any
 * number send.
 *
 * The peer is listened to whatever the handler does: pings are answered, and a client that is gone cancels the handler, also one that
 * only sends or waits for something else. At once when its connection breaks, or nothing is heard from it, not even an answer to a ping, for
 * .ping_ms three times over. One that says Close gets its answer, and the handler learns of it by its weft_ws_recv (0) or weft_ws_send
 * (WEFT_ECLOSED); if it does not ask for .leave_ms it is cancelled too. Unless the route says .keep_when_client_leaves. When the server
 * stops it says Close (1001), and the handler learns of it in the same way. The route's .timeout_ms bounds all of it. What a client sends
 * faster than it is taken waits in its own kernel: behind one message that nobody has taken pings are still answered, but from the next message or
 * Close on nothing is read; a client that breaks off is noticed then too, one whose cable is cut when the kernel gives up.
 *
 * Limits: see weft_ws_opts. What a peer does that the protocol forbids ends it with the code that stands for that (1002, 1007, 1009,
 * 1008), and weft_ws_recv says what it was.
 * Memory: one that is idle holds no buffer: with message handlers (WEFT_WS_HANDLERS) less than 512 bytes, with a handler in its
 * coroutine a page more.                                             Example: examples/chat.c  */
#include "weft/client.h"

typedef struct weft_ws weft_ws;
extern const weft_schema weft_schema_weft_ws;

/* Options of a route, .ws = WEFT_WS_WITH(.message_bytes_max = 64 << 10), and of a client; 0 takes the default named here.
 *
 * origins: browsers say where a page comes from (Origin), and a WebSocket is open to every page unless its server looks. Without it, the
 *     route's own host alone; else these, as in weft_cors: "https://example.com, https://chat.example.com", or with a star for the first labels; "*" for all. Whoever says no
 *     Origin is no browser, and is let in. Refused: 403.
 * protocols: subprotocols that are known, in the order in which they are wanted: "chat.v2, chat.v1", at most 16. Of a client: that are offered. Without one
 *     in common there is none; weft_ws_protocol tells.
 * deflate: agree to permessage-deflate when the client offers it. Each message is compressed by itself; with .deflate_context what
 *     came before helps, and each connection holds some 300 KiB.  */
typedef struct weft_ws_opts {
    weft__named_options_only _;
    size_t message_bytes_max;        /* of a message that comes, also when it is decompressed: 1 MiB; 1009 */
    int fragments_max;               /* frames of a message that comes: 1024; 1008 */
    size_t queue_bytes_max;          /* that the peer has not taken: who sends more waits: 64 KiB. A larger message goes into an empty queue */
    int ping_ms;                     /* 20 000: how often it is looked at: nothing came, so a ping is sent; nothing came after a ping, so it is gone;
                                        nothing was taken of what waits to be sent: likewise; a message that has begun came with less than
                                        1 KiB/s at four looks in a row: 1008. -1: no pings */
    int close_ms;                    /* 5 000 from our Close, or from when the peer last took some of what was sent before it, to the peer's */
    int leave_ms;                    /* 500 from the peer's Close until a handler that has not asked is cancelled */
    bool deflate, deflate_context;
    int deflate_bits, deflate_level; /* 9 to 15 (15): 2^n bytes of window; 1 to 9 (6) */
    const char *protocols;
    const char *origins;             /* of routes */
} weft_ws_opts;
#define WEFT_WS_WITH(...) (&(const weft_ws_opts){ __VA_ARGS__ })

/* ---- messages ---- */

/* Wait for the next message: 1 with *msg, NUL-terminated, which lives until the next call; 0 at the end: the peer said Close, or this side
 * did; < 0: WEFT_ECONNRESET: it broke off; WEFT_ETIMEDOUT: the peer is gone; WEFT_EPROTO, WEFT_ELIMIT: what it did is forbidden, and
 * was told to it; WEFT_ENOMEM; WEFT_EBUSY: another task receives; WEFT_ECLOSED; or the code of a cancel, which takes nothing. Texts are
 * UTF-8. weft_ws_is_text tells whether it was one. What came before an end is given before it. RFC 6455, 5 and 6.
 * Waits: unless there is one; now and then also then. */
int weft_ws_recv(weft_ws *ws, weft_str *msg) WEFT_NODISCARD;

/* The same, read as JSON into *out, which lives like weft_alloc's: weft_ws_recv_json(Move, ws, &move). Text or binary. One that is not
 * the model is WEFT_STATUS(422), with its first fault; *out is then untouched, and the next call goes on behind it. Waits: as weft_ws_recv. */
#define weft_ws_recv_json(Model, ws, out) weft_ws_recv_json_with((ws), &weft_schema_##Model, (Model *){ (out) })
int weft_ws_recv_json_with(weft_ws *ws, const weft_schema *, void *out) WEFT_NODISCARD;

/* Was the message that was received last a text? Otherwise it was binary. Waits: never. */
bool weft_ws_is_text(const weft_ws *ws);

/* Send a message, of 64 MiB at most: a text, which must be UTF-8 (WEFT_EINVAL); or bytes. It is copied, and goes out before the loop
 * next waits. 0; WEFT_ECLOSED: the peer has said Close, or this side has; WEFT_ECONNRESET, WEFT_ETIMEDOUT and the other codes of weft_ws_recv:
 * it is over; WEFT_ELIMIT, WEFT_ENOMEM: nothing was sent; or the code of a cancel, which sends nothing.
 * Waits: while the peer has not taken .queue_bytes_max of what was sent before; in turn with others that wait. */
int weft_ws_send(weft_ws *ws, weft_str text) WEFT_NODISCARD;
int weft_ws_send_binary(weft_ws *ws, weft_str bytes) WEFT_NODISCARD;

/* A value as a JSON text: weft_ws_send_json(Move, ws, &move). WEFT_EINVAL, with the member's name: JSON cannot say it. Waits: as weft_ws_send. */
#define weft_ws_send_json(Model, ws, value) weft_ws_send_json_with((ws), &weft_schema_##Model, (const Model *){ (value) })
int weft_ws_send_json_with(weft_ws *ws, const weft_schema *, const void *value) WEFT_NODISCARD;

/* ---- the end ---- */

/* Say Close, once: what was sent before goes out before it, nothing behind it, and nothing is received any more (weft_ws_recv: 0). The handler need not
 * wait for the peer's answer: that is done behind it, for .close_ms. Codes that may be sent: 1000 (done), 1001 (going away), 1002, 1003,
 * 1007 to 1014, and 3000 to 4999 for what applications agree on; 0 for none. A reason of at most 123 bytes of UTF-8; longer ones are cut.
 * 0, or WEFT_EINVAL. On one that has ended: nothing is done. Waits: never. RFC 6455, 7.4 */
int weft_ws_close(weft_ws *ws, int code, const char *reason);

/* How it ended: the peer's code, 1005 for a Close without one, 1006 without a Close; the code of ours when we ended it; 0: it has not. The peer's reason, empty
 * without one, living as long as the WebSocket. Wait: never. */
int weft_ws_code(const weft_ws *ws);
weft_str weft_ws_reason(const weft_ws *ws);

/* The subprotocol that was agreed, empty when none was. Bytes that were sent and that the peer has not taken yet. Wait: never. */
weft_str weft_ws_protocol(const weft_ws *ws);
size_t weft_ws_unsent(const weft_ws *ws);

/* Answer the handshake now, for who neither sends nor receives at once. Headers that are to go with it are set before, on
 * weft_ws_reply. 0; WEFT_ECONNRESET: the client has left; WEFT_ENOMEM. Again: 0. Waits: never. */
typedef struct weft_reply weft_reply;
int weft_ws_accept(weft_ws *ws) WEFT_NODISCARD;
/* Status, headers and body for a handshake that is refused (a handler that returns 0 without accepting), headers and cookies of one that
 * is accepted; WEFT_EINVAL afterwards. Of a route. Waits: never. */
weft_reply *weft_ws_reply(weft_ws *ws);

/* ---- a client's ---- */

/* Connect to a WebSocket, with a URL written as for weft_fetch: weft_ws_connect(&ws, (), "ws://host/rooms/{}", room). What it gives is a weft_ws like that of
 * a handler; it is yours: weft_ws_free. Options stand in parentheses, () for none:
 *
 *     WEFT_WS_OPEN(ws);
 *     WEFT_TRY(weft_ws_connect(&ws, (.ws = WEFT_WS_WITH(.protocols = "chat.v1", .deflate = true)), "ws://{+}/ws", "chat.example:8000"));
 *     WEFT_TRY(weft_ws_send(ws, WEFT_S("hello")));
 *
 * A peer that is gone ends it (weft_ws_recv), and cancels nothing. 0; WEFT_EINVAL, WEFT_EDNS, WEFT_ECONNREFUSED and its like; WEFT_STATUS(502): another answer than 101 (over HTTP/2: than 2xx), of
 * which the text tells how its body begins; WEFT_EPROTO: an answer that is none (a wrong key, what was not offered); WEFT_ETIMEDOUT; or the code of a
 * cancel. *out is untouched on failure. It is of the loop it was opened on. wss:// is over TLS, with its codes (tls.h).
 *
 * Each has a connection of HTTP/1.1 of its own, or is one stream of a connection of HTTP/2 that it shares with calls to the same origin and
 * other WebSockets (RFC 8441), where the server says that it takes them (SETTINGS_ENABLE_CONNECT_PROTOCOL). .http2 is as of weft_exchange:
 *
 *     DEFAULT  of a wss:// URL a stream, when the loop has a connection of HTTP/2 to that host, port and TLS settings whose server takes
 *              them, or had one to that server before; a second is waited for what it says of it. Else, and of ws:// URLs, HTTP/1.1.
 *     NEVER    HTTP/1.1.
 *     ALWAYS   HTTP/2, opened if there is none, over ws:// by prior knowledge; a server that does not take them fails it (WEFT_EPROTO).
 *
 * Nothing else changes, but for *status: 200 instead of 101. A stream that is reset, or whose connection ends, is a WebSocket that broke off
 * (1006; the text of WEFT_ECONNRESET tells how). One that is cancelled or has no time left ends its own stream alone. Each is one of the
 * calls that a connection carries (100, or as many as its server takes), until both sides have ended it. Waits: always. RFC 6455, 4.1 */
typedef struct weft_ws_connect_opts {
    weft__named_options_only _;
    const weft_ws_opts *ws;
    const weft_header *headers; size_t header_count;      /* besides those of the handshake: Origin, Authorization, Cookie */
    int connect_ms;                  /* 10 000 until the handshake is answered */
    weft_http2 http2;                /* see above; WEFT_HTTP2_DEFAULT: what weft_client_limits said */
    weft_tls_client tls;             /* of wss:// URLs: as of weft_exchange */
    int *status;                     /* where the answer's status goes, also of one that fails; NULL: nowhere */
} weft_ws_connect_opts;
#define weft_ws_connect(out, options, url, ...) weft_ws_connect_with((out), &(weft_ws_connect_opts){ WEFT__OPEN options }, "" url, \
    __VA_OPT__(WEFT__VALS(__VA_ARGS__)) WEFT__NOVALS(__VA_ARGS__))
int weft_ws_connect_with(weft_ws **out, const weft_ws_connect_opts *, const char *url, const weft_val *, size_t) WEFT_NODISCARD;

/* Not to be used any more: says Close (1000), if nobody has, and lets the peer answer that behind it, for .close_ms at most and while the loop runs. NULL is
 * none. Waits: never. */
void weft_ws_free(weft_ws *ws);

/* One that is freed at the end of the block, however it is left; NULL until it is connected. */
#define WEFT_WS_OPEN(ws) weft_ws *ws WEFT_CLEANUP(weft__ws_leave) = NULL
void weft__ws_leave(weft_ws **ws);

/* ---- routes ---- */

/* WEFT_WS("/chat/{room}", chat, chat_in, .ws = WEFT_WS_WITH(.ping_ms = 5000)) with int chat(const chat_in *in, weft_ws *ws): see above. Options
 * of a route as everywhere, but for those of a body and of an answer. OpenAPI has no WebSockets: documents do not tell of them. */
#define WEFT_WS(p, f, In, ...) WEFT__ROUTE("GET", p, f, In, weft_ws, __VA_ARGS__)

/* The same without a coroutine that waits: for many that are idle most of the time.
 *
 *     WEFT_WS_HANDLERS("/feed/{topic}", feed_in, Feed, feed_opened, feed_said, feed_closed)
 *
 *     int feed_opened(const feed_in *in, weft_ws *ws, Feed *feed);      before it is accepted; a failure refuses it. `in` and what providers
 *                                                   give end with it: what is needed later goes into *feed. It is accepted when it returns 0
 *     int feed_said(weft_ws *ws, Feed *feed, weft_str msg);             a message; a failure ends it as that of a handler does
 *     void feed_closed(weft_ws *ws, Feed *feed);                        it is over (weft_ws_code): always called, once, behind all others, if it was
 *                                                   accepted; also when feed_opened accepted it itself and failed then. Without memory for a task it
 *                                                   is called when there is some, and not when there is none until the server has stopped
 *
 * *feed is zeros at first, lies beside the WebSocket and lives as long; weft_none for none. Each of the three runs in a task from a pool and may
 * wait; one at a time for each WebSocket, messages in order. What they allocate ends with them. .timeout_ms bounds each. A peer that leaves
 * cancels the message that is being handled as it would cancel a handler. NULL for one that is not needed. weft_ws_recv is not for these. */
#define WEFT_WS_HANDLERS(p, In, State, open_, message_, close_, ...) { .method = "GET", .path = p, .name = WEFT__STR(message_), \
    .handler = (weft__fn *)weft__ws_handler, .in = &weft_schema_##In, .out = &weft_schema_weft_ws, \
    .ws_handlers = &(const weft_ws_handlers){ (weft__fn *)(open_), (weft__fn *)(message_), (weft__fn *)(close_), sizeof(State) }, \
    .checked = WEFT__MUST(WEFT__NONE(open_) || WEFT__SAME(&*(open_), int (*)(const In *, weft_ws *, State *)), \
            "'" #open_ "' must be declared: int " #open_ "(const " #In " *in, weft_ws *ws, " #State " *state)") + \
        WEFT__MUST(WEFT__NONE(message_) || WEFT__SAME(&*(message_), int (*)(weft_ws *, State *, weft_str)), \
            "'" #message_ "' must be declared: int " #message_ "(weft_ws *ws, " #State " *state, weft_str msg)") + \
        WEFT__MUST(WEFT__NONE(close_) || WEFT__SAME(&*(close_), void (*)(weft_ws *, State *)), \
            "'" #close_ "' must be declared: void " #close_ "(weft_ws *ws, " #State " *state)"), __VA_ARGS__ }
typedef struct weft_ws_handlers { weft__fn *open, *message, *close; size_t state; } weft_ws_handlers;
void weft__ws_handler(void);
#endif
