#ifndef WEFT_CLIENT_H
#define WEFT_CLIENT_H
/* The HTTP client. Connections are kept and shared by the whole loop: nothing needs to be opened, closed or
 * passed around, and a call per request costs no handshake.          Example: examples/compare.c  */
#include "weft/bind.h"
#include "weft/model.h"
#include "weft/task.h"
#include "weft/tls.h"

/* GET a URL and read the answer into *out: a model, a list or a scalar from JSON, a weft_str from text. In
 * the URL "{}" is one value, percent-encoded as one path segment or one query value ("", "." and ".." are
 * refused as segments), and "{+}" a trusted base put in as it is. At most 16 values.
 *
 *     WEFT_TRY(weft_fetch(Price, &price, "http://alfa.example/price/{}", sku));
 *     WEFT_TRY(weft_fetch(weft_list_Flight, &out->flights, "{+}/flights?to={}", base, destination));
 *
 * Returns 0 or a code; weft_error_of(rc)->text says what was called, what came and after how long. An
 * answer that is not 2xx fails with WEFT_STATUS(502), and so does one that is not the model. *out is
 * untouched on failure. What it holds lives like weft_alloc's. A deadline of the scope or call around
 * it holds; without one the defaults below do. Waits: always.  */
#define weft_fetch(Model, out, url, ...) weft_fetch_with(&weft_schema_##Model, (Model *){ (out) }, "" url, __VA_OPT__(WEFT__VALS(__VA_ARGS__)) WEFT__NOVALS(__VA_ARGS__))
int weft_fetch_with(const weft_schema *, void *out, const char *url, const weft_val *, size_t) WEFT_NODISCARD;

/* A header of a request or an answer. */
typedef struct weft_header { weft_str name, value; } weft_header;

/* An answer as it came, whatever its status. Bodies are NUL-terminated. trailers: fields that came behind the body, apart from the headers, as who
 * merges them can be told lies. Those that say how a message is framed, where it goes, who asks or how a body is to be read (Content-*, but for
 * Content-Digest; Set-Cookie, Cache-Control, Location and their like) are left out. Bounds are those of a head: 100, and 16 KiB (WEFT_ELIMIT).
 * Over HTTP/2, of a body whose length the head says, they are waited for if the head announces them (Trailer). RFC 9110, 6.5 */
typedef struct weft_response {
    int status;
    weft_str body;
    const weft_header *headers; size_t header_count;
    const weft_header *trailers; size_t trailer_count;
} weft_response;

/* A header's or a trailer's value by name, in any case; an empty text when it is absent. Wait: never. */
weft_str weft_response_header(const weft_response *, const char *name);
weft_str weft_response_trailer(const weft_response *, const char *name);

/* The next piece of a body on its way out: 1 with bytes, which stay good until the next call; 0 at the end; < 0: the call
 * that sends it fails with that code, and the peer is left with a body that broke off. May wait, and is not called
 * again after 0 or a failure. */
typedef int weft_body_next(void *ctx, weft_str *piece);
typedef struct weft_file weft_file;

/* Which HTTP a call speaks, unless weft_client_limits has said something else for the whole program. DEFAULT: over https:// what the server
 * chooses, who is offered HTTP/2 and HTTP/1.1 (ALPN, RFC 9113, 3.2); over http:// HTTP/1.1. NEVER: HTTP/1.1. ALWAYS: HTTP/2; over https://
 * nothing else is offered, and a server without it fails the call (WEFT_ETLS, WEFT_EPROTO); over http:// it is not asked first ("prior
 * knowledge", RFC 9113, 3.3): for servers that are known to speak it; WEFT_EINVAL in a weft that was built without libnghttp2, where
 * DEFAULT is HTTP/1.1.
 *
 * Over HTTP/2 one connection carries many calls at a time, as many as its server takes and 100 at most; beyond that another one is
 * opened, within the pool's limits. A call that the server says it has not looked at (GOAWAY, REFUSED_STREAM) is sent once more,
 * whatever its method. Nothing else changes: the same limits, deadlines, errors. Server push is refused. A server that says of one
 * stream that it wants HTTP/1.1 for it (HTTP_1_1_REQUIRED; RFC 9113, 7) has that call fail, WEFT_ECONNRESET by that name; a WebSocket asks once more, over HTTP/1.1. */
typedef enum weft_http2 { WEFT_HTTP2_DEFAULT, WEFT_HTTP2_NEVER, WEFT_HTTP2_ALWAYS } weft_http2;

/* What weft_exchange sends besides the URL, and the bounds it keeps; 0 takes the default named here.
 *
 * A body that is not in memory as a whole comes from body_next or body_file instead of body, and is sent while it comes:
 *
 *     weft_exchange(&answer, (.method = "PUT", .body_file = f), "http://store/exports/{}", id)
 *     weft_exchange(&answer, (.method = "POST", .body_next = next_row, .body_ctx = &rows), "http://store/rows")
 *
 * In chunks, or with Content-Length when body_length tells how long it is; more or fewer bytes than that fail with
 * WEFT_EINVAL. Of a file all from its position to its end is sent, with its length. Each piece goes out at once, and
 * the next is asked for when it has gone: pieces of some KiB cost less than many small ones. A peer that refuses with a
 * status of 300 or more before all has gone is heard: the sending stops, and its answer is the result. Nothing of such a
 * body is ever sent twice, so each has a connection opened for it (within the pool's limits), which is kept for others
 * afterwards. total_ms has then no default while the body goes, only read_ms while the peer takes nothing of it.
 * RFC 9112, 7.1 and 9.5.
 *
 * What body_next gives without a body_length may end with trailers: their names are announced in the head, their values looked at when it has
 * given 0, so that it may set them as late as that; one that is empty then is left out.
 *
 *     weft_header sums[] = { { WEFT_S("Content-Digest"), { NULL, 0 } } };
 *     weft_exchange(&answer, (.method = "PUT", .body_next = next_row, .body_ctx = &rows, .trailers = sums, .trailer_count = 1), "http://store/rows")
 *
 * At most 100. WEFT_EINVAL: a name that is no token, or of a field that must be in the head (those that are left out of an answer's, see above); a control
 * character in a value, where the body then breaks off. Servers may drop them. RFC 9110, 6.5; RFC 9113, 8.1.   Example: examples/trailers.c  */
typedef struct weft_exchange_opts {
    weft__named_options_only _;
    const char *method;              /* "GET"; "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" (of the server as a whole, "*", where the URL has no path) */
    weft_str body;                   /* sent with Content-Length when it is not empty or the method wants one */
    weft_body_next *body_next; void *body_ctx;         /* or what gives it, piece by piece, and what that is handed */
    weft_file *body_file;            /* or where it is read from: an open file */
    int64_t body_length;             /* of what body_next gives; 0: not known before */
    const char *content_type;        /* of the body: "application/json"; of one in pieces "application/octet-stream" */
    const weft_header *headers; size_t header_count;   /* besides Host, Content-*, Connection and User-Agent */
    const weft_header *trailers; size_t trailer_count; /* behind what body_next gives, see above */
    bool takes_trailers;             /* say so (TE: trailers): some servers send none to who does not */
    int connect_ms, read_ms, total_ms;                 /* 5 000; 30 000 between two reads; 60 000 for all */
    size_t body_bytes_max;           /* of the answer, decoded: 16 MiB; of one read piece by piece: no bound */
    size_t line_bytes_max;           /* of weft_download_line, without the line's end: 64 KiB; at most 1 GiB */
    weft_http2 http2;                /* WEFT_HTTP2_DEFAULT: what weft_client_limits said */
    weft_tls_client tls;             /* of https:// URLs: whom to believe, what to show; nothing of it: what weft_client_limits said */
} weft_exchange_opts;

/* Send any request and get the answer as it came: a 404 is a success here. Like weft_fetch otherwise:
 * weft_exchange(&answer, (.method = "DELETE"), "http://store/items/{}", id). The options stand in
 * parentheses, () for none. https:// verifies who answers, and fails with the codes of tls.h; connections, and sessions of TLS, are
 * kept apart by host, port and TLS settings. Redirects are given back, not followed. Waits: always.  */
#define weft_exchange(out, options, url, ...) weft_exchange_with((out), &(weft_exchange_opts){ WEFT__OPEN options }, "" url, \
    __VA_OPT__(WEFT__VALS(__VA_ARGS__)) WEFT__NOVALS(__VA_ARGS__))
#define WEFT__OPEN(...) __VA_ARGS__
int weft_exchange_with(weft_response *out, const weft_exchange_opts *, const char *url, const weft_val *, size_t) WEFT_NODISCARD;

/* ---- answers piece by piece ---- */

/* An answer whose body is read as it comes: larger than memory, or without an end (a log, rows of JSON).
 *
 *     WEFT_DOWNLOAD(d);
 *     WEFT_TRY(weft_download(&d, "http://store/orders/{}.ndjson", year));
 *     for (int rc; (rc = weft_download_line(d, &line)) != 0;) { WEFT_TRY(rc); ... }
 *
 * Memory: one buffer of at most 64 KiB (or two bytes more than line_bytes_max), however long the body is. Nothing is
 * read ahead of it: a peer whose answer nobody reads has to wait.
 * It has a connection of the client's pool, and counts against its limits, from its opening until all of the body
 * has come or it is freed. Freed before, it drops what is there and to come of the rest without a wait, 64 KiB at
 * most, and then the connection serves others; otherwise it is closed.
 * A body that ends early (fewer bytes than Content-Length said, no last chunk, a connection broken off) is never an end:
 * the read fails with WEFT_ECONNRESET. Without a length and without chunks (HTTP/1.0) a close is all the end there is.
 * RFC 9112, 6 and 7.                                                            Example: examples/download.c  */
typedef struct weft_download weft_download;

/* A download that is freed at the end of the block, however it is left; NULL until it is opened. */
#define WEFT_DOWNLOAD(d) weft_download *d __attribute__((cleanup(weft__download_leave), unused)) = NULL
void weft__download_leave(weft_download **d);

/* GET a URL, written as for weft_fetch, and wait until the answer's head is there. An answer that is not 2xx fails, with
 * WEFT_STATUS(502) and a text that tells how its body begins. *out is untouched on failure. Waits: always.  */
#define weft_download(out, url, ...) weft_download_with((out), "" url, __VA_OPT__(WEFT__VALS(__VA_ARGS__)) WEFT__NOVALS(__VA_ARGS__))
int weft_download_with(weft_download **out, const char *url, const weft_val *, size_t) WEFT_NODISCARD;

/* The same for any request, with an answer of any status: weft_download_open(&d, (.read_ms = 120000), "http://store/log").
 * The options are those of weft_exchange, with these differences. total_ms: bounds the whole download, if it is given;
 * else the head must come within 60 000, and the body has no bound but read_ms between two reads, and those of the
 * scopes around. Only what is waited for counts against read_ms, not what you do in between. body_bytes_max: no bound
 * unless it is given; beyond it a read fails with WEFT_ELIMIT, and what was given before is that long at most. Waits:
 * always.  */
#define weft_download_open(out, options, url, ...) weft_download_open_with((out), &(weft_exchange_opts){ WEFT__OPEN options }, "" url, \
    __VA_OPT__(WEFT__VALS(__VA_ARGS__)) WEFT__NOVALS(__VA_ARGS__))
int weft_download_open_with(weft_download **out, const weft_exchange_opts *, const char *url, const weft_val *, size_t) WEFT_NODISCARD;

/* Its status; a header's value by name, in any case, empty when it is absent, living as long as the download; how many
 * bytes its body has, -1 when the head does not tell. A trailer's value, likewise, once a read has given 0. Wait: never. */
int weft_download_status(const weft_download *d);
weft_str weft_download_header(const weft_download *d, const char *name);
int64_t weft_download_length(const weft_download *d);
weft_str weft_download_trailer(const weft_download *d, const char *name);

/* Reading. All of these are iterators: 1 with bytes, 0 at the end of the body, < 0 on error. What they yield has a NUL behind it
 * and lives until the next step on this download. One task reads at a time: a second one gets WEFT_EBUSY at once.
 * A read that is cancelled or times out takes nothing: what had come is there for the next one. After any other
 * failure, and after weft_download_close, the connection is given back, and reads fail with WEFT_ECLOSED.
 * WEFT_EPROTO: the peer's chunks are none. Texts name method, URL, what came and after how long.
 * Wait: unless the bytes are there already; now and then also then, so that others have their turn.  */

/* Some bytes: what is there, at least one. */
int weft_download_read(weft_download *d, weft_str *out) WEFT_NODISCARD;

/* The next line, without its end ("\n" or "\r\n"). The last one may have none. WEFT_ELIMIT: it is longer than
 * line_bytes_max, and stays there; weft_download_read takes it. */
int weft_download_line(weft_download *d, weft_str *out) WEFT_NODISCARD;

/* The next line's JSON, of which there is one in each (NDJSON), read into *out as weft_fetch does; empty lines are left
 * out. What it holds lives until the next step. One that is not the model fails with WEFT_STATUS(502); *out is then
 * untouched, and the next step goes on behind it. An item may hold 16 MiB.
 *
 *     for (int rc; (rc = weft_download_item(Order, d, &order)) != 0;) { WEFT_TRY(rc); ... }  */
#define weft_download_item(Model, d, out) weft_download_item_with((d), &weft_schema_##Model, (Model *){ (out) })
int weft_download_item_with(weft_download *d, const weft_schema *, void *out) WEFT_NODISCARD;

/* Give its connection back now: a task that reads gets WEFT_ECLOSED. Status and headers stay. Twice is once. NULL is none.
 * Waits: never. */
void weft_download_close(weft_download *d);

/* Close it and give its memory back: no task may use it from now on, but one that waits in it may still be on its way
 * out. NULL is none. Waits: never. */
void weft_download_free(weft_download *d);

/* ---- limits ---- */

/* How many connections the client keeps, for each loop; 0 takes the default named here. Calls beyond a limit wait for a
 * connection, in order. Host names that it has looked up are remembered: weft_dns_cache in net.h.  */
typedef struct weft_client_opts {
    weft__named_options_only _;
    int origin_connections_max;      /* to one scheme, host and port: 100 */
    int connections_max;             /* of a loop, to all of them: 1 000 */
    int idle_ms;                     /* how long one is kept unused: 30 000; servers often end them after 60 s or less */
    weft_http2 http2;                /* of calls that do not say, of weft_fetch and weft_download, and of WebSockets */
    weft_tls_client tls;             /* of all https:// URLs whose call says nothing of it; its texts are copied, 4 095 bytes each */
} weft_client_opts;

/* Set them for all loops whose client has not made a call yet: in main, before weft_run or weft_serve. 0, or WEFT_EINVAL
 * for a negative one, or for TLS settings that contradict themselves; WEFT_EBUSY: this loop's client has made a call. Waits: never.
 *
 *     weft_client_limits(.origin_connections_max = 20, .idle_ms = 5000);  */
#define weft_client_limits(...) weft_client_limits_with(&(weft_client_opts){ __VA_ARGS__ })
int weft_client_limits_with(const weft_client_opts *opts);
#endif
