#ifndef WEFT_WEB_H
#define WEFT_WEB_H
/* Routes, handlers, requests and replies.
 *
 *     WEFT_INPUT(read_item_in, path(int64_t, item_id), query(WEFT_OPT(weft_str), q));
 *     static int read_item(const read_item_in *in, Item *out) { ... return 0; }
 *     const weft_app app = { .routes = WEFT_ROUTES(WEFT_GET("/items/{item_id}", read_item, read_item_in, Item)) };
 *
 * A handler gets its input converted and validated, may wait, and returns 0 with its output filled, or a
 * failure (weft_fail). What does not fit the input is answered 422 with every fault listed, in FastAPI's
 * form, without calling the handler.                                  Example: examples/items.c
 *
 * Members of an input, with the place that faults of them name. Names are those of C unless .as says otherwise.
 * path, query, header, cookie   text from there: scalars and enums; but for path also options and lists of them. A list has an item for
 *     each time the name comes, a single value takes the last one, of headers the first; headers have '-' for '_'. Cookies: RFC 6265,
 *     values in quotes without them.
 * form   a field of application/x-www-form-urlencoded or multipart/form-data (place "body"): text like a query's; one
 *     that is empty counts as absent, as browsers send those that nobody filled in. Any other content type: no field.
 * file   a file of multipart/form-data (place "body"): a weft_upload (upload.h), or a weft_str for all of its bytes, options and lists
 *     of them. Fields and files that the input does not name are dropped as they come.
 * body   one of them: a model, list, map or scalar, from JSON (application/json or +json; any other content type is a text, good
 *     for a weft_str, not for a model); or a weft_body, which the handler reads itself. Several of them, or one with .embed =
 *     true, are the values of one JSON object: body(Item, item), body(User, user) takes {"item": {...}, "user": {...}}.
 * A query, header, cookie or form may be a model whose members are such values: query(Filter, filter) reads ?limit=10&tags=a
 * into filter.limit and filter.tags; other members and other models of the place may stand beside it. One that says no_extra()
 * refuses what none of them is named after. Such models have neither extra(...) nor a check of their own; their members may.
 * request, reply   see below. depends, config   what a provider gives, and what it is given itself: provider.h.
 * What may lack is an option or has .initial; a list that may lack .initial = "[]".
 * Limits: 64 values of a place; 1000 parameters of a query, cookies, fields of a form, or parts, 16 header lines and 8 KiB of them for each
 * part (400); .bytes_max for a field or a file (413), without it 1 MiB, and no limit of its own for a weft_upload; the whole
 * body: .body_bytes_max of the route (413). RFC 7578; names of parts and files are UTF-8.
 * Outputs: a model, list, map, scalar, option or weft_json, written as JSON; weft_none, written as null;
 * weft_reply; weft_stream and weft_events, which the handler writes while it runs (stream.h); weft_ws: see ws.h.
 *
 * A failure with a status, weft_fail(404, ...), is answered with its text: {"detail":"..."}. One with a code
 * is answered with the status that suits it (weft_error_of tells it) and that status's own words: its text
 * is for the log, which gets text and trace of each answer of 500 and more. A handler that returns a positive
 * number is taken for a mistake: 500.  */
#include "weft/client.h"
#include "weft/failure.h"
#include "weft/middleware.h"
#include "weft/model.h"
#include "weft/provider.h"
#include "weft/security.h"
#include "weft/task.h"
#include "weft/template.h"
#include "weft/thread.h"
#include "weft/tls.h"
#include "weft/upload.h"
#include "weft/ws.h"

/* ---- the request: for handlers that say request(name) in their input ---- */

/* Valid during the request; each call makes a copy. Header names are given in any case; of a repeated one the
 * first is given, and an absent one is an empty text with a NULL pointer. The path is as it came, still
 * percent-encoded, without the query. Past the request's memory a text is empty, and the request fails. Waits: never. */
weft_str weft_request_method(const weft_request *), weft_request_path(const weft_request *), weft_request_query(const weft_request *);
weft_str weft_request_header(const weft_request *, const char *name);

/* A field that came behind the body, by name in any case: empty with a NULL pointer when none did, or before the body has come to its end, which for one
 * that is read piece by piece is when a read has given 0. They are apart from the headers, as anyone could tell lies by them who got past what looks at
 * a head: those that weft_stream_trailer refuses (stream.h) are never given. Bounds are those of a head, head_bytes_max and headers_max (431).
 * Each call makes a copy, with a NUL behind it, which lives as long as the request. Waits: never. RFC 9110, 6.5 */
weft_str weft_request_trailer(const weft_request *, const char *name);

/* Does the client say that it and all who stand in between keep trailers ("TE: trailers")? Waits: never. RFC 9110, 10.1.4 */
bool weft_request_takes_trailers(const weft_request *);

/* What it came by: "HTTP/1.0", "HTTP/1.1" or "HTTP/2". Over HTTP/2 a handler sees what it would see over HTTP/1.1: the path, headers with
 * Host for :authority, Cookie in one piece. Lives for ever. Waits: never. */
weft_str weft_request_version(const weft_request *);

/* Did it come by TLS, here or at a trusted proxy that says so? "https", else "http". Waits: never. */
const char *weft_request_scheme(const weft_request *);
/* Who the client is, and how TLS is spoken: 1; 0 of a request that came without; WEFT_ENOMEM. A client has a certificate if the server asks for
 * one (.client_ca_file in tls.h). Waits: never.
 *
 *     weft_tls_peer peer;
 *     int rc = weft_request_tls(in->request, &peer);
 *     if (rc != 1 || !peer.certified) return weft_fail(403, "a client certificate is needed");  */
int weft_request_tls(const weft_request *, weft_tls_peer *out) WEFT_NODISCARD;

/* ---- a body piece by piece: for handlers that say body(weft_body, name) in their input ---- */

/* The handler is called as soon as the head is there, and reads the body itself, in bounded memory: one buffer of at
 * most 64 KiB. What it does not read, the client does not send: "Expect: 100-continue" is answered at the first read,
 * and a client that sends faster than is read has to wait. Any content type. For routes that run on the loop.
 *
 *     WEFT_INPUT(import_in, body(weft_body, rows));
 *     static int import(const import_in *in, Report *out)
 *     {
 *         for (int rc; (rc = weft_body_item(Row, &in->rows, &row)) != 0;) { WEFT_TRY(rc); ... }
 *
 * Limits: the route's .body_bytes_max or the server's (INT64_MAX: none), a Content-Length beyond it is answered 413
 * before the handler is called; body_timeout_ms for each wait, and for all of them together what rate_min says of the
 * bytes that came. A body that is left unread in part closes the connection, unless it is short and on its way; an
 * answer may be given before all was read.
 * All are iterators: 1 with bytes, 0 at the end of the body, < 0 on error. What they yield has a NUL behind it and lives
 * until the next step. Codes to pass on, whose texts the client is told: WEFT_STATUS(413), (408), (400) for chunks that
 * are none, (422) for an item; WEFT_ECONNRESET: it broke off, which is never an end; WEFT_EBUSY: another task reads. A read
 * that is cancelled takes nothing. Any task of the handler's may read, one at a time. RFC 9112, 6 and 7.
 * Wait: unless the bytes are there; now and then also then.             Example: examples/upload.c  */
typedef struct weft_body { struct weft__intake *inside; } weft_body;
extern const weft_schema weft_schema_weft_body;

/* Some bytes: what is there, at least one. */
int weft_body_read(const weft_body *b, weft_str *out) WEFT_NODISCARD;

/* The next line, without its end ("\n" or "\r\n"); the last one may have none. WEFT_ELIMIT (413): it is longer than 64 KiB,
 * and stays there. */
int weft_body_line(const weft_body *b, weft_str *out) WEFT_NODISCARD;

/* The next line's JSON (NDJSON), read into *out; empty lines are left out. One that is not the model is WEFT_STATUS(422),
 * with its number and its first fault; *out is then untouched, and the next step goes on behind it. What it holds lives
 * until the next step, request_bytes_max at most. */
#define weft_body_item(Model, b, out) weft_body_item_with((b), &weft_schema_##Model, (Model *){ (out) })
int weft_body_item_with(const weft_body *b, const weft_schema *, void *out) WEFT_NODISCARD;

/* ---- the reply: as the output of a handler, or by reply(name) in the input of one with a model ---- */

extern const weft_schema weft_schema_weft_reply;

/* Set the status (200 to 599) or a header; a header of the same name is replaced, only Set-Cookie is added. Values are
 * checked: control characters are refused, so nothing can be smuggled in. Content-Length, Transfer-Encoding,
 * Connection and Date are weft's own. At most 64 headers of 8 KiB each. Return 0; WEFT_EINVAL, recorded: a
 * handler that passes it on answers 500; WEFT_ENOMEM. Waits: never.
 * Headers go out with a failure that has a status as well: a 401 can have its WWW-Authenticate. Not those of a body (Content-Type, -Encoding,
 * -Language, -Location, -Range, -Disposition, Accept-Ranges) or of its being kept (ETag, Last-Modified, Expires, and a Cache-Control without no-store,
 * no-cache or private): a failure that is to be kept says so itself, with weft_fail_header. */
int weft_reply_status(weft_reply *, int status);
int weft_reply_header(weft_reply *, const char *name, const char *fmt, ...) WEFT_PRINTF(3, 4);

/* Send a cookie: weft_reply_cookie(out, "session", token, .max_age_s = 3600, .http_only = true, .secure = true). It is added
 * to those that were set; of several with one name, path and domain clients keep the last.
 * path "/", "" leaves it to the client. domain: also the hosts below it; without it the host that was asked alone. max_age_s: 0:
 * until the browser ends. same_site "Lax", or "Strict", or "None", for which browsers want .secure; "" leaves it out.
 * remove: the client forgets the one with this name, path and domain; the value is not looked at.
 * The value may be any text without control characters: one that is more than a cookie can hold (spaces, quotes, commas,
 * semicolons, not ASCII) is quoted and escaped, which cookie(...) of an input reads back, and scripts of a page see as it is sent.
 * WEFT_EINVAL for what clients would drop or misread: a name that is no token, more than 4096 bytes, escaped, a semicolon in the
 * path, __Secure- and __Host- names without what they ask for. WEFT_ENOMEM. Waits: never. RFC 6265, 4.1 */
typedef struct weft_cookie {
    weft__named_options_only _;
    const char *path, *domain, *same_site;
    int64_t max_age_s;
    bool http_only, secure, remove;
} weft_cookie;
#define weft_reply_cookie(r, name, value, ...) weft_reply_cookie_with((r), (name), (value), &(weft_cookie){ __VA_ARGS__ })
int weft_reply_cookie_with(weft_reply *, const char *name, weft_str value, const weft_cookie *);

/* Set the body and its content type; the bytes must live as long as the request (weft_format's do). Not for
 * reply(name): there the output is the body, and setting another is answered 500. */
int weft_reply_html(weft_reply *, weft_str html);
int weft_reply_text(weft_reply *, weft_str text);
int weft_reply_json(weft_reply *, weft_str json);
int weft_reply_bytes(weft_reply *, const char *content_type, weft_str bytes);

/* Answer with a file, which is sent piece by piece in bounded memory, at the pace of the client:
 *
 *     return weft_reply_file(out, "reports/2024.pdf");
 *     return weft_reply_file(out, in->name.ptr, .beneath = "reports", .filename = "report.pdf");
 *
 * It is opened at once, so a failure to is the handler's: codes as of weft_file_open, and WEFT_EINVAL for a device. beneath: for a path that the client has a
 * say in: it never leads out of that directory, and whatever is not there to be read is WEFT_ENOENT, which is answered 404. What is
 * sent are the bytes that it has now: one that becomes shorter breaks the answer off.
 * content_type: without it what the end of the name says (.html, .png, .pdf, ...; text is UTF-8). filename: the client is told to
 * keep it under that name (Content-Disposition: attachment).
 * GET and HEAD with status 200: ETag (weak while the file is younger than a second) and Last-Modified, unless you have set them,
 * are held against If-None-Match and If-Modified-Since (304), If-Match and If-Unmodified-Since (412); a Range of bytes is
 * answered with 206, with all of it when there are several or If-Range tells of another, or with 416. RFC 9110, 13 and 14.
 * Files of /proc and /sys do not know their size: read them, and answer the text.
 * For handlers on the loop, with a weft_reply as output, and for those of failures (.on_failure): there the file is sent whole, without
 * these headers. Waits: for the opening, on the threads of the file pool. */
typedef struct weft_reply_file_opts {
    weft__named_options_only _;
    const char *beneath, *content_type, *filename;
} weft_reply_file_opts;
#define weft_reply_file(r, path, ...) weft_reply_file_with((r), (path), &(weft_reply_file_opts){ __VA_ARGS__ })
int weft_reply_file_with(weft_reply *, const char *path, const weft_reply_file_opts *) WEFT_NODISCARD;

/* Answer with a Location: status 301, 302, 303, 307 or 308. What is not visible ASCII is percent-encoded. */
int weft_reply_redirect(weft_reply *, int status, const char *url);

/* Pass an upstream's answer on: status, content type and body. */
int weft_reply_response(weft_reply *, const weft_response *);

/* ---- documentation: what /openapi.json, /docs and /redoc tell of routes, beside what their types tell ---- */

/* One more answer of a route: .responses = WEFT_RESPONSES(WEFT_RESPONSE(404, "No such item"), ...). Its body is
 * .model = WEFT_SCHEMA(Stock); without it, from 400 on, what weft_fail answers, {"detail": "..."} or problem details; with
 * .detail = WEFT_SCHEMA(Taken) what weft_fail_json answers that is given a Taken. .content_type says
 * what it is when it is no JSON; .example is one such body, as JSON, or as text when it is none. One with the route's own
 * status says more about that answer, for example of what content type a weft_reply is. Status: 100 to 599. */
typedef struct weft_response_doc {
    int status;
    const char *doc;
    const weft_schema *model, *detail;
    const char *content_type, *example;
} weft_response_doc;
#define WEFT_RESPONSE(status_, doc_, ...) { .status = (status_), .doc = doc_, __VA_ARGS__ }
#define WEFT_RESPONSES(...) (const weft_response_doc[]){ __VA_ARGS__, { 0 } }
#define WEFT_SCHEMA(T) (&weft_schema_##T)

/* A request that the application sends and others answer, for documentation alone. A webhook of the application:
 * .webhooks = WEFT_WEBHOOKS(WEFT_WEBHOOK("order-sent", Order)); or a callback of a route, to a URL of its request's:
 * .callbacks = WEFT_WEBHOOKS(WEFT_CALLBACK("paid", "{$request.body#/callback_url}", Payment)). Options: .method
 * ("POST"), .summary, .description. OpenAPI 3.1.0, 4.8.18 */
typedef struct weft_webhook {
    const char *name, *url;
    const weft_schema *body;
    const char *method, *summary, *description;
} weft_webhook;
#define WEFT_WEBHOOK(name_, Body, ...) { .name = name_, .body = &weft_schema_##Body, __VA_ARGS__ }
#define WEFT_CALLBACK(name_, url_, Body, ...) { .name = name_, .url = url_, .body = &weft_schema_##Body, __VA_ARGS__ }
#define WEFT_WEBHOOKS(...) (const weft_webhook[]){ __VA_ARGS__, { 0 } }

/* .tags = WEFT_TAGS("orders", "shop") of a route; .tag_docs = WEFT_TAG_DOCS({ "orders", "What people buy" }) of the
 * application, in the order in which the pages show them; .servers = WEFT_SERVERS({ "https://api.example.com", "live" }). */
#define WEFT_TAGS(...) (const char *const[]){ __VA_ARGS__, 0 }
typedef struct weft_tag_doc { const char *name, *doc; } weft_tag_doc;
#define WEFT_TAG_DOCS(...) (const weft_tag_doc[]){ __VA_ARGS__, { 0 } }
typedef struct weft_server_doc { const char *url, *doc; } weft_server_doc;
#define WEFT_SERVERS(...) (const weft_server_doc[]){ __VA_ARGS__, { 0 } }

/* ---- routes ---- */

/* One route; write it with WEFT_GET and its like. The path begins with '/' and holds {name} for each path member
 * of the input: one whole segment, or with text around it ("/v{major}", "/{name}.txt"), never empty; or
 * {name:path} at its end for all that is left. It is compared with the decoded path, but %2F is no slash; what
 * is no UTF-8 is answered 400. Of two routes that match, the one declared first is taken.
 * Options by name: .status = 201, .timeout_ms = 5000 (for the handler: 504 after it), .body_bytes_max (0: the
 * server's). A client that disconnects cancels the handler of a GET or HEAD, or one whose
 * output is a weft_stream or weft_events, unless .keep_when_client_leaves = true; other methods run to their end, unless .cancel_when_client_leaves = true.
 * For documentation: .summary (the handler's name in words), .description (CommonMark), .tags, .deprecated, .responses,
 * .callbacks, .operation_id (of the handler's name, path and method, as FastAPI's), .undocumented leaves the route out.
 * Where the handler runs: .run = WEFT_ON_LOOP, WEFT_IN_THREAD (.threads: of which pool) or WEFT_IN_PROCESS, see below.
 * What of a JSON output is written, unless all is: .include = "name, price" or .exclude = "secret" choose among the members of
 * the output model, or of the models in an output that is a list, map or option. .exclude_none leaves members out that are null;
 * .exclude_defaults those that are what their .initial says, and opts and refs that are null; .exclude_unset those that may
 * lack and hold nothing: an opt neither set nor null, a NULL ref, an empty list or map with an .initial. As C cannot tell
 * whether anyone has set a number, a member of any other kind is always written. These three hold inside other models, too.
 * GET routes answer HEAD. Another method of a known path is answered 405 with Allow; a path that is known but
 * for a slash at its end is answered 307. Faults of routes and models are all told when the program starts. */
/* On the loop (what a route without .run does) a handler may wait for anything weft offers and must neither block nor
 * compute for long. In a thread it may block (sleep, read, a library that asks the network), and whatever waits fails with
 * WEFT_EINVAL; as a thread cannot be stopped, a deadline or a client that leaves is told when the handler has ended. In a process
 * it may compute for long, crash or loop: it gets a copy of its input and is killed at its deadline or when its client
 * leaves; request(...), reply(...) and a weft_reply as output stay behind, and it is a function of its input alone. A handler
 * that crashes its process is answered 500, and nothing else is harmed. See docs/runtime.md for when to use which. */
typedef enum weft_run_in { WEFT_ON_LOOP, WEFT_IN_THREAD, WEFT_IN_PROCESS } weft_run_in;

typedef struct weft_route {
    const char *method, *path, *name;
    weft__fn *handler;
    const weft_schema *in, *out;
    int status, timeout_ms;
    const char *summary;
    size_t body_bytes_max, checked;
    bool keep_when_client_leaves, cancel_when_client_leaves;
    bool exclude_unset, exclude_none, exclude_defaults;
    const char *include, *exclude;
    weft_run_in run;
    const weft_threads *threads;     /* WEFT_IN_THREAD: of this pool; NULL: weft_blocking */
    const char *description, *operation_id;
    const char *const *tags;
    const weft_response_doc *responses;
    const weft_webhook *callbacks;
    bool deprecated, undocumented;
    const char *url_name;            /* for weft_url_for; NULL: the handler's */
    const char *folder, *fallback;   /* WEFT_STATIC */
    const weft_layer *middleware;    /* middleware.h */
    const weft_provider *const *depends;             /* WEFT_DEPENDS: provider.h */
    const char *const *scopes;       /* WEFT_SCOPES: security.h */
    const weft_ws_opts *ws;          /* WEFT_WS: ws.h */
    const weft_ws_handlers *ws_handlers;
} weft_route;

#define WEFT__HANDLER(f, In, Out) .handler = (weft__fn *)(f), .checked = WEFT__MUST(WEFT__SAME(&(f), int (*)(const In *, Out *)), \
    "handler '" #f "' must be declared: int " #f "(const " #In " *in, " #Out " *out)")
#define WEFT__ROUTE(m, p, f, In, Out, ...) { .method = m, .path = p, .name = #f, WEFT__HANDLER(f, In, Out), .in = &weft_schema_##In, .out = &weft_schema_##Out, __VA_ARGS__ }
#define WEFT_GET(p, f, In, Out, ...)    WEFT__ROUTE("GET", p, f, In, Out, __VA_ARGS__)
#define WEFT_POST(p, f, In, Out, ...)   WEFT__ROUTE("POST", p, f, In, Out, __VA_ARGS__)
#define WEFT_PUT(p, f, In, Out, ...)    WEFT__ROUTE("PUT", p, f, In, Out, __VA_ARGS__)
#define WEFT_PATCH(p, f, In, Out, ...)  WEFT__ROUTE("PATCH", p, f, In, Out, __VA_ARGS__)
#define WEFT_DELETE(p, f, In, Out, ...) WEFT__ROUTE("DELETE", p, f, In, Out, __VA_ARGS__)

/* A folder of files, as one of the routes: WEFT_STATIC("/assets", "web/dist") answers GET and HEAD of /assets/css/site.css with
 * web/dist/css/site.css, as weft_reply_file does, and with X-Content-Type-Options: nosniff. The first is a literal, "" for the whole
 * site: put it behind the other routes then, as the first one that matches is taken.
 * A path that ends with '/' is answered with the index.html there, one of a folder is sent to itself with a '/' (307); folders are
 * never listed. No path and no link leads out of the folder, and names that begin with a dot, but for .well-known, are not
 * found: 404, as all that is not there.
 * .fallback = "index.html": that file instead of a 404 for who wants HTML (Accept), for pages whose script reads the path itself.
 * The URL of a file in it: weft_url_for(in->request, "static", weft_static_in, &(weft_static_in){ WEFT_S("css/site.css") }, &url); of several
 * folders each has an .url_name.
 * The folder is taken from the working directory; it may change while the program runs. One that is not there is said on stderr when
 * the program starts. In documentation: no. */
typedef struct weft_static_in { weft_str path; } weft_static_in;
#define WEFT_STATIC(path_, folder_, ...) { .method = "GET", .path = path_ "/{path:path}", .name = "static", \
    .handler = (weft__fn *)weft__static_handler, .in = &weft_schema_weft_static_in, .out = &weft_schema_weft_reply, \
    .run = (weft_run_in)WEFT__RUN_STATIC, .undocumented = true, .folder = folder_, __VA_ARGS__ }
enum { WEFT__RUN_STATIC = WEFT_IN_PROCESS + 2 };
extern const weft_schema weft_schema_weft_static_in;
void weft__static_handler(void);
#define WEFT_ROUTES(...) (const weft_route[]){ __VA_ARGS__, { 0 } }

/* Routes of a file of their own, under a prefix: const weft_router orders = { .prefix = "/orders", ... }. A prefix
 * begins with '/' and does not end with it; it may hold {name}. At most 16 in each other, in order: an application's
 * own routes first, then each router's. In documentation its routes have its .tag, behind those of the routers around.
 *
 * With a .host its routes are those of one host alone: "api.example.com", or with "*" for any one label, or {name} for one that is
 * a path member of the inputs: "{tenant}.example.com". The request's Host is compared without case and port. Routes of hosts come
 * before those of any host, in the order in which the hosts are first named; what a host has no route for is looked for among
 * those of any host. Routers inside are of that host too, and say none. */
typedef struct weft_router {
    const char *prefix, *tag;
    const weft_route *routes;
    const struct weft_router *const *routers;
    const char *host;
    const weft_layer *middleware;
    const weft_provider *const *depends;             /* of all its routes */
    const char *const *scopes;       /* likewise: WEFT_SCOPES, security.h */
} weft_router;
#define WEFT_ROUTERS(...) (const weft_router *const[]){ __VA_ARGS__, 0 }

/* An application inside another: .mounts = WEFT_MOUNTS(WEFT_MOUNT("/v1", v1), WEFT_MOUNT("", admin, .host = "admin.example.com")). All its
 * paths stand under .path, which is like a router's prefix but has no parameters, or on .host, which is like a router's, or both. It keeps
 * what is its own: its handlers of failures, the form of its failures, its document and pages (/v1/openapi.json, /v1/docs), in which
 * paths are its own and the server is its .path; the document around it does not tell of it. A path under
 * its own that no route has is its 404. .name is for weft_url_for. Its routes come before those of the application around it, but after other routes of the same host.
 * At most 16 in each other; the same application may be mounted at several places. */
typedef struct weft_mount {
    const char *path;
    const struct weft_app *app;
    const char *name, *host;
} weft_mount;
#define WEFT_MOUNT(path_, app_, ...) { .path = path_, .app = &(app_), __VA_ARGS__ }
#define WEFT_MOUNTS(...) (const weft_mount[]){ __VA_ARGS__, { 0 } }

/* Something that has to work for the server to be ready: .ready = WEFT_READY_WHEN({ "database", database_answers }) of an application, with
 * int database_answers(void), which may wait and returns 0 or what weft_fail does. All are asked at once, a second each. At most 64, each of a name of its
 * own, of 100 bytes at most: what is wrong with them is told when the program starts. See metrics.h. */
typedef struct weft_check { const char *name; int (*check)(void); } weft_check;
#define WEFT_READY_WHEN(...) (const weft_check[]){ __VA_ARGS__, { 0 } }

/* A whole application. const weft_app app = { .title = "shop", .routes = WEFT_ROUTES(...) };
 *
 * weft serves what it knows of it: an OpenAPI 3.1 document at .openapi_path ("/openapi.json"), Swagger UI at .docs_path
 * ("/docs") and Redoc at .redoc_path ("/redoc"), out of the program itself: no page asks another machine for anything.
 * Each at another path when it says one, none at "", and without a document no pages. The document is written once, when
 * the program starts; its title is .title ("weft"), its version .version ("0.1.0").
 *
 * Failures: .on_failure has answers of your own (failure.h). .problems makes the others application/problem+json (RFC 9457): {"type":
 * "about:blank","title":"Not Found","status":404,"detail":"no item 7"}; the faults of a 422 are its member "errors", and the members of
 * a weft_fail_json's model stand in it. .debug shows what clients are told nothing of, failures with a code and mistakes: a page with
 * text, trace and request for those who accept text/html, else a member "debug". Not for production: it is said on stderr when the
 * program starts.
 *
 * .trace takes part in W3C Trace Context: each request continues the trace that its header traceparent names, or begins one; the ids stand in
 * its lines of the log (log.h), and calls of weft_fetch and its like pass them on, with tracestate. Deadlines are not passed on. */
typedef struct weft_app {
    const char *title, *version;
    const weft_route *routes;
    const weft_router *const *routers;
    const char *description;         /* CommonMark */
    const char *openapi_path, *docs_path, *redoc_path;
    const weft_tag_doc *tag_docs;
    const weft_server_doc *servers;
    const weft_webhook *webhooks;
    const weft_mount *mounts;
    const weft_on_failure *on_failure;
    bool problems, debug;
    const weft_check *ready;         /* what WEFT_READY asks: metrics.h */
    bool trace;                      /* see above; of the outermost application */
    const weft_template *const *templates;           /* of pages: template.h */
    const weft_layer *middleware;    /* around all of it: middleware.h */
    const weft_provider *const *depends, *const *starts;     /* of all its routes; WEFT_STARTS: opened when the program starts. provider.h */
    struct weft_metric *const *metrics;              /* WEFT_OWN_METRICS: those that it counts. metrics.h */
} weft_app;

/* ---- URLs of routes ---- */

/* The URL of a route, made of the input that it takes:
 *
 *     WEFT_TRY(weft_url_for(in->request, "read_item", read_item_in, &(read_item_in){ .item_id = 3 }, &url));
 *
 * gives "/items/3", with the prefixes of routers and mounts. Path members become segments, query members the query, both
 * percent-encoded; all others are left out. Of the query, options that are null or absent, empty lists and what is as its .initial
 * says are left out too. A route that takes nothing of the path has weft_none and NULL. A route on another host than the request's is
 * "//api.example.com:8000/items/3", with the request's port.
 * The name is the handler's, or the route's .url_name; it is looked for in the application that answers the request, "admin:read_user"
 * in its mount of the name admin, ":read_item" in the outermost. An .url_name is one route's, and comes before the handlers of that name; of several of these it is the one declared first.
 * The text lives as long as the request. WEFT_EINVAL, recorded: no such route, mount or input (it says which there are); a value that
 * cannot be said: empty, "." or ".." where a segment is, NUL, no UTF-8, more than 64 KiB. WEFT_ENOMEM. Waits: never. RFC 3986 */
#define weft_url_for(request, name, Input, in, out) \
    weft__url_for(WEFT__HERE, (request), (name), &weft_schema_##Input, (const Input *){ (in) }, (out))
int weft__url_for(const char *place, const weft_request *, const char *name, const weft_schema *, const void *in, weft_str *out) WEFT_NODISCARD;
#endif
