/* What is wrong with schemes and scopes, told when the program starts. */
#include <string.h>
#include "crypto/signed.h"
#include "web/security.h"
#include "wire/bytes.h"

#define FAULT(e, faults, fmt, ...) \
    weft__buf_printf((faults), "route %.*s: " fmt "\n", WEFT_FMT((e)->name) __VA_OPT__(,) __VA_ARGS__)

/* OpenAPI 3.1.0, 4.8.7.1 */
static bool is_name(const char *name)
{
    static const char *const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
    return *name && strspn(name, letters) == strlen(name);
}

/* RFC 6749, 3.3; spaces divide them, and what stands in quotes in a header cannot have quotes. */
static bool is_scope(const char *name)
{
    bool good = *name;
    for (; *name; name++) good &= *name > ' ' && *name < 0x7F && *name != '"' && *name != '\\';
    return good;
}

static bool empty(const char *text) { return !text || !*text; }

static const char *missing_of(const weft_security *s)
{
    switch (s->kind) {
    case WEFT__KEY_HEADER: case WEFT__KEY_QUERY: case WEFT__KEY_COOKIE: return empty(s->key) ? "the name of its header, query value or cookie" : NULL;
    case WEFT__CODE_FLOW: return empty(s->authorization_url) ? "its authorization URL" : empty(s->token_url) ? "its token URL" : NULL;
    case WEFT__PASSWORD_FLOW: return empty(s->token_url) ? "its token URL" : NULL;
    case WEFT__OPENID: return empty(s->openid_url) ? "its OpenID URL" : NULL;
    default: return NULL;
    }
}

static void check_scheme(const weft__endpoint *e, const weft_security *s, weft__buf *faults)
{
    const char *name = weft__security_name(s), *missing = missing_of(s);
    bool takes_scopes = s->kind == WEFT__PASSWORD_FLOW || s->kind == WEFT__CODE_FLOW;
    if (missing) FAULT(e, faults, "security scheme '%s' lacks %s", name, missing);
    if (!is_name(name)) FAULT(e, faults, "security scheme '%s': a name is letters, digits, '.', '-' and '_'", name);
    if (s->status && s->status != 401 && s->status != 403) FAULT(e, faults, "security scheme '%s' has .status = %d; expected 401 or 403", name, s->status);
    if (s->kind == WEFT__KEY_HEADER && !empty(s->key) && !weft__bytes_are(weft_str_of(s->key), WEFT__TOKEN))
        FAULT(e, faults, "security scheme '%s': '%s' is no name of a header", name, s->key);
    if (s->realm && strpbrk(s->realm, "\"\\\r\n")) FAULT(e, faults, "security scheme '%s': its realm has a quote, a backslash or an end of line", name);
    const char *unfit = s->secrets ? weft__secrets_fault(s->secrets) : NULL;
    if (unfit) FAULT(e, faults, "security scheme '%s': its secrets: %s", name, unfit);
    if (s->secrets && (s->kind != WEFT__DIGEST || empty(s->realm))) FAULT(e, faults, "security scheme '%s' has .secrets, which are for Digest with a realm", name);
    if (s->scope_docs && !takes_scopes) FAULT(e, faults, "security scheme '%s' has .scope_docs, which are OAuth2's", name);
    for (const weft_scope_doc *doc = s->scope_docs; doc && doc->name; doc++)
        if (!is_scope(doc->name)) FAULT(e, faults, "security scheme '%s': '%s' is no scope; expected visible ASCII without quotes", name, doc->name);
}

/* Two of one name would be one in the documentation. They are one when they are the same object. */
static void check_names(const weft__endpoint *e, const weft_security *s, const weft__endpoint *other, weft__buf *faults)
{
    uint32_t at = 0;
    for (const weft_security *t; (t = weft__security_next(other, &at));) {
        if (t == s || strcmp(weft__security_name(t), weft__security_name(s)) != 0) continue;
        FAULT(e, faults, "another security scheme than that of %.*s has the name '%s' too; give one a .name", WEFT_FMT(other->name), weft__security_name(s));
        return;
    }
}

/* A scheme is told of at the first route that has it. */
static bool seen(const weft__endpoint *e, const weft_security *s)
{
    uint32_t at = 0;
    for (const weft_security *t; (t = weft__security_next(e, &at));)
        if (t == s) return true;
    return false;
}

static void check_schemes(const weft__endpoint *e, const weft__endpoints *before, weft__buf *faults)
{
    uint32_t at = 0;
    for (const weft_security *s; (s = weft__security_next(e, &at));) {
        bool known = false;
        for (uint32_t i = 0; !known && i < before->count && &before->items[i] != e; i++)
            known = before->items[i].site == e->site && seen(&before->items[i], s);
        if (known) continue;
        check_scheme(e, s, faults);
        for (uint32_t i = 0; i < before->count && &before->items[i] != e; i++) {
            if (before->items[i].site != e->site) continue;
            size_t told = faults->len;
            check_names(e, s, &before->items[i], faults);
            if (faults->len != told) break;
        }
        check_names(e, s, e, faults);
    }
}

static void check_scope(const weft__endpoint *e, const char *scope, bool overridden, weft__buf *faults)
{
    uint32_t at = 0;
    bool any = false, has = false;
    if (!is_scope(scope)) FAULT(e, faults, "'%s' is no scope; expected visible ASCII without quotes", scope);
    for (const weft_security *s; (s = weft__security_next(e, &at));) {
        any = true;
        has |= weft__security_has(s, scope);
    }
    if (overridden && !has) return;
    if (!any) FAULT(e, faults, "it needs the scope '%s', and none of its providers is a security scheme (weft/security.h)", scope);
    else if (!has) FAULT(e, faults, "it needs the scope '%s', which is not among the .scope_docs of its security scheme", scope);
}

void weft__security_check(const weft__endpoint *e, const weft__endpoints *before, bool overridden, weft__buf *faults)
{
    check_schemes(e, before, faults);
    for (uint32_t i = 0; i < e->scopes.count; i++) check_scope(e, e->scopes.items[i], overridden, faults);
}
