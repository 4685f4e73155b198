/* WebSockets of tests: the client's end, over the simulator's network. */
#include <stdio.h>
#include <string.h>
#include "http/ws.h"
#include "testing/client.h"

enum { HEADERS_MAX = 32, ANSWER_MS = 60000 };

struct weft_test_ws {
    weft_test_ws *next;
    const weft_app *app;
    weft_ws *ws;                     /* NULL: refused, or left */
    int status, code;
    bool text, live;
    weft_str reason, protocol;
};

static weft_test_ws *all;            /* of this test */

/* ---- in the task that does what the test asks for ---- */

typedef struct opening { weft_test_ws *w; const char *path; const weft_ws_connect_opts *opts; const int *port; } opening;

static int open_it(const opening *in)
{
    weft_ws_connect_opts o = *in->opts;
    o.status = &in->w->status;
    return weft_ws_connect(&in->w->ws, (._ = NULL, .ws = o.ws, .headers = o.headers, .header_count = o.header_count, .connect_ms = o.connect_ms, .status = o.status),
        "ws://127.0.0.1:{+}{+}", *in->port, in->path);
}

typedef struct reading { weft_test_ws *w; int within_ms; } reading;

static int recv_it(const reading *in, weft_str *out)
{
    WEFT_SCOPE(patience, .timeout_ms = in->within_ms);
    weft_str msg;
    int rc = weft_ws_recv(in->w->ws, &msg);
    if (rc <= 0) return rc;
    in->w->text = weft_ws_is_text(in->w->ws);
    *out = weft__arena_dup(weft__test_arena(), msg);
    return out->ptr ? 1 : WEFT_ENOMEM;
}

typedef struct sending { weft_ws *ws; weft_str bytes; bool text; } sending;

static int send_it(const sending *in)
{
    int rc = in->text ? weft_ws_send(in->ws, in->bytes) : weft_ws_send_binary(in->ws, in->bytes);
    return rc < 0 ? rc : weft_yield();
}

typedef struct closing { weft_test_ws *w; int code; } closing;

/* What is still on its way is read, and forgotten. */
static int close_it(const closing *in)
{
    weft_ws *ws = in->w->ws;
    WEFT_SCOPE(patience, .timeout_ms = ANSWER_MS);
    WEFT_TRY(weft_ws_close(ws, in->code, NULL));
    while (ws->pipe) WEFT_TRY(weft_sleep_ms(1));
    return 0;
}

static int leave_it(weft_test_ws *const *w)
{
    weft__ws_over((*w)->ws, WEFT_ECONNRESET, false);
    weft_ws_free((*w)->ws);
    return 0;
}

/* ---- weft/test.h ---- */

static int call(weft_test_ws *w, const weft_call *c)
{
    int port;
    int rc = w->ws && w->live && weft__live() ? weft__live_call(w->app, c, &port) : WEFT_ECLOSED;
    if (w->ws && w->ws->heard_close) w->code = weft_ws_code(w->ws);
    else if (w->ws && !w->ws->pipe) w->code = WEFT__WS_BROKEN;
    return rc;
}

/* Those given, and the cookies that are kept. */
static size_t add_cookies(const weft_app *app, const char *path, const weft_ws_connect_opts *opts, weft_header *to)
{
    weft__buf line;
    size_t n = opts->header_count < HEADERS_MAX - 1 ? opts->header_count : HEADERS_MAX - 1;
    for (size_t i = 0; i < n; i++) to[i] = opts->headers[i];
    weft__buf_init(&line, 64 * 1024);
    weft__test_add_cookies(&line, app, (weft_str){ path, strcspn(path, "?") });
    if (line.len) to[n++] = (weft_header){ WEFT_S("Cookie"), weft__arena_dup(weft__test_arena(), (weft_str){ line.ptr + 8, line.len - 10 }) };
    weft__buf_free(&line);
    return n;
}

weft_test_ws *weft_test_ws_open_with(const weft_app *app, const char *path, const weft_ws_connect_opts *opts)
{
    weft_header headers[HEADERS_MAX];
    weft_ws_connect_opts o = *opts;
    weft_test_ws *w = weft__arena_zalloc(weft__test_arena(), sizeof *w);
    int port = 0;
    WEFT_NEED(w != NULL);
    w->next = all;
    all = w;
    w->app = app;
    w->reason = w->protocol = WEFT_S("");
    o.headers = headers;
    o.header_count = add_cookies(app, path, opts, headers);
    weft__live_begin();
    w->live = true;
    opening how = { w, path, &o, &port };
    int rc = weft__live_call(app, &weft_call(open_it, &how), &port);
    if (rc < 0 && !w->status) weft__check_fail("weft_test", 0, "weft_test_ws_open: %s", weft_error_of(rc)->text);
    if (w->ws) w->protocol = weft__arena_dup(weft__test_arena(), weft_ws_protocol(w->ws));
    return w;
}

int weft_test_ws_status(const weft_test_ws *w) { return w->status; }

int weft_test_ws_recv_with(weft_test_ws *w, weft_str *out, const weft_test_read_opts *opts)
{
    *out = (weft_str){ "", 0 };
    int rc = call(w, &weft_call(recv_it, (&(reading){ w, opts->within_ms }), out));
    if (w->ws && w->ws->heard_close) w->reason = weft__arena_dup(weft__test_arena(), weft_ws_reason(w->ws));
    return rc;
}

bool weft_test_ws_is_text(const weft_test_ws *w) { return w->text; }
int weft_test_ws_send(weft_test_ws *w, const char *text) { return call(w, &weft_call(send_it, (&(sending){ w->ws, weft_str_of(text), true }))); }
int weft_test_ws_send_binary(weft_test_ws *w, weft_str bytes) { return call(w, &weft_call(send_it, (&(sending){ w->ws, bytes, false }))); }
int weft_test_ws_code(const weft_test_ws *w) { return w->code; }
weft_str weft_test_ws_reason(const weft_test_ws *w) { return w->reason; }
weft_str weft_test_ws_protocol(const weft_test_ws *w) { return w->protocol; }

int weft_test_ws_close(weft_test_ws *w, int code)
{
    (void)call(w, &weft_call(close_it, (&(closing){ w, code })));
    weft_test_ws_leave(w);
    return w->code;
}

void weft_test_ws_leave(weft_test_ws *w)
{
    if (w->ws && w->live && weft__live()) (void)call(w, &weft_call(leave_it, (&(weft_test_ws *const){ w })));
    w->ws = NULL;
    if (w->live && weft__live()) weft__live_end();
    w->live = false;
}

void weft__test_ws_leave_all(void)
{
    for (; all; all = all->next) weft_test_ws_leave(all);
}
