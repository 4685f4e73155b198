#ifndef WEFT_STREAM_H
#define WEFT_STREAM_H
/* Answers that are written while they are made: any bytes, a model a line, server-sent events.
 *
 *     static int rows(const rows_in *in, weft_stream *out)
 *     {
 *         weft_reply_header(weft_stream_reply(out), "Content-Type", "text/csv");
 *         for (int i = 0; i < in->count; i++) WEFT_TRY(weft_write(out, next_row(i)));
 *         return 0;
 *     }
 *     WEFT_GET("/rows", rows, rows_in, weft_stream)
 *
 * The first write sends the head: until then status and headers can be set, and a handler that fails is answered as any
 * other. What fails later cannot be told any more: the answer breaks off, which no client takes for its end, and the log
 * says why. A handler that returns 0 has ended it; one that has written nothing may have set a body by weft_reply_text
 * and its like instead.
 *
 * Memory: small writes are gathered, 16 KiB at most, and go out before the loop next waits; a write that finds no room waits
 * until the client has taken what was gathered, and a larger one until it has taken that, too. So whoever reads slowly
 * slows the handler down and nothing else. A client that takes nothing for write_timeout_ms, or after it less than a KiB a
 * second, is left: the write fails with WEFT_ETIMEDOUT; one that has gone with WEFT_ECONNRESET. Both cancel the handler, and so does the leaving itself,
 * whatever the method is, unless the route says .keep_when_client_leaves. A write that is cancelled while it waits
 * leaves the answer broken off.
 * What a handler allocates for each part it gives back in a block with WEFT_TEMP, or request_bytes_max ends it: a write
 * after something found no room fails with WEFT_ELIMIT, so nothing is sent that lacks what it should hold.
 * The route's .timeout_ms bounds all of the answer.
 * A request for the head alone (HEAD) is answered at the first write, and cancels the handler.
 * When the server stops, a stream has grace_ms to end; events end at once, as clients of theirs come back by themselves.
 * Any task of the handler's may write, one at a time (WEFT_EBUSY). For routes that run on the loop.
 *                                                                     Example: examples/streams.c  */
#include "weft/model.h"

typedef struct weft_reply weft_reply;
typedef struct weft_stream weft_stream;
typedef struct weft_events weft_events;
extern const weft_schema weft_schema_weft_stream, weft_schema_weft_events;

/* ---- bytes ---- */

/* The next part of the body; an empty one sends the head alone, if it has not gone. 0; the codes above, WEFT_EINVAL for
 * more than weft_stream_length said, WEFT_ENOMEM. Waits: unless there is room. */
int weft_write(weft_stream *out, weft_str bytes) WEFT_NODISCARD;

/* A value as JSON on a line of its own (JSON Lines, NDJSON): weft_write_item(Row, out, &row). What stands on several lines in
 * a weft_json is put on one. Content type, unless the handler sets another: application/jsonl. WEFT_EINVAL, with the member's
 * name: JSON cannot say it; nothing is written then. Waits: as weft_write does. */
#define weft_write_item(Model, out, value) weft_write_item_with((out), &weft_schema_##Model, (const Model *){ (value) })
int weft_write_item_with(weft_stream *out, const weft_schema *, const void *value) WEFT_NODISCARD;

/* Status, headers and cookies, until the first write: WEFT_EINVAL afterwards. Content type: application/octet-stream
 * unless it is set. Waits: never. */
weft_reply *weft_stream_reply(weft_stream *out);

/* How many bytes the body will have, before the first write: the client is then told, and shows how far it is. More are
 * refused, fewer break the answer off. 0 or WEFT_EINVAL. Waits: never. */
int weft_stream_length(weft_stream *out, int64_t bytes);

/* A field to be sent behind the body, whose value is known only then: a digest, a count, how long it took.
 *
 *     WEFT_TRY(weft_stream_trailer(out, "X-Rows", WEFT_S("")));          before the first write: the head announces it (Trailer)
 *     ...
 *     WEFT_TRY(weft_stream_trailer(out, "X-Rows", weft_format("%d", rows)));
 *
 * Any time before the handler returns; one that is set again has the new value, and one that is empty then is left out. Texts are copied. They
 * go out when the handler has returned 0: what breaks off has none.
 * Sent to every client over HTTP/2, and over HTTP/1.1 behind an answer without weft_stream_length, which goes in chunks: whoever reads these
 * reads past trailers. Nowhere else is there a place for them (HTTP/1.0, HEAD, 204, 304, an answer by weft_reply_text and its
 * like), and then they are left out without a word. Clients and proxies may drop them, and many do, but for those that say "TE: trailers"
 * (weft_request_takes_trailers): what nobody can do without belongs into the body or the head. Middleware that keeps an answer to send it
 * again drops them; one that is compressed on its way keeps them, but they tell of what the handler wrote, so a Content-Digest would be wrong.
 * At most 64 of 8 KiB each. WEFT_EINVAL, recorded: that is passed; a name that is no token; a control character in the value, so nothing can be smuggled in; a field that says how a
 * message is framed, where it goes, who asks, or how a body is to be read (Content-*, but for Content-Digest; Set-Cookie, Cache-Control, Location,
 * Authorization and their like), as it would come too late. WEFT_ENOMEM. Waits: never.
 * RFC 9110, 6.5; RFC 9112, 7.1.2; RFC 9113, 8.1.                                     Example: examples/trailers.c */
int weft_stream_trailer(weft_stream *out, const char *name, weft_str value) WEFT_NODISCARD;

/* ---- server-sent events: for EventSource and its like. HTML Living Standard, 9.2 ---- */

/* One event: weft_event(out, .data = text, .type = WEFT_S("price"), .id = id).
 *
 * data: UTF-8, of any number of lines. type: what listeners are called by, "message" without it. id: what a client that
 * comes back names as the last one it got; neither has a line's end or a NUL (WEFT_EINVAL). retry_ms: how long clients wait
 * before they come back, from now on. comment: for people who look, and to keep a connection alive.
 * Without any of them the head is sent, so that clients know that they are listening. Each goes out before the loop next
 * waits. Codes and waits: as weft_write. */
typedef struct weft_event {
    weft__named_options_only _;
    weft_str data, type, id, comment;
    int retry_ms;
} weft_event;
#define weft_event(out, ...) weft_event_with((out), &(weft_event){ __VA_ARGS__ })
int weft_event_with(weft_events *out, const weft_event *event) WEFT_NODISCARD;

/* The same with a value as JSON for its data: weft_event_item(Price, out, &price, .id = id). */
#define weft_event_item(Model, out, value, ...) weft_event_item_with((out), &weft_schema_##Model, (const Model *){ (value) }, &(weft_event){ __VA_ARGS__ })
int weft_event_item_with(weft_events *out, const weft_schema *, const void *value, const weft_event *event) WEFT_NODISCARD;

/* What the client says it got last, from its header Last-Event-ID; empty when it comes for the first time. For one that is a
 * number, or any other type, say header(WEFT_OPT(int64_t), last_event_id) in the input instead. Lives as long as the
 * request. Waits: never. */
weft_str weft_events_last_id(const weft_events *out);

/* As weft_stream_reply. Content-Type is text/event-stream; Cache-Control no-cache and X-Accel-Buffering no, unless they
 * are set. */
weft_reply *weft_events_reply(weft_events *out);

/* A comment is sent after each ms (0: none; 15 000 without this call) in which the client took all that came before: proxies then keep the
 * connection, and a client that is gone is noticed. Waits: never. */
void weft_events_heartbeat(weft_events *out, int ms);
#endif
