/* Security schemes in the document, and what operations ask of them. */
#include <string.h>
#include "web/security.h"

static void remember(weft__doc *d, const weft_security *s)
{
    for (uint32_t i = 0; i < d->schemes.count; i++)
        if (d->schemes.items[i] == s) return;
    const weft_security **slot = weft__list_slot(&d->arena, &d->schemes, sizeof *slot);
    if (slot) *slot = s;
    else d->out.failed = WEFT_ENOMEM;
}

/* ---- of an operation ---- */

/* "OAuth2PasswordBearer":["items"]; only OAuth2 and OpenID Connect have scopes. OpenAPI 3.1.0, 4.8.30 */
static void add_scheme(weft__doc *d, const weft__endpoint *e, const weft_security *s)
{
    remember(d, s);
    weft__doc_key(d, weft_str_of(weft__security_name(s)));
    weft__doc_open(d, '[');
    for (uint32_t i = 0; s->kind >= WEFT__PASSWORD_FLOW && i < e->scopes.count; i++)
        if (weft__security_has(s, e->scopes.items[i])) weft__doc_text(d, weft_str_of(e->scopes.items[i]));
    weft__doc_close(d, ']');
}

/* All schemes that must be there and, unless it is NULL, one of those that may lack. */
static void add_requirement(weft__doc *d, const weft__endpoint *e, const weft_security *with)
{
    uint32_t at = 0;
    weft__doc_open(d, '{');
    for (const weft_security *s; (s = weft__security_next(e, &at));)
        if (!s->optional || s == with) add_scheme(d, e, s);
    weft__doc_close(d, '}');
}

void weft__doc_security(weft__doc *d, const weft__endpoint *e)
{
    uint32_t at = 0, optional = 0, all = 0;
    for (const weft_security *s; (s = weft__security_next(e, &at)); all++) optional += s->optional;
    if (!all) return;
    weft__doc_array(d, "security");
    if (!optional) add_requirement(d, e, NULL);
    at = 0;
    for (const weft_security *s; (s = weft__security_next(e, &at));)
        if (s->optional) add_requirement(d, e, s);
    weft__doc_close(d, ']');
}

/* ---- of the document ---- */

static void add_flow(weft__doc *d, const weft_security *s, const char *flow)
{
    weft__doc_say(d, "type", "oauth2");
    weft__doc_object(d, "flows");
    weft__doc_key(d, weft_str_of(flow));
    weft__doc_open(d, '{');
    weft__doc_say(d, "authorizationUrl", s->authorization_url);
    weft__doc_say(d, "tokenUrl", s->token_url);
    weft__doc_say(d, "refreshUrl", s->refresh_url);
    weft__doc_object(d, "scopes");
    for (const weft_scope_doc *doc = s->scope_docs; doc && doc->name; doc++) {
        weft__doc_key(d, weft_str_of(doc->name));
        weft__doc_text(d, weft_str_of(doc->doc));
    }
    weft__doc_close(d, '}');
    weft__doc_close(d, '}');
    weft__doc_close(d, '}');
}

static void add_http(weft__doc *d, const char *scheme, const char *format)
{
    weft__doc_say(d, "type", "http");
    weft__doc_say(d, "scheme", scheme);
    weft__doc_say(d, "bearerFormat", format);
}

static void add_key(weft__doc *d, const char *in, const char *name)
{
    weft__doc_say(d, "type", "apiKey");
    weft__doc_say(d, "in", in);
    weft__doc_say(d, "name", name);
}

/* OpenAPI 3.1.0, 4.8.27 */
static void add_definition(weft__doc *d, const weft_security *s)
{
    weft__doc_key(d, weft_str_of(weft__security_name(s)));
    weft__doc_open(d, '{');
    switch (s->kind) {
    case WEFT__BASIC: add_http(d, "basic", NULL); break;
    case WEFT__BEARER: add_http(d, "bearer", s->bearer_format); break;
    case WEFT__DIGEST: add_http(d, "digest", NULL); break;
    case WEFT__KEY_HEADER: add_key(d, "header", s->key); break;
    case WEFT__KEY_QUERY: add_key(d, "query", s->key); break;
    case WEFT__KEY_COOKIE: add_key(d, "cookie", s->key); break;
    case WEFT__PASSWORD_FLOW: add_flow(d, s, "password"); break;
    case WEFT__CODE_FLOW: add_flow(d, s, "authorizationCode"); break;
    case WEFT__OPENID:
        weft__doc_say(d, "type", "openIdConnect");
        weft__doc_say(d, "openIdConnectUrl", s->openid_url);
        break;
    }
    weft__doc_say(d, "description", s->doc);
    weft__doc_close(d, '}');
}

void weft__doc_security_schemes(weft__doc *d)
{
    if (!d->schemes.count) return;
    weft__doc_object(d, "securitySchemes");
    for (uint32_t i = 0; i < d->schemes.count; i++) add_definition(d, d->schemes.items[i]);
    weft__doc_close(d, '}');
}

/* ---- of the page ---- */

int weft__security_connect(weft__site *site, const weft__endpoints *endpoints, weft_arena *arena)
{
    int rc = 0;
    for (uint32_t i = 0; i < endpoints->count; i++) {
        const weft__endpoint *e = &endpoints->items[i];
        uint32_t at = 0;
        if (e->site != site) continue;
        for (const weft_security *s; rc == 0 && (s = weft__security_next(e, &at));) {
            rc = weft__docs_connect(&site->pages, arena, s->token_url);
            if (rc == 0) rc = weft__docs_connect(&site->pages, arena, s->refresh_url);
            if (rc == 0) rc = weft__docs_connect(&site->pages, arena, s->openid_url);
        }
    }
    return rc;
}
