/* weft_csrf: requests that change something come from our own pages. */
#include <string.h>
#include "crypto/signed.h"
#include "web/origins.h"
#include "weft/secret.h"
#include "wire/bytes.h"
#include "wire/cookie.h"

enum { TOKEN_BYTES = 18, TOKEN_AGE_S = 14 * 24 * 3600 };
static const weft_str purpose = WEFT_S("weft csrf");

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

static bool is_ours(const csrf *c, weft_str token)
{
    weft_str value;
    return token.len && token.len < 512 && weft_unsign(c->opts->secrets, token, &value, .purpose = purpose) == 0;
}

static bool sent_twice(const csrf *c, const weft__http_head *head)
{
    weft_str cookie = token_of(c, head), header = header_of(head, weft_str_of(c->opts->header ? c->opts->header : "X-CSRF-Token"));
    return cookie.len && weft_same_secret(cookie, header) && is_ours(c, cookie);
}

static int give_token(const csrf *c, const weft__http_head *head, weft_reply *reply)
{
    weft_str token;
    if (is_ours(c, token_of(c, head))) return 0;
    WEFT_TRY(weft_sign(c->opts->secrets, weft_random_token(TOKEN_BYTES), &token, .purpose = purpose, .max_age_s = TOKEN_AGE_S));
    WEFT_TRY(weft_reply_vary(reply, "Cookie"));
    return weft_reply_cookie(reply, c->opts->cookie ? c->opts->cookie : "csrf", token, .max_age_s = TOKEN_AGE_S, .secure = !c->opts->over_http);
}

/* ---- the layer ---- */

static int run(const weft_request *request, weft_reply *reply, weft_next *next)
{
    const csrf *c = weft_next_config(next);
    const weft__http_head *head = weft__request_head(request);
    bool safe = head->verb == WEFT__GET || head->verb == WEFT__HEAD || head->verb == WEFT__OPTIONS || head->verb == WEFT__TRACE;
    if (!safe && !comes_from_us(c, head)) return weft_fail(403, "This request comes from a page of another site");
    if (!safe && c->opts->token && !sent_twice(c, head)) return weft_fail(403, "CSRF token missing or incorrect");
    if (safe && c->opts->token) WEFT_TRY(give_token(c, head, reply));
    return weft_next_run(next);
}

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

const weft__layer_kind weft__csrf_kind = { .name = "weft_csrf", .run = run, .make = make };
