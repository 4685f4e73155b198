/* WEFT_HEALTH and WEFT_READY: is the server alive, is it ready? */
#include <string.h>
#include "http/connection.h"
#include "io/log.h"
#include "web/metrics.h"
#include "wire/json.h"

enum { CHECK_MS = 1000 };

int weft__health_answer(const weft_none *in, weft_reply *out)
{
    (void)in;
    WEFT_TRY(weft_reply_header(out, "Cache-Control", "no-store"));
    return weft_reply_json(out, WEFT_S("{\"status\":\"ok\"}"));
}

/* A check is given the function that it calls. */
typedef struct asked { int (*check)(void); } asked;
static int ask(const asked *in) { return in->check(); }

static size_t count_of(const weft_check *checks)
{
    size_t n = 0;
    while (checks && checks[n].check) n++;
    return n;
}

/* All at once, each in a second. < 0: it was cancelled. */
static int ask_all(const weft_check *checks, size_t n, weft_error *errors)
{
    weft_call calls[WEFT__CHECKS_MAX];
    asked in[WEFT__CHECKS_MAX];
    for (size_t i = 0; i < n; i++) {
        in[i] = (asked){ checks[i].check };
        calls[i] = weft_call(ask, &in[i], NULL, .error = &errors[i], .timeout_ms = CHECK_MS);
    }
    return n ? weft_gather_n(calls, n) : 0;
}

static void add_check(weft__buf *out, const weft_check *check, const weft_error *error)
{
    if (out->ptr[out->len - 1] != '{') weft__buf_add_char(out, ',');
    weft__json_add_text_lossy(out, weft_str_of(check->name));
    weft__buf_add_str(out, error->code ? WEFT_S(":\"failed\"") : WEFT_S(":\"ok\""));
    if (error->code) weft_log_warning("not ready: %s: %s", check->name, error->text);
}

int weft__ready_answer(const weft_none *in, weft_reply *out)
{
    const weft_check *checks = out->site->app->ready;
    weft_error errors[WEFT__CHECKS_MAX];
    size_t n = count_of(checks);
    bool stops = weft__exchange_unready(out->exchange), ready = !stops;
    weft__buf json;
    (void)in;
    if (!stops) WEFT_TRY(ask_all(checks, n, errors));
    for (size_t i = 0; !stops && i < n; i++) ready &= errors[i].code == 0;
    weft__buf_init(&json, 64 * 1024);
    weft__buf_add_str(&json, ready ? WEFT_S("{\"status\":\"ready\"") : stops ? WEFT_S("{\"status\":\"stopping\"") : WEFT_S("{\"status\":\"not ready\""));
    if (!stops && n) weft__buf_lit(&json, ",\"checks\":{");
    for (size_t i = 0; !stops && i < n && !json.failed; i++) add_check(&json, &checks[i], &errors[i]);
    if (!stops && n) weft__buf_lit(&json, "}");
    weft__buf_lit(&json, "}");
    weft_str copy = weft__arena_dup(out->arena, weft__buf_str(&json));
    int failed = json.failed;
    weft__buf_free(&json);
    if (failed || !copy.ptr) return WEFT_ENOMEM;
    WEFT_TRY(weft_reply_status(out, ready ? 200 : 503));
    WEFT_TRY(weft_reply_header(out, "Cache-Control", "no-store"));
    return weft_reply_json(out, copy);
}
