/* weft_sessions: a model that comes and goes with each request, in a signed cookie. */
#include <stdio.h>
#include <string.h>
#include "crypto/signed.h"
#include "io/log.h"
#include "model/json.h"
#include "model/problems.h"
#include "web/clock.h"
#include "web/onion.h"
#include "wire/cookie.h"

enum { MAX_AGE_S = 14 * 24 * 3600, PURPOSE_MAX = 512 };

/* Of one request. */
typedef struct session {
    const weft_sessions_opts *opts;
    weft_arena *arena;
    weft_str cookie;                 /* as it came; empty: none */
    void *value;                     /* NULL: nobody asked for it */
    weft_str came;                   /* as JSON */
    int64_t left_s;
    bool ended, saved;
} session;

static const char *cookie_of(const weft_sessions_opts *o) { return o->cookie ? o->cookie : "session"; }

/* What one application has signed is no session of another that has the same secrets. */
static weft_str purpose_of(const weft_sessions_opts *o, char room[PURPOSE_MAX])
{
    int n = snprintf(room, PURPOSE_MAX, "weft session %s of %s at %s%s", cookie_of(o), o->model->name, o->domain ? o->domain : "", o->path ? o->path : "/");
    return (weft_str){ room, n < PURPOSE_MAX ? (size_t)n : PURPOSE_MAX - 1 };
}

static int64_t max_age_of(const weft_sessions_opts *o) { return o->max_age_s ? o->max_age_s : MAX_AGE_S; }

/* ---- what came ---- */

/* JSON as the model has it. 1; 0: it is none of this model any more; WEFT_ENOMEM: nobody knows what it is. */
static int read(session *s, weft_str json)
{
    weft__problems problems;
    weft__problems_init(&problems, s->arena);
    int rc = weft__json_read(s->opts->model, NULL, json, s->value, s->arena, &problems, &(weft__loc){ .name = WEFT_S("session") });
    if (rc == 0) return 1;
    if (rc != WEFT_EINVAL || s->arena->starved || s->arena->exceeded) return WEFT_ENOMEM;
    memset(s->value, 0, s->opts->model->size);
    return 0;
}

/* The JSON of a cookie that is good; empty when it is not. 0, or WEFT_ENOMEM: it may be. */
static int unsign(session *s, weft_str *json)
{
    char room[PURPOSE_MAX];
    weft__signed found;
    *json = (weft_str){ "", 0 };
    if (!s->cookie.len || s->cookie.len > WEFT__COOKIE_BYTES_MAX) return 0;
    uint8_t *bytes = weft__arena_alloc(s->arena, weft__base64url_room(s->cookie.len) + 1);
    if (!bytes) return WEFT_ENOMEM;
    int64_t now_s = weft__wall_s();
    if (weft__signed_read(s->opts->secrets, purpose_of(s->opts, room), now_s, s->cookie, bytes, &found) < 0) return 0;
    s->left_s = found.expires_s - now_s;
    *json = found.value;
    return 0;
}

static int write(const session *s, weft_str *out)
{
    weft__buf json;
    weft__fault fault = { "" };
    weft__buf_init(&json, WEFT__SIGNED_VALUE_MAX);
    int rc = weft__json_write(s->opts->model, s->value, &json, &fault);
    if (rc == 0 && json.failed) rc = json.failed;
    if (rc == 0) *out = weft__arena_dup(s->arena, weft__buf_str(&json));
    weft__buf_free(&json);
    if (rc < 0) return weft_fail(WEFT_EINVAL, "the session cannot be kept: %s", fault.text[0] ? fault.text : "it is larger than 64 KiB");
    return out->ptr ? 0 : WEFT_ENOMEM;
}

static int open_session(session *s)
{
    weft_str json;
    s->value = weft__arena_zalloc(s->arena, s->opts->model->size);
    int rc = s->value ? unsign(s, &json) : WEFT_ENOMEM;
    if (rc == 0 && json.len) rc = read(s, json);
    if (rc == 0) rc = read(s, WEFT_S("{}"));
    if (rc >= 0) rc = write(s, &s->came);
    if (rc < 0) s->value = NULL;             /* whoever asks again must not be given what was not read */
    return rc;
}

int weft__session(const weft_request *request, const weft_schema *model, void **out)
{
    session *s = request->exchange->session;
    if (!s) return weft_fail(WEFT_EINVAL, "weft_session(%s): there is no weft_sessions around this route", model->name);
    const weft_schema *own = s->opts->model;
    if (own != model && (strcmp(own->name, model->name) != 0 || own->size != model->size))
        return weft_fail(WEFT_EINVAL, "weft_session(%s): weft_sessions around this route has a %s", model->name, own->name);
    if (!s->value) WEFT_TRY(open_session(s));
    *out = s->value;
    return 0;
}

void weft_session_end(const weft_request *request)
{
    session *s = request->exchange->session;
    if (s) s->ended = true;
}

/* ---- what goes ---- */

static int send_cookie(const session *s, weft_reply *reply, weft_str json)
{
    const weft_sessions_opts *o = s->opts;
    char room[PURPOSE_MAX];
    weft__buf text;
    weft__buf_init(&text, 4 * WEFT__SIGNED_VALUE_MAX);
    if (!s->ended) weft__signed_write(o->secrets, purpose_of(o, room), weft__wall_s_in(max_age_of(o)), json, &text);
    int rc = text.failed;
    if (rc == 0)
        rc = weft_reply_cookie(reply, cookie_of(o), weft__buf_str(&text), .path = o->path, .domain = o->domain, .same_site = o->same_site,
            .max_age_s = s->ended ? 0 : max_age_of(o), .http_only = true, .secure = !o->over_http, .remove = s->ended);
    weft__buf_free(&text);
    return rc;
}

/* It is sent again when it has changed, or has less than half of its time to live. */
static int save(session *s, weft_reply *reply)
{
    weft_str json = { NULL, 0 };
    s->saved = true;
    if (s->value || s->ended) WEFT_TRY(weft_reply_vary(reply, "Cookie"));
    if (s->ended) return s->cookie.len ? send_cookie(s, reply, (weft_str){ "", 0 }) : 0;
    if (!s->value) return 0;
    WEFT_TRY(write(s, &json));
    bool same = weft_str_equal(json, s->came), young = s->left_s > max_age_of(s->opts) / 2;
    if (same && (young || !s->left_s)) return 0;
    return send_cookie(s, reply, json);
}

/* Of an answer in parts: nothing but the log can be told of a failure. */
static void save_at_head(weft_reply *reply, void *arg)
{
    session *s = arg;
    int rc = s->saved ? 0 : save(s, reply);
    if (rc < 0) weft_log_error("the session is not kept: %s", weft_error_of(rc)->text);
}

static weft_str find_cookie(const weft__http_head *head, weft_str name)
{
    weft_str each, value;
    for (const weft__http_header *h = NULL; (h = weft__http_find(head, WEFT_S("Cookie"), h));)
        for (weft__cookies c = weft__cookies_of(h->value); weft__cookie_next(&c, &each, &value);)
            if (weft_str_equal(each, name)) return value;
    return (weft_str){ "", 0 };
}

static int run(const weft_request *request, weft_reply *reply, weft_next *next)
{
    const weft_sessions_opts *o = weft_next_config(next);
    weft__exchange *x = request->exchange;
    session *s = weft__arena_zalloc(x->arena, sizeof *s);
    if (!s) return WEFT_ENOMEM;
    *s = (session){ .opts = o, .arena = x->arena, .cookie = weft__arena_dup(x->arena, find_cookie(x->head, weft_str_of(cookie_of(o)))) };
    if (!s->cookie.ptr) return WEFT_ENOMEM;
    WEFT_TRY(weft_reply_on_head(reply, save_at_head, s));
    void *outer = x->session;
    x->session = s;
    int rc = weft_next_run(next);
    x->session = outer;
    if (s->saved) return rc;
    int saved = save(s, reply);
    return saved < 0 ? saved : rc;
}

static int make(weft__layer_making *m, const void *config)
{
    const weft_sessions_opts *o = config;
    const char *why = o->secrets ? weft__secrets_fault(o->secrets) : "there are none";
    if (!o->model || o->model->kind != WEFT__model) WEFT__LAYER_FAULT(m, "no .model; expected WEFT_SCHEMA of a model");
    if (why) WEFT__LAYER_FAULT(m, ".secrets: %s", why);
    if (!weft__http_name_valid(weft_str_of(cookie_of(o))) || strlen(cookie_of(o)) > 64) WEFT__LAYER_FAULT(m, "cookie '%s' is no token of up to 64 letters", cookie_of(o));
    if (o->max_age_s < 0) WEFT__LAYER_FAULT(m, "max_age_s %lld is negative", (long long)o->max_age_s);
    return 0;
}

const weft__layer_kind weft__sessions_kind = { .name = "weft_sessions", .run = run, .make = make };
