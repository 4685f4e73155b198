/* weft_sessions: a model that comes and goes with each request, in a signed cookie. */
#include <stdio.h>
#include <string.h>
#include "crypto/signed.h"
#include "io/log.h"
#include "model/json.h"
#include "model/problems.h"
#include "web/clock.h"
#include "web/session.h"
#include "weft/secret.h"
#include "wire/cookie.h"

enum { MAX_AGE_S = 14 * 24 * 3600, PURPOSE_MAX = 512 };

/* Of one request. What is signed is the id, which stays as long as the session, and JSON. */
struct weft__visit {
    const weft_sessions_opts *opts;
    weft_arena *arena;
    weft_str cookie;                 /* as it came; empty: none */
    weft_str json;                   /* of it, when it is good; else empty */
    void *value;                     /* NULL: nobody asked for it */
    weft_str came;                   /* as JSON */
    int64_t left_s;
    uint8_t id[WEFT__SESSION_ID];
    bool looked;                     /* at the cookie */
    bool known;                      /* the client has a session of this id, or is about to */
    bool renewed;                    /* it is to have another id */
    bool ended, saved;
};
typedef weft__visit session;

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

/* Is the cookie good? 0, or WEFT_ENOMEM: it may be. */
static int look_at_cookie(session *s)
{
    char room[PURPOSE_MAX];
    weft__signed found;
    if (s->looked || !s->cookie.len || s->cookie.len > WEFT__COOKIE_BYTES_MAX) return 0;
    uint8_t *bytes = weft__arena_alloc(s->arena, weft__base64url_room(s->cookie.len) + 1);
    if (!bytes) return WEFT_ENOMEM;
    s->looked = true;
    int64_t now_s = weft__wall_s();
    if (weft__signed_read(s->opts->secrets, purpose_of(s->opts, room), now_s, s->cookie, bytes, &found) < 0 || found.value.len <= WEFT__SESSION_ID) return 0;
    s->left_s = found.expires_s - now_s;
    s->known = true;
    memcpy(s->id, found.value.ptr, WEFT__SESSION_ID);
    s->json = (weft_str){ found.value.ptr + WEFT__SESSION_ID, found.value.len - WEFT__SESSION_ID };
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
    s->value = weft__arena_zalloc(s->arena, s->opts->model->size);
    int rc = s->value ? look_at_cookie(s) : WEFT_ENOMEM;
    if (rc == 0 && s->json.len) rc = read(s, s->json);
    if (rc == 0) {
        s->known = false;            /* one of a model that there was before is none */
        rc = read(s, WEFT_S("{}"));
    }
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

int weft_session_renew(const weft_request *request)
{
    session *s = request->exchange->session;
    if (!s) return weft_fail(WEFT_EINVAL, "weft_session_renew: there is no weft_sessions around this route");
    if (!s->value) WEFT_TRY(open_session(s));
    s->renewed = true;
    return 0;
}

void weft_session_end(const weft_request *request)
{
    session *s = request->exchange->session;
    if (s) s->ended = true;
}

/* ---- what goes ---- */

/* The value behind the id, signed. */
static int sign(session *s, weft_str json, weft__buf *text)
{
    const weft_sessions_opts *o = s->opts;
    char room[PURPOSE_MAX], *value = weft__arena_alloc(s->arena, WEFT__SESSION_ID + json.len);
    if (!value) return WEFT_ENOMEM;
    if (WEFT__SESSION_ID + json.len > WEFT__SIGNED_VALUE_MAX) return weft_fail(WEFT_EINVAL, "the session cannot be kept: it is larger than 64 KiB");
    if (!s->known || s->renewed) weft_random_bytes(s->id, WEFT__SESSION_ID);
    memcpy(value, s->id, WEFT__SESSION_ID);
    memcpy(value + WEFT__SESSION_ID, json.ptr, json.len);
    weft__signed_write(o->secrets, purpose_of(o, room), weft__wall_s_in(max_age_of(o)), (weft_str){ value, WEFT__SESSION_ID + json.len }, text);
    return text->failed;
}

static int send_cookie(session *s, weft_reply *reply, weft_str json)
{
    const weft_sessions_opts *o = s->opts;
    weft__buf text;
    weft__buf_init(&text, 4 * WEFT__SIGNED_VALUE_MAX);
    int rc = s->ended ? 0 : sign(s, json, &text);
    if (rc == 0) rc = weft__reply_keep_private(reply);
    if (rc == 0)
        rc = weft_reply_cookie(reply, cookie_of(o), weft__buf_str(&text), .path = o->path, .domain = o->domain, .same_site = o->same_site,
            .max_age_s = s->ended ? 0 : max_age_of(o), .http_only = true, .secure = !o->over_http, .remove = s->ended);
    weft__buf_free(&text);
    if (rc == 0) s->known = !s->ended;
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
    if (same && !s->renewed && (young || !s->left_s)) return 0;
    return send_cookie(s, reply, json);
}

/* Of an answer in parts: nothing but the log can be told of a failure. */
static void save_at_head(weft_reply *reply, void *arg)
{
    session *s = arg;
    int rc = s->saved ? 0 : save(s, reply);
    if (rc < 0) weft_log_error("the session is not kept: %s", weft_error_of(rc)->text);
}

int weft__visit_came(weft__visit *v, uint8_t id[WEFT__SESSION_ID])
{
    int rc = look_at_cookie(v);
    if (rc < 0 || !v->known) return rc;
    memcpy(id, v->id, WEFT__SESSION_ID);
    return 1;
}

int weft__visit_goes(weft__visit *v, weft_reply *reply, uint8_t id[WEFT__SESSION_ID])
{
    save_at_head(reply, v);
    if (v->ended || weft__visit_came(v, id) <= 0) return 0;
    return 1;
}

int weft__reply_keep_private(weft_reply *reply)
{
    const weft_header *h = weft__reply_find(reply, WEFT_S("Cache-Control"));
    if (h && (weft__http_list_has(h->value, WEFT_S("private")) || weft__http_list_has(h->value, WEFT_S("no-store")))) return 0;
    return weft_reply_header(reply, "Cache-Control", h ? "private, no-cache" : "private");
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
