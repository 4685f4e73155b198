#ifndef WEFT_MIDDLEWARE_H
#define WEFT_MIDDLEWARE_H
/* Middleware: functions around handlers, which see each request before they do and each answer behind them.
 *
 *     static int greet(const weft_request *request, weft_reply *reply, weft_next *next)
 *     {
 *         weft_reply_header(reply, "X-Powered-By", "weft");
 *         return weft_next_run(next);
 *     }
 *     const weft_app app = { .middleware = WEFT_MIDDLEWARE(weft_request_ids(), weft_cors(.origins = "https://example.com"), greet), ... };
 *
 * The first one is the outermost. Those of an application stand around all that it answers: routes, its pages, requests that no
 * route fits, applications mounted in it, whose own stand inside of them. Those of a router stand around its routes, those of a
 * route (.middleware = WEFT_MIDDLEWARE(...)) innermost, around its inputs, dependencies and handler. docs/order.md has the whole order.
 *
 * A middleware may wait, spawn, and fail: with weft_fail(401, ...) it answers as a handler that fails does, and what is inside of it does not run. So
 * it does when it returns 0 without weft_next_run and has given an answer (weft_reply_text and its like); neither is a mistake, 500.
 * The deadline of a route is its handler's: it does not count what stands around it. The client's leaving cancels middleware with its
 * handler. All of a request's runs in the request's task, so what one sets with weft_local_set the handler sees, and what the handler
 * sets is there when it is back.
 * At most 64 in a list.                                              Example: examples/around.c  */
#include "weft/each.h"
#include "weft/stream.h"
#include "weft/task.h"

/* ---- a middleware ---- */

typedef struct weft_next weft_next;

/* Returns 0 or a code. The reply is that of the whole request: what is set in it before weft_next_run goes out with whatever
 * answer there will be, unless the handler sets the same header; behind it, the reply is the answer, and may be changed: status, headers, body. */
typedef int weft_middleware(const weft_request *request, weft_reply *reply, weft_next *next);

/* Run what is inside: the next middleware, at last the handler. Once: WEFT_EINVAL after that.
 * When it returns there is an answer: a whole one, also for a failure, or one in parts (a stream, a file) that is over. The code is what it failed
 * with, for information: to return it, or 0, passes the answer on as it stands, and any other failure takes its place.
 * In the middleware's own task: WEFT_EINVAL elsewhere. A scope with a deadline may stand around it.
 * Waits: as what is inside does. */
int weft_next_run(weft_next *next) WEFT_NODISCARD;

/* What weft_with gave to this place in the list. Waits: never. */
const void *weft_next_config(const weft_next *next);

/* ---- the answer ---- */

/* What the answer says now. status: 0 before there is one. header: "" with a NULL pointer when it is not there. body: empty for
 * one in parts, and not NUL-terminated. All live until the reply is changed. bytes: of the body, for one in parts those that were written so far. begun: its
 * head has gone, as that of one in parts does with its first write; setting anything is WEFT_EINVAL then. Wait: never. */
int weft_reply_status_of(const weft_reply *);
weft_str weft_reply_header_of(const weft_reply *, const char *name);
weft_str weft_reply_body_of(const weft_reply *);
uint64_t weft_reply_bytes_of(const weft_reply *);
bool weft_reply_begun(const weft_reply *);

/* Have fn(reply, arg) called once, right before the head goes: for headers that depend on the answer, also on one in parts. Those
 * registered last are called first. It may set status and headers, and must not wait (the program ends, and says so); of an answer in parts it may run in any task
 * of the handler's. For the reply that a middleware is given: else, and when the head has gone, WEFT_EINVAL. WEFT_ENOMEM. Waits: never. */
typedef void weft_head_fn(weft_reply *reply, void *arg);
int weft_reply_on_head(weft_reply *, weft_head_fn *fn, void *arg);

/* The answer depends on this header of the request: it is added to Vary, unless it stands there. 0 or as weft_reply_header. Waits: never. */
int weft_reply_vary(weft_reply *, const char *header);

/* ---- the request, for those who are asked about all of them ---- */

/* The route that answers: "GET /items/{item_id}", "" when none fits; lives as long as the application. */
weft_str weft_request_route(const weft_request *);
/* The address that the request came from, without its port: "192.0.2.1"; behind a proxy, that of the proxy. A copy. Wait: never. */
weft_str weft_request_client(const weft_request *);

/* ---- lists of them ---- */

/* Each item is a function, or what weft_cors(...) and its like give, or weft_with(f, &config): the function f, to which weft_next_config
 * gives that pointer. */
typedef struct weft_layer weft_layer;
struct weft_layer {
    const char *name;
    weft_middleware *run;
    const weft_layer *of;            /* another one, which this stands for */
    const void *config;
    const struct weft__layer_kind *kind;         /* one of weft's own */
    size_t checked;
};
#define WEFT_MIDDLEWARE(...) (const weft_layer[]){ WEFT__EACH(WEFT__LAYER, ~, __VA_ARGS__) { 0 } }
#define WEFT__LAYER(x, item) { .name = #item, \
    .run = _Generic((item), weft_middleware *: (item), default: NULL), \
    .of = _Generic((item), const weft_layer *: (item), default: NULL), \
    .checked = WEFT__MUST(_Generic((item), weft_middleware *: 1, const weft_layer *: 1, default: 0), \
        "middleware '" #item "' must be declared: int " #item "(const weft_request *request, weft_reply *reply, weft_next *next)") },
#define weft_with(f, config_) (&(const weft_layer){ .name = #f, .run = (f), .config = (config_) })

/* ---- weft's own ---- */

#define WEFT__OWN_LAYER(name_, Opts, ...) (&(const weft_layer){ .name = "weft_" #name_, .kind = &weft__##name_##_kind, .config = &(const Opts){ __VA_ARGS__ } })

/* weft_request_ids(): each request has an id, which the answer carries in a header. Lines of the log that are written for the request have it in
 * brackets, and so has weft_access_log. header: "X-Request-Id". What the client sends there is taken when it is 1 to 64 letters, digits or
 * any of -_.:=+/@~, unless .fresh; else 32 digits (hexadecimal) are made that no other request has. */
typedef struct weft_request_ids_opts {
    weft__named_options_only _;
    const char *header;
    bool fresh;
} weft_request_ids_opts;
#define weft_request_ids(...) WEFT__OWN_LAYER(request_ids, weft_request_ids_opts, __VA_ARGS__)
extern const struct weft__layer_kind weft__request_ids_kind;
/* The id of the request that the running task works for, also in tasks that it has spawned and on threads; "" without one. A copy, as of
 * weft_format. Waits: never. */
weft_str weft_request_id(void);

/* weft_cors(.origins = "https://example.com"): pages of these origins may ask from browsers, as the Fetch standard says (3.2, CORS).
 * Lists are texts with commas between their items; "*" is all.
 * origins: scheme://host[:port] as browsers write it, without a path; "*" in place of the first label is any subdomain ("a.b" as well), in place of the port any port.
 * methods: "GET" without it. headers: that requests may have, beside Accept, Accept-Language, Content-Language and Content-Type.
 * expose: headers of answers that scripts may read. max_age_s: how long a preflight's answer holds, 600 without it. credentials: cookies and
 * Authorization are allowed; not with origins of "*".
 * A preflight (OPTIONS with Origin and Access-Control-Request-Method) is answered here: 200, or 400 with what is not allowed. Other requests go on, whatever their
 * origin is, and their answers have what browsers ask for. With origins of "*" every answer has it, also to who sends no Origin, so that caches may give one to all;
 * else Vary names Origin in every answer (Fetch, 3.2.5, CORS protocol and HTTP caches). For applications, not for routers or routes. */
typedef struct weft_cors_opts {
    weft__named_options_only _;
    const char *origins, *methods, *headers, *expose;
    int max_age_s;
    bool credentials;
} weft_cors_opts;
#define weft_cors(...) WEFT__OWN_LAYER(cors, weft_cors_opts, __VA_ARGS__)
extern const struct weft__layer_kind weft__cors_kind;

/* weft_access_log(): a line for each request, gathered and written each second and when the server ends; first in the list it sees all.
 *
 *     127.0.0.1 - - [21/Nov/2026:19:02:47 +0000] "GET /items/3?q=x HTTP/1.1" 200 24 0.123ms 5f0c...
 *
 * which is the Common Log Format with the time that it took and the request's id ("-" without weft_request_ids). combined: Referer and
 * User-Agent stand before these two. json: an object a line instead: time, client, method, path, query, route, status, bytes, ms, id, agent, and
 * "broken": true for an answer in parts that broke off. Quotes and what is not printable are escaped: a request makes one line, whatever it holds.
 * Many are written earlier. path: the file that lines are added to, which is opened anew for each write (so it may be renamed); NULL: stdout. Lines that nobody takes for long are
 * dropped, beyond 1 MiB, and the log says how many. A request whose client left before it was answered has the status 499. */
typedef struct weft_access_log_opts {
    weft__named_options_only _;
    const char *path;
    bool json, combined;
} weft_access_log_opts;
#define weft_access_log(...) WEFT__OWN_LAYER(access_log, weft_access_log_opts, __VA_ARGS__)
extern const struct weft__layer_kind weft__access_log_kind;

/* weft_compression(): answers of 500 bytes and more are compressed for clients that accept it, in one piece and in parts, also events: what was
 * written when the loop next waits can be read then. The coding is what Accept-Encoding wants most, by its weights, of several the first of codings: "zstd, br, gzip".
 * Left as they are: types that are small already (all but text/..., JSON, XML, SVG and their like; types: more of them, with commas between), an answer that has a
 * Content-Encoding or Cache-Control: no-transform, parts of a whole (206), and what would not become smaller. Vary names Accept-Encoding, and a strong ETag
 * becomes a weak one; a 304 says both as the answer that it stands for does (RFC 9110, 15.4.5).
 * level: 1 (fast) to 9 (small); 0: 6 of gzip, 4 of br, 3 of zstd, and for parts less. bytes_min: 500. streams_max: answers in parts that are compressed at the same
 * time, 1000, each with a compressor of less than 640 KiB; -1: none. Codings whose library was not there when weft was built are left out; one that is named is told at the start.
 * Whoever answers over TLS with a secret beside what the client may choose should know of BREACH, and leave such a route out (Cache-Control: no-transform). */
typedef struct weft_compression_opts {
    weft__named_options_only _;
    const char *codings, *types;
    int level, streams_max;
    size_t bytes_min;
} weft_compression_opts;
#define weft_compression(...) WEFT__OWN_LAYER(compression, weft_compression_opts, __VA_ARGS__)
extern const struct weft__layer_kind weft__compression_kind;

/* weft_timing(): Server-Timing: total;dur=1.234, the milliseconds from here to the head of the answer, behind what the handler says there itself.
 * name: "total". W3C Server Timing. */
typedef struct weft_timing_opts { weft__named_options_only _; const char *name; } weft_timing_opts;
#define weft_timing(...) WEFT__OWN_LAYER(timing, weft_timing_opts, __VA_ARGS__)
extern const struct weft__layer_kind weft__timing_kind;

/* weft_trusted_hosts(.hosts = "example.com, *.example.com"): requests for any other Host are answered 400, without the port and case being looked at. "*." in front is
 * any subdomain. */
typedef struct weft_trusted_hosts_opts { weft__named_options_only _; const char *hosts; } weft_trusted_hosts_opts;
#define weft_trusted_hosts(...) WEFT__OWN_LAYER(trusted_hosts, weft_trusted_hosts_opts, __VA_ARGS__)
extern const struct weft__layer_kind weft__trusted_hosts_kind;

/* weft_security_headers(): what makes browsers careful, in all answers that do not say it themselves: X-Content-Type-Options: nosniff, and
 * frame_options: X-Frame-Options, "DENY"; referrer: Referrer-Policy, "strict-origin-when-cross-origin"; opener: Cross-Origin-Opener-Policy, "same-origin"; resource:
 * Cross-Origin-Resource-Policy, "same-origin"; and only when they are said, csp: Content-Security-Policy; permissions: Permissions-Policy;
 * hsts_s: Strict-Transport-Security with so many seconds, and hsts_subdomains. "" leaves one out. */
typedef struct weft_security_headers_opts {
    weft__named_options_only _;
    const char *frame_options, *referrer, *opener, *resource, *csp, *permissions;
    int64_t hsts_s;
    bool hsts_subdomains;
} weft_security_headers_opts;
#define weft_security_headers(...) WEFT__OWN_LAYER(security_headers, weft_security_headers_opts, __VA_ARGS__)
extern const struct weft__layer_kind weft__security_headers_kind;

/* weft_conditional(): answers to GET and HEAD that are in one piece, with status 200 and no no-store, have an ETag, their handler's or one made of the body, and are held
 * against If-None-Match and If-Modified-Since (304) and If-Match and If-Unmodified-Since (412). The handler runs all the same: what is saved is what goes over the wire.
 * Put it inside of weft_compression. RFC 9110, 13 */
typedef struct weft_conditional_opts { weft__named_options_only _; } weft_conditional_opts;
#define weft_conditional(...) WEFT__OWN_LAYER(conditional, weft_conditional_opts, __VA_ARGS__)
extern const struct weft__layer_kind weft__conditional_kind;

/* weft_rate_limit(.limit = 100): each client has so many requests a minute (window_s: 60), which come back one by one; more are answered 429 with
 * Retry-After. RateLimit-Limit, -Remaining and -Reset tell how it stands. burst: how many may come at once, limit without it.
 * A client is the address that it comes from, of IPv6 the network (/64); or the value of a header, when it has that (.header = "X-Api-Key": put what checks it outside); or what key(request) says,
 * "" for one that is not counted. Of keys_max clients it is known how they stand, 10 000; of more, those whose requests are longest ago are forgotten. The workers of a
 * machine count together, also over reloads of the same program with the same routes and limits (docs/how-to/deployment.md). */
typedef weft_str weft_client_key(const weft_request *request);
typedef struct weft_rate_limit_opts {
    weft__named_options_only _;
    int limit, window_s, burst, keys_max;
    const char *header;
    weft_client_key *key;
} weft_rate_limit_opts;
#define weft_rate_limit(...) WEFT__OWN_LAYER(rate_limit, weft_rate_limit_opts, __VA_ARGS__)
extern const struct weft__layer_kind weft__rate_limit_kind;

/* weft_sessions(.model = WEFT_SCHEMA(Cart), .secrets = &secrets): a model that stays with a client from one request to the next, in a cookie that is signed and can be
 * read by who has it, but not altered.
 *
 *     Cart *cart;
 *     WEFT_TRY(weft_session(Cart, in->request, &cart));
 *     cart->items++;
 *
 * Without a cookie that is good, it is what JSON of {} would give, or zeros. It is sent when it has changed, and again when half of its time is over; with an answer in parts, what it
 * is when the head goes. An answer with it is for no shared cache (Cache-Control: private). One that has no room in a cookie (4 KiB) is a failure. cookie: "session". max_age_s: 14 days. path: "/"; domain; same_site: "Lax". It is
 * HttpOnly, and Secure unless over_http (browsers take Secure ones from http://localhost, other clients may not). Secrets: see secret.h; they are there when the program serves. */
typedef struct weft_sessions_opts {
    weft__named_options_only _;
    const weft_schema *model;
    const struct weft_secrets *secrets;
    const char *cookie, *path, *domain, *same_site;
    int64_t max_age_s;
    bool over_http;
} weft_sessions_opts;
#define weft_sessions(...) WEFT__OWN_LAYER(sessions, weft_sessions_opts, __VA_ARGS__)
extern const struct weft__layer_kind weft__sessions_kind;
/* The session of this request, which the handler may change, until the answer goes; the same one each time. 0; WEFT_EINVAL, recorded: there is no weft_sessions
 * around the route, or one of another model; WEFT_ENOMEM. Waits: never. */
#define weft_session(Model, request, out) weft__session((request), &weft_schema_##Model, (void **)(Model **){ (out) })
int weft__session(const weft_request *request, const weft_schema *model, void **out) WEFT_NODISCARD;
/* It ends: the client forgets it. Waits: never. */
void weft_session_end(const weft_request *request);
/* It goes on as another one, for when somebody logs in or gets rights: tokens of weft_csrf that were given before are void from then on, and the answer
 * gives one that is good. 0; WEFT_EINVAL, recorded: there is no weft_sessions around the route; WEFT_ENOMEM. Waits: never. */
int weft_session_renew(const weft_request *request) WEFT_NODISCARD;

/* weft_csrf(): POST, PUT, PATCH, DELETE and the like from pages of other sites are answered 403. Browsers say where a request is from (Sec-Fetch-Site, Origin, Referer), and
 * pages cannot make them say otherwise; a client that says nothing is no browser and goes on. origins: others whose pages may, as of weft_cors.
 * token: such requests have a token as well, in a header (header: "X-CSRF-Token") that scripts of our pages copy from a cookie (cookie: "csrf"), signed with secrets. Answers give it to who has
 * none that is good, and another one when half of its 14 days is over. It belongs to the session that the client has (weft_sessions, which then stands outside of this layer): one of another session, or of
 * none, is refused, and an answer with which a session begins, ends or is renewed gives a new one. Where there is no session, the cookie has to be the same as the header. An answer that gives one is
 * for no shared cache (Cache-Control: private), and all depend on Cookie (Vary). Forms without a script cannot send a token: they are held by the first check alone, so leave token off where there
 * are some. over_http: the cookie goes over http, too. */
typedef struct weft_csrf_opts {
    weft__named_options_only _;
    const char *origins;
    bool token, over_http;
    const char *cookie, *header;
    const struct weft_secrets *secrets;
} weft_csrf_opts;
#define weft_csrf(...) WEFT__OWN_LAYER(csrf, weft_csrf_opts, __VA_ARGS__)
extern const struct weft__layer_kind weft__csrf_kind;

/* weft_idempotency(): a POST or PATCH with a header Idempotency-Key (1 to 255 bytes) is done once: the same request with the same key is answered as the first one was, with
 * Idempotency-Replayed: true, and 409 while that is being answered. Two requests are the same when method, path, query and host are: the body is not looked at.
 *
 * Keys are those of a client, and none is answered with what another was. Without .client a client is whoever sends the same Authorization, Cookie, X-Api-Key and X-Auth-Token
 * and the same in all headers that providers of the route take; of nothing of that, whoever has the same address. What is checked in providers is not asked again for a
 * replay. So who shows who it is in yet other ways (a header that a handler reads from the request itself), or has a token that changes between the two, needs client(request): whose key it is, "" as
 * without it.
 *
 * Answers are kept for ttl_s (a day), entries_max of them (1 000; 100 000 at most) in bytes_max (16 MiB), whatever clients choose to name them by; those of 500 and more, 401, 403, 408, 425 and 429 are
 * not, nor those in parts: there the request may be made again. What goes first, when it is full, is the oldest of whoever keeps most; nobody's goes for one who keeps more. Whoever has a quarter of
 * entries_max being answered is told 503 for more. For that, a client is an address, of IPv6 the network (/64), or what client(request) says: say it behind a proxy.
 * A replay has status, headers and body that came from inside of this layer, no cookies, and what layers around it say now. Put it inside of weft_compression. required: 400 without a key.
 * The workers of a machine keep them together, also over reloads of the same program with the same routes and limits (docs/how-to/deployment.md): what a worker was doing when it died may be made again. draft-ietf-httpapi-idempotency-key-header */
typedef struct weft_idempotency_opts {
    weft__named_options_only _;
    int ttl_s, entries_max;
    size_t bytes_max;
    const char *header;
    bool required;
    weft_client_key *client;
} weft_idempotency_opts;
#define weft_idempotency(...) WEFT__OWN_LAYER(idempotency, weft_idempotency_opts, __VA_ARGS__)
extern const struct weft__layer_kind weft__idempotency_kind;
#endif
