/* weft_cors: pages of other origins. Fetch standard, 3.2. */
#include "web/origins.h"
#include "web/words.h"
#include "base/buf.h"

enum { TEXT_BYTES_MAX = 16 * 1024, METHODS_ALL = 7 };

typedef struct cors {
    weft__origins origins;
    bool any_origin, any_header, credentials;
    weft_str methods, headers, expose, max_age;
} cors;

static bool allowed(const cors *c, weft_str came) { return c->any_origin || weft__origins_have(&c->origins, came); }

static int make_origins(weft__layer_making *m, cors *c, const weft_cors_opts *o)
{
    if (!weft_str_of(o->origins).len) WEFT__LAYER_FAULT(m, "no .origins; expected a list like \"https://example.com, https://*.example.com\", or \"*\"");
    int rc = weft__origins_make(m, o->origins, &c->origins, &c->any_origin, !o->credentials);
    if (c->any_origin && o->credentials)
        WEFT__LAYER_FAULT(m, ".credentials with .origins of \"*\": any page could act for whoever looks at it; name the origins");
    return rc;
}

/* ---- what answers say, made once ---- */

static weft_str join_words(weft__layer_making *m, const char *list, const char *what)
{
    weft__buf text;
    weft_str rest = weft_str_of(list), word;
    weft__buf_init(&text, TEXT_BYTES_MAX);
    while (weft__word_next(&rest, &word)) {
        if (!weft__http_name_valid(word)) WEFT__LAYER_FAULT(m, "%s '%.*s' is no token", what, WEFT_FMT(word));
        if (text.len) weft__buf_lit(&text, ", ");
        weft__buf_add_str(&text, word);
    }
    weft_str out = text.failed ? (weft_str){ 0 } : weft__arena_dup(m->arena, weft__buf_str(&text));
    weft__buf_free(&text);
    return out;
}

/* In the order of their bytes, each once, with those that need no leave. */
static weft_str sort_headers(weft__layer_making *m, const char *list)
{
    static const char safe[] = "Accept, Accept-Language, Content-Language, Content-Type";
    weft__buf text;
    weft_str last = { "", 0 }, word;
    weft__buf_init(&text, TEXT_BYTES_MAX);
    for (;;) {
        weft_str best = { NULL, 0 };
        const char *const lists[] = { safe, list };
        for (int i = 0; i < 2; i++)
            for (weft_str rest = weft_str_of(lists[i]); weft__word_next(&rest, &word);) {
                size_t n = word.len < last.len ? word.len : last.len, k = best.ptr && best.len < word.len ? best.len : word.len;
                int behind = memcmp(word.ptr, last.ptr, n), before = best.ptr ? memcmp(word.ptr, best.ptr, k) : -1;
                bool later = behind > 0 || (behind == 0 && word.len > last.len);
                if (later && (before < 0 || (before == 0 && word.len < best.len))) best = word;
            }
        if (!best.ptr) break;
        if (!weft__http_name_valid(best)) WEFT__LAYER_FAULT(m, "header '%.*s' is no token", WEFT_FMT(best));
        if (text.len) weft__buf_lit(&text, ", ");
        weft__buf_add_str(&text, best);
        last = best;
    }
    weft_str out = text.failed ? (weft_str){ 0 } : weft__arena_dup(m->arena, weft__buf_str(&text));
    weft__buf_free(&text);
    return out;
}

static int make(weft__layer_making *m, const void *config)
{
    const weft_cors_opts *o = config;
    cors *c = weft__arena_zalloc(m->arena, sizeof *c);
    if (!c) return WEFT_ENOMEM;
    const char *methods = o->methods ? o->methods : "GET";
    if (weft__words_have(methods, WEFT_S("*"))) methods = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT";
    c->any_header = weft__words_have(o->headers, WEFT_S("*"));
    c->credentials = o->credentials;
    c->methods = join_words(m, methods, "method");
    c->headers = sort_headers(m, c->any_header ? "" : o->headers);
    c->expose = join_words(m, o->expose, "header to expose");
    if (o->max_age_s < 0) WEFT__LAYER_FAULT(m, "max_age_s %d is negative", o->max_age_s);
    c->max_age = weft__arena_printf(m->arena, "%d", o->max_age_s ? o->max_age_s : 600);
    if (!c->methods.ptr || !c->headers.ptr || !c->expose.ptr || !c->max_age.ptr) return WEFT_ENOMEM;
    m->made = c;
    return make_origins(m, c, o);
}

/* ---- requests ---- */

static int put_origin(const cors *c, weft_reply *reply, weft_str came, bool fits)
{
    static const weft_str name = WEFT_S("Access-Control-Allow-Origin");
    if (c->any_origin) return weft__reply_put(reply, name, WEFT_S("*"));
    if (fits) {
        came = weft__arena_dup(reply->arena, came);
        if (!came.ptr) return WEFT_ENOMEM;
        WEFT_TRY(weft__reply_put(reply, name, came));
    }
    if (c->credentials) WEFT_TRY(weft__reply_put(reply, WEFT_S("Access-Control-Allow-Credentials"), WEFT_S("true")));
    return weft_reply_vary(reply, "Origin");
}

/* Are all that it wants to send allowed? */
static bool headers_fit(const cors *c, weft_str wanted)
{
    weft_str word;
    if (c->any_header) return true;
    while (weft__word_next(&wanted, &word))
        if (!weft__http_list_has(c->headers, word)) return false;
    return true;
}

static int preflight(const cors *c, const weft__http_head *head, weft_reply *reply, weft_str came, weft_str method)
{
    const weft__http_header *wanted = weft__http_find(head, WEFT_S("Access-Control-Request-Headers"), NULL);
    bool origin = allowed(c, came), known = weft__words_have(c->methods.ptr, method), headers = !wanted || headers_fit(c, wanted->value);
    weft_str list = c->any_header ? wanted ? weft__arena_dup(reply->arena, wanted->value) : (weft_str){ "", 0 } : c->headers;
    if (!list.ptr) return WEFT_ENOMEM;
    WEFT_TRY(put_origin(c, reply, came, origin));
    WEFT_TRY(weft__reply_put(reply, WEFT_S("Access-Control-Allow-Methods"), c->methods));
    WEFT_TRY(weft__reply_put(reply, WEFT_S("Access-Control-Max-Age"), c->max_age));
    if (list.len) WEFT_TRY(weft__reply_put(reply, WEFT_S("Access-Control-Allow-Headers"), list));
    int rc = weft_reply_text(reply, WEFT_S("OK"));
    if (origin && known && headers) return rc < 0 ? rc : WEFT__LAYER_ANSWERED;
    weft_str why = weft__arena_printf(reply->arena, "Disallowed CORS %s%s%s%s%s", origin ? "" : "origin", !origin && !known ? ", " : "", known ? "" : "method",
        !headers && (!origin || !known) ? ", " : "", headers ? "" : "headers");
    if (!why.ptr) return WEFT_ENOMEM;
    WEFT_TRY(weft_reply_status(reply, 400));
    WEFT_TRY(weft_reply_text(reply, why));
    return WEFT__LAYER_ANSWERED;
}

static int before(const weft_request *request, weft_reply *reply, const void *config)
{
    const cors *c = config;
    const weft__http_head *head = weft__request_head(request);
    const weft__http_header *origin = weft__http_find(head, WEFT_S("Origin"), NULL), *method = NULL;
    /* A cache must not give what this one is told to somebody who has an origin. */
    if (!origin && !c->any_origin) return weft_reply_vary(reply, "Origin");
    if (origin && head->verb == WEFT__OPTIONS) method = weft__http_find(head, WEFT_S("Access-Control-Request-Method"), NULL);
    if (method) return preflight(c, head, reply, origin->value, method->value);
    /* What is the same for all is told to all: then a cache may keep it for all. */
    weft_str came = origin ? origin->value : (weft_str){ "", 0 };
    WEFT_TRY(put_origin(c, reply, came, allowed(c, came)));
    return c->expose.len ? weft__reply_put(reply, WEFT_S("Access-Control-Expose-Headers"), c->expose) : 0;
}

const weft__layer_kind weft__cors_kind = { .name = "weft_cors", .before = before, .make = make, .of_app = true };
