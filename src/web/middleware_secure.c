/* weft_security_headers: what makes browsers careful. */
#include "web/onion.h"

enum { LINES_MAX = 8 };
typedef struct lines { uint32_t count; weft_header items[LINES_MAX]; } lines;

static int before(const weft_request *request, weft_reply *reply, const void *config)
{
    const lines *all = config;
    (void)request;
    for (uint32_t i = 0; i < all->count; i++) WEFT_TRY(weft__reply_put(reply, all->items[i].name, all->items[i].value));
    return 0;
}

static void add(weft__layer_making *m, lines *all, const char *name, const char *said, const char *usual)
{
    weft_str value = weft_str_of(said ? said : usual);
    if (!value.len) return;
    if (!weft__http_value_valid(value)) WEFT__LAYER_FAULT(m, "%s: control characters in its value", name);
    all->items[all->count++] = (weft_header){ weft_str_of(name), value };
}

static int make(weft__layer_making *m, const void *config)
{
    const weft_security_headers_opts *o = config;
    lines *all = weft__arena_zalloc(m->arena, sizeof *all);
    weft_str hsts = { "", 0 };
    if (o->hsts_s < 0 || (o->hsts_subdomains && !o->hsts_s)) WEFT__LAYER_FAULT(m, "hsts_s %lld; expected seconds, as 31536000", (long long)o->hsts_s);
    if (all && o->hsts_s > 0)
        hsts = weft__arena_printf(m->arena, "max-age=%lld%s", (long long)o->hsts_s, o->hsts_subdomains ? "; includeSubDomains" : "");
    if (!all || !hsts.ptr) return WEFT_ENOMEM;
    add(m, all, "X-Content-Type-Options", "nosniff", NULL);
    add(m, all, "X-Frame-Options", o->frame_options, "DENY");
    add(m, all, "Referrer-Policy", o->referrer, "strict-origin-when-cross-origin");
    add(m, all, "Cross-Origin-Opener-Policy", o->opener, "same-origin");
    add(m, all, "Cross-Origin-Resource-Policy", o->resource, "same-origin");
    add(m, all, "Content-Security-Policy", o->csp, NULL);
    add(m, all, "Permissions-Policy", o->permissions, NULL);
    add(m, all, "Strict-Transport-Security", hsts.ptr, NULL);
    m->made = all;
    return 0;
}

const weft__layer_kind weft__security_headers_kind = { .name = "weft_security_headers", .before = before, .make = make };
