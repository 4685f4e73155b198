#ifndef WEFT_TEST_H
#define WEFT_TEST_H
/* Tests of an application in process: no socket of the system's, no waiting for real. Each test has a world of
 * its own, with a virtual clock that jumps: a handler that sleeps two seconds costs microseconds. The bytes go
 * through the same server, parser and router as in production. What ignores its cancel when it is to end, a handler or a
 * background task, fails the test and ends it there, with a list of its tasks.      Example: examples/items_test.c  */
#include "weft/check.h"
#include "weft/serve.h"

/* Send one request to the application and wait, in virtual time, for the answer. Never fails: an application
 * whose routes have faults, or an answer that is no HTTP, fails the test and gives status 0. The answer
 * lives until the test ends. `path` is a target with its query: "/items/3?q=x".  */
weft_response weft_test_get(const weft_app *app, const char *path);
weft_response weft_test_post(const weft_app *app, const char *path, const char *json);

/* Any method, headers and body; body NULL for none. A Host of yours replaces the client's, testserver. */
weft_response weft_test_send(const weft_app *app, const char *method, const char *path,
    const weft_header *headers, size_t header_count, const char *body);

/* Cookies that answers set are kept for the rest of the test, for each application, and sent with its requests as a browser would: by path,
 * until Max-Age or Expires, in virtual time; Secure ones as well. A request with a Cookie of its own gets no others. The value of one, as it is sent; an
 * empty text with a NULL pointer when there is none. And all of them forgotten. */
weft_str weft_test_cookie(const weft_app *app, const char *name);
void weft_test_forget_cookies(void);

/* POST a form as a browser does (multipart/form-data). A file's content type: NULL for application/octet-stream.
 *
 *     weft_test_form(&app, "/upload", weft_test_field("note", "hi"), weft_test_file("files", "a.csv", "text/csv", WEFT_S("a,b\n")))  */
typedef struct weft_test_part { const char *name; weft_str bytes; const char *filename, *content_type; } weft_test_part;
static inline weft_test_part weft_test_field(const char *name, const char *text) { return (weft_test_part){ name, weft_str_of(text), NULL, NULL }; }
static inline weft_test_part weft_test_file(const char *name, const char *filename, const char *content_type, weft_str bytes)
{
    return (weft_test_part){ name, bytes, filename, content_type ? content_type : "application/octet-stream" };
}
#define weft_test_form(app, path, ...) weft_test_form_with((app), (path), (const weft_test_part[]){ __VA_ARGS__ }, \
    sizeof((const weft_test_part[]){ __VA_ARGS__ }) / sizeof(weft_test_part))
weft_response weft_test_form_with(const weft_app *app, const char *path, const weft_test_part *parts, size_t count);

/* ---- answers piece by piece ---- */

/* An answer that is read while it is written. The application serves on while the test does something else, and time stands still in
 * between: it moves when the test reads, sleeps or asks for something.
 *
 *     weft_test_stream *s = weft_test_open(&app, "/prices");
 *     WEFT_CHECK_EQ(weft_test_event(s, &event), 1);
 *     WEFT_CHECK_EQ(weft_test_ms(), 1000);
 *     weft_test_leave(s);
 *
 * Returns when the head is there; never fails: what is no answer fails the test, and its head has status 0. What was not left is left at the test's end. */
typedef struct weft_test_stream weft_test_stream;
weft_test_stream *weft_test_open(const weft_app *app, const char *path);
weft_test_stream *weft_test_open_with(const weft_app *app, const char *method, const char *path, const weft_header *headers, size_t header_count,
    const char *body);
const weft_response *weft_test_head(const weft_test_stream *s);      /* without a body */

/* The next bytes of the body that come, without chunks; the next event. 1; 0 at the end; WEFT_ECONNRESET: it broke off; WEFT_ETIMEDOUT: nothing
 * came within_ms (0: however long it takes). They live until the test ends. */
typedef struct weft_test_read_opts { weft__named_options_only _; int within_ms; } weft_test_read_opts;
#define weft_test_read(s, out, ...) weft_test_read_with((s), (out), &(weft_test_read_opts){ __VA_ARGS__ })
int weft_test_read_with(weft_test_stream *s, weft_str *out, const weft_test_read_opts *opts);
typedef struct weft_test_message { weft_str data, type, id; int64_t retry_ms; } weft_test_message;   /* type "message" unless said; retry_ms 0: not said */
#define weft_test_event(s, out, ...) weft_test_event_with((s), (out), &(weft_test_read_opts){ __VA_ARGS__ })
int weft_test_event_with(weft_test_stream *s, weft_test_message *out, const weft_test_read_opts *opts);

/* The client closes its connection. Twice is once. */
void weft_test_leave(weft_test_stream *s);

/* ---- WebSockets ---- */

/* A client's end of one, with options as of weft_ws_connect: the application serves on while the test does something else, and time moves when
 * the test receives, sends, sleeps or asks for something.
 *
 *     weft_test_ws *w = weft_test_ws_open(&app, "/chat/kitchen");
 *     weft_test_ws_send(w, "hello");
 *     WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 1);
 *     WEFT_CHECK_STR(msg, "hello");
 *     weft_test_ws_close(w, 1000);
 *
 * Never fails: of one that is refused weft_test_ws_status tells the answer's status, which is 101 otherwise, and all that follows does nothing. Cookies
 * are sent as with all requests. What was not closed is left at the test's end. */
typedef struct weft_test_ws weft_test_ws;
#define weft_test_ws_open(app, path, ...) weft_test_ws_open_with((app), (path), &(weft_ws_connect_opts){ __VA_ARGS__ })
weft_test_ws *weft_test_ws_open_with(const weft_app *app, const char *path, const weft_ws_connect_opts *opts);
int weft_test_ws_status(const weft_test_ws *w);

/* The next message: 1; 0: the application has said Close (weft_test_ws_code); WEFT_ECONNRESET: it broke off; WEFT_ETIMEDOUT: nothing came within_ms (0:
 * however long it takes). It lives until the test ends. */
#define weft_test_ws_recv(w, out, ...) weft_test_ws_recv_with((w), (out), &(weft_test_read_opts){ __VA_ARGS__ })
int weft_test_ws_recv_with(weft_test_ws *w, weft_str *out, const weft_test_read_opts *opts);
bool weft_test_ws_is_text(const weft_test_ws *w);

/* Send a text, or bytes. 0, or a code: it is over. */
int weft_test_ws_send(weft_test_ws *w, const char *text);
int weft_test_ws_send_binary(weft_test_ws *w, weft_str bytes);

/* The code that the application's Close had, 1006 when there was none, 0: it goes on; its reason; the subprotocol. */
int weft_test_ws_code(const weft_test_ws *w);
weft_str weft_test_ws_reason(const weft_test_ws *w);
weft_str weft_test_ws_protocol(const weft_test_ws *w);

/* Say Close, and wait for the answer: the code that it had. Or close the connection without a word, as one that crashes. Twice is once. */
int weft_test_ws_close(weft_test_ws *w, int code);
void weft_test_ws_leave(weft_test_ws *w);

/* Have applications serve on from here to the test's end, as while a stream is open: so background tasks run while the test looks on. */
void weft_test_serve(void);
/* Let virtual time pass. */
void weft_test_sleep(int ms);

/* Serve `upstream` under a host name (port 80 unless "name:port") for the rest of this test, so that what the
 * application fetches comes from there. */
void weft_test_upstream(const char *host, const weft_app *upstream);

/* From here to the end of the test, in all of its applications, a provider is another one, which provides the same:
 * weft_test_override(&database, &in_memory). NULL: itself again. What was open per worker is closed, and opened anew with the next request. */
void weft_test_override(const weft_provider *provider, const weft_provider *instead);

/* Start and stop an application as weft_serve does: open its providers per worker, and close them. The first request starts it, and the
 * end of the test stops it, unless you do; what fails then fails the test. Return the status that weft_serve would end with, which is no failure of the test: 0; 2: the routes
 * have faults (which are one); 3: it could not start, 1: a close failed, both told on stderr. Wait: in virtual time. */
int weft_test_start(const weft_app *app) WEFT_NODISCARD;
int weft_test_stop(const weft_app *app) WEFT_NODISCARD;

/* Run a task function in this test's world and wait, in virtual time, for its end: weft_test_run(fetch_price, &sku, &out).
 * What it returned; < 0: weft_error_of tells the text. What its output holds lives until the test ends. What it opens (files, sockets) is the world's: the disk is empty
 * at first and kept until the test ends.  */
#define weft_test_run(...) weft__test_run(weft_call(__VA_ARGS__))
int weft__test_run(weft_call call) WEFT_NODISCARD;

/* Run a whole program in this test's world: weft_test_program(weft_app_main, "argument"), where weft_app_main is the
 * program's main, compiled under that name (-Dmain=weft_app_main). Its weft_run then runs in virtual time, with the
 * world's disk and network; all else of main is as it is. Not for programs that serve (weft_serve): ask those.
 *
 *     weft_test_result r = weft_test_program(weft_app_main);
 *     WEFT_CHECK_STR(r.timed, "0 Hello\n1000 World!\n");
 *
 * Everything lives until the test ends. Of each output the first MiB is kept. A check that fails meanwhile fails the
 * test as always.  */
typedef struct weft_test_result {
    int status;                      /* what main returned */
    int64_t ms;                      /* virtual milliseconds it took */
    weft_str out, err;               /* what it wrote to stdout and to stderr, also with write, and from other processes */
    weft_str timed;                  /* `out`, each line behind the ms after the start at which it was written */
} weft_test_result;
#define weft_test_program(main_, ...) weft__test_program((weft__fn *)(main_), \
    WEFT__SAME(&(main_), int (*)(int, char **)) + WEFT__ASSERT(WEFT__SAME(&(main_), int (*)(void)) \
        || WEFT__SAME(&(main_), int (*)(int, char **)), "'" #main_ "' must be declared: int " #main_ "(void), or with (int argc, char **argv)"), \
    (const char *const[]){ #main_ __VA_OPT__(,) __VA_ARGS__, NULL })
weft_test_result weft__test_program(weft__fn *program, bool with_arguments, const char *const *argv);

/* Calls on threads and in processes, and files where they need a thread, take no virtual time. From here to the test's
 * end they take `ms` each, whatever they do for real. Waits: never. */
void weft_test_job_ms(int ms);

/* Virtual milliseconds since the test's world began. */
int64_t weft_test_ms(void);

/* A handler that computes for long, or sits in a call that blocks, holds the loop: nobody else is served. Here that
 * fails the test after 100 ms (five times as many under sanitizers and valgrind) of processor time or of sleep in
 * calls, and tells function and line; what runs late on a busy machine does not. From here to its end this test
 * allows `ms` (those 100 at least; -1: any). Waits: never. */
void weft_test_allow_blocking(int ms);

/* The body is this JSON, compared by value: WEFT_CHECK_JSON(r.body, { "item_id": 3, "q": "x" }). */
#define WEFT_CHECK_JSON(body, ...) weft__check_json(__FILE__, __LINE__, (body), #__VA_ARGS__)
bool weft__check_json(const char *file, int line, weft_str body, const char *json);
#endif
