/* weft_csrf: requests that change something come from our own pages. */
#include <string.h>
#include "crypto/signed.h"
#include "io/log.h"
#include "web/clock.h"
#include "web/origins.h"
#include "web/session.h"
#include "weft/secret.h"
#include "wire/bytes.h"
#include "wire/cookie.h"

enum { TOKEN_BYTES = 18, TOKEN_AGE_S = 14 * 24 * 3600, TOKEN_MAX = 256 };

typedef struct csrf { const weft_csrf_opts *opts; weft__origins origins; } csrf;

/* ---- where a request comes from ---- */

/* The host and port of "https://example.com:8443/path"; empty when it is no URL. */
static weft_str authority_of(weft_str url)
{
    for (size_t i = 0; i + 2 < url.len; i++) {
        if (memcmp(url.ptr + i, "://", 3) != 0) continue;
        weft_str rest = { url.ptr + i + 3, url.len - i - 3 };
        const char *slash = rest.len ? memchr(rest.ptr, '/', rest.len) : NULL;
        if (slash) rest.len = (size_t)(slash - rest.ptr);
        return rest;
    }
    return (weft_str){ "", 0 };
}

static weft_str header_of(const weft__http_head *head, weft_str name)
{
    const weft__http_header *h = weft__http_find(head, name, NULL);
    return h ? h->value : (weft_str){ "", 0 };
}

static weft_str origin_of(weft_str url)
{
    weft_str authority = authority_of(url);
    return authority.len ? (weft_str){ url.ptr, (size_t)(authority.ptr + authority.len - url.ptr) } : url;
}

/* Browsers say where a request is from in one of three headers; who says nothing is no browser of today, and has no cookies of others. */
static bool comes_from_us(const csrf *c, const weft__http_head *head)
{
    weft_str site = header_of(head, WEFT_S("Sec-Fetch-Site")), origin = header_of(head, WEFT_S("Origin"));
    if (!origin.len) origin = origin_of(header_of(head, WEFT_S("Referer")));
    if (site.len && (weft_str_equal(site, WEFT_S("same-origin")) || weft_str_equal(site, WEFT_S("none")))) return true;
    if (origin.len && weft__origins_have(&c->origins, origin)) return true;
    if (site.len) return false;
    if (!origin.len) return true;
    weft_str authority = authority_of(origin);
    return authority.len && weft__same_nocase(authority, head->host);
}

/* ---- the token: what a page of ours can read, and no other ---- */

static weft_str token_of(const csrf *c, const weft__http_head *head)
{
    weft_str name = weft_str_of(c->opts->cookie ? c->opts->cookie : "csrf"), each, value;
    for (const weft__http_header *h = NULL; (h = weft__http_find(head, WEFT_S("Cookie"), h));)
        for (weft__cookies all = weft__cookies_of(h->value); weft__cookie_next(&all, &each, &value);)
            if (weft_str_equal(each, name)) return value;
    return (weft_str){ "", 0 };
}

/* Whose tokens are good: those of the session that the request came with, else those that belong to no session. */
typedef struct whose { bool session; uint8_t id[WEFT__SESSION_ID]; } whose;

static weft_str purpose_of(const whose *w, char room[64])
{
    static const weft_str none = WEFT_S("weft csrf"), bound = WEFT_S("weft csrf of session ");
    if (!w->session) return none;
    memcpy(room, bound.ptr, bound.len);
    memcpy(room + bound.len, w->id, WEFT__SESSION_ID);
    return (weft_str){ room, bound.len + WEFT__SESSION_ID };
}

/* How long it still holds, in seconds; 0: it is none of theirs. */
static int64_t holds(const csrf *c, const whose *w, weft_str token)
{
    char room[64];
    uint8_t bytes[TOKEN_MAX];
    weft__signed found;
    if (!token.len || token.len > TOKEN_MAX) return 0;
    int64_t now_s = weft__wall_s();
    return weft__signed_read(c->opts->secrets, purpose_of(w, room), now_s, token, bytes, &found) < 0 ? 0 : found.expires_s - now_s;
}

/* One of a session is known to be its page's by the signature. One of none could be anybody's: it has to come as the cookie as well. */
static bool is_sent(const csrf *c, const whose *w, const weft__http_head *head)
{
    weft_str header = header_of(head, weft_str_of(c->opts->header ? c->opts->header : "X-CSRF-Token"));
    return holds(c, w, header) > 0 && (w->session || weft_same_secret(token_of(c, head), header));
}

/* ---- tokens on their way out ---- */

/* Of one request, until its head goes. */
typedef struct giving { const csrf *c; weft__visit *visit; weft_str token; } giving;

static int give(const giving *g, const whose *w, weft_reply *reply)
{
    const csrf *c = g->c;
    char room[64];
    uint8_t random[TOKEN_BYTES];
    weft__buf token;
    weft__buf_init(&token, TOKEN_MAX);
    weft_random_bytes(random, sizeof random);
    weft__signed_write(c->opts->secrets, purpose_of(w, room), weft__wall_s_in(TOKEN_AGE_S), (weft_str){ (const char *)random, sizeof random }, &token);
    int rc = token.failed ? token.failed : weft__reply_keep_private(reply);
    if (rc == 0) rc = weft_reply_cookie(reply, c->opts->cookie ? c->opts->cookie : "csrf", weft__buf_str(&token), .max_age_s = TOKEN_AGE_S, .secure = !c->opts->over_http);
    weft__buf_free(&token);
    return rc;
}

/* Who has none that fits the session it has from now on, or one that is half over, is given another. */
static void give_at_head(weft_reply *reply, void *arg)
{
    const giving *g = arg;
    whose w = { .session = false };
    if (g->visit) w.session = weft__visit_goes(g->visit, reply, w.id) == 1;
    int rc = holds(g->c, &w, g->token) > TOKEN_AGE_S / 2 ? 0 : give(g, &w, reply);
    if (rc < 0) weft__log(WEFT_LOG_ERROR, "a CSRF token is not given: %s", weft_error_of(rc)->text);
}

static int expect_token(const csrf *c, const weft__http_head *head, weft__exchange *x, weft_reply *reply)
{
    giving *g = weft__arena_alloc(x->arena, sizeof *g);
    if (!g) return WEFT_ENOMEM;
    *g = (giving){ c, x->session, weft__arena_dup(x->arena, token_of(c, head)) };
    if (!g->token.ptr) return WEFT_ENOMEM;
    WEFT_TRY(weft_reply_vary(reply, "Cookie"));
    return weft_reply_on_head(reply, give_at_head, g);
}

/* ---- the layer ---- */

static int before(const weft_request *request, weft_reply *reply, const void *config)
{
    const csrf *c = config;
    weft__exchange *x = request->exchange;
    const weft__http_head *head = x->head;
    whose w = { .session = false };
    bool safe = head->verb == WEFT__GET || head->verb == WEFT__HEAD || head->verb == WEFT__OPTIONS || head->verb == WEFT__TRACE;
    if (!safe && !comes_from_us(c, head)) return weft_fail(403, "This request comes from a page of another site");
    if (!c->opts->token) return 0;
    WEFT_TRY(expect_token(c, head, x, reply));
    if (safe) return 0;
    int came = x->session ? weft__visit_came(x->session, w.id) : 0;
    if (came < 0) return came;
    w.session = came;
    return is_sent(c, &w, head) ? 0 : weft_fail(403, "CSRF token missing or incorrect");
}

bool weft__csrf_binds(const void *made) { return ((const csrf *)made)->opts->token; }

static int make(weft__layer_making *m, const void *config)
{
    const weft_csrf_opts *o = config;
    csrf *c = weft__arena_zalloc(m->arena, sizeof *c);
    bool any;
    if (!c) return WEFT_ENOMEM;
    c->opts = o;
    m->made = c;
    const char *why = !o->token ? NULL : o->secrets ? weft__secrets_fault(o->secrets) : "there are none";
    if (why) WEFT__LAYER_FAULT(m, ".secrets: %s", why);
    if (!o->token && (o->secrets || o->cookie || o->header)) WEFT__LAYER_FAULT(m, ".secrets, .cookie and .header are those of the token; expected .token = true with them");
    if (o->cookie && !weft__http_name_valid(weft_str_of(o->cookie))) WEFT__LAYER_FAULT(m, "cookie '%s' is no token", o->cookie);
    if (o->header && !weft__http_name_valid(weft_str_of(o->header))) WEFT__LAYER_FAULT(m, "header '%s' is no token", o->header);
    int rc = weft__origins_make(m, o->origins, &c->origins, &any, false);
    if (any) WEFT__LAYER_FAULT(m, "origins of \"*\": then nothing is refused; name them");
    return rc;
}

const weft__layer_kind weft__csrf_kind = { .name = "weft_csrf", .before = before, .make = make };
