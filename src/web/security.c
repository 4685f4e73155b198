/* Credentials out of requests: each scheme's open, and the scopes that routes need. */
#include "web/security.h"
#include <string.h>
#include "io/log.h"
#include "web/provider.h"
#include "web/request.h"
#include "wire/base64.h"
#include "wire/bytes.h"
#include "wire/cookie.h"
#include "wire/url.h"
#include "wire/utf8.h"

/* ---- refusing ---- */

static int challenge(const weft_security *s, int rc)
{
    const char *const words[] = { [WEFT__BASIC] = "Basic", [WEFT__DIGEST] = "Digest", [WEFT__KEY_HEADER] = "APIKey",
        [WEFT__KEY_QUERY] = "APIKey", [WEFT__KEY_COOKIE] = "APIKey", [WEFT__OPENID] = NULL };
    const char *word = words[s->kind] ? words[s->kind] : "Bearer";
    if (s->secrets) return weft__digest_challenge(s, rc, false);
    if (s->realm && *s->realm) return weft_fail_header(rc, "WWW-Authenticate", "%s realm=\"%s\"", word, s->realm);
    return weft_fail_header(rc, "WWW-Authenticate", "%s", word);
}

static int refuse(const weft_security *s)
{
    int status = s->status ? s->status : 401, rc = weft_fail(status, "Not authenticated");
    return status == 401 ? challenge(s, rc) : rc;
}

/* What found no room in the request's memory is not absent. */
static int absent(const weft__security_in *in)
{
    const weft_arena *a = in->request->exchange->arena;
    if (a->starved || a->exceeded) return a->exceeded ? WEFT_ELIMIT : WEFT_ENOMEM;
    return in->scheme->optional ? 0 : refuse(in->scheme);
}

/* ---- Authorization ---- */

/* What follows the name of a scheme, without the spaces around it; empty when there is another scheme, or none. RFC 9110, 11.4 */
static weft_str credentials(const weft__security_in *in, const char *scheme)
{
    weft_str all = weft_request_header(in->request, "Authorization"), word = weft_str_of(scheme);
    bool ours = all.len > word.len && all.ptr[word.len] == ' ' && weft__same_nocase((weft_str){ all.ptr, word.len }, word);
    if (!ours) return (weft_str){ "", 0 };
    return weft__trim((weft_str){ all.ptr + word.len, all.len - word.len });
}

/* A copy with its NUL. */
static weft_str keep(weft_str text) { return weft_format("%.*s", WEFT_FMT(text)); }

int weft__bearer_open(const weft__security_in *in, weft_bearer **out)
{
    weft_str token = credentials(in, "Bearer");
    if (!token.len) return absent(in);
    weft_bearer *bearer = weft_new(weft_bearer);
    if (!bearer) return WEFT_ENOMEM;
    bearer->token = keep(token);
    *out = bearer;
    return 0;
}

int weft__digest_open(const weft__security_in *in, weft_digest **out)
{
    weft_str given = credentials(in, "Digest");
    if (!given.len) return absent(in);
    weft_digest *digest = weft_new(weft_digest);
    if (!digest) return WEFT_ENOMEM;
    digest->credentials = keep(given);
    int rc = in->scheme->secrets ? weft__digest_take(in, digest) : 0;
    if (rc == 0) *out = digest;
    return rc;
}

/* Text without control characters, which nobody types and which log and terminal would take for theirs. */
static bool is_plain(weft_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7F) return false;
    return weft__utf8_valid(text.ptr, text.len);
}

int weft__basic_open(const weft__security_in *in, weft_basic **out)
{
    weft_str letters = credentials(in, "Basic");
    const char *why;
    int64_t numbers[2];
    if (!letters.len) return absent(in);
    weft_basic *basic = weft_new(weft_basic);
    char *plain = weft_alloc(weft__base64_room(letters.len) + 1);
    if (!basic || !plain) return WEFT_ENOMEM;
    int64_t len = weft__base64_read(letters, (uint8_t *)plain, &why, numbers);
    char *colon = len < 0 ? NULL : memchr(plain, ':', (size_t)len);
    if (!colon || !is_plain((weft_str){ plain, (size_t)len })) return refuse(in->scheme);
    *colon = plain[len] = 0;
    *basic = (weft_basic){ { plain, (size_t)(colon - plain) }, { colon + 1, (size_t)(plain + len - colon - 1) } };
    *out = basic;
    return 0;
}

/* ---- keys ---- */

static weft_str key_in_query(const weft_request *request, weft_str wanted)
{
    weft__url_query q = weft__url_query_of(request->exchange->head->query, WEFT__PAIRS_MAX);
    weft_str name, value;
    while (weft__url_query_next(&q, &name, &value) > 0) {
        char *plain = weft_alloc(name.len + value.len + 2);
        if (!plain) break;
        int n = weft__url_decode(name, WEFT__DECODE_PLUS, plain);
        if (n < 0 || !weft_str_equal((weft_str){ plain, (size_t)n }, wanted)) continue;
        n = weft__url_decode(value, WEFT__DECODE_PLUS, plain);
        return n < 0 ? (weft_str){ "", 0 } : (weft_str){ plain, (size_t)n };
    }
    return (weft_str){ "", 0 };
}

/* Clients may send several lines of them. */
static weft_str key_in_cookies(const weft_request *request, weft_str wanted)
{
    const weft__http_head *head = request->exchange->head;
    for (const weft__http_header *h = NULL; (h = weft__http_find(head, WEFT_S("Cookie"), h));) {
        weft__cookies all = weft__cookies_of(h->value);
        weft_str name, value;
        while (weft__cookie_next(&all, &name, &value)) {
            if (!weft_str_equal(name, wanted)) continue;
            char *plain = weft_alloc(value.len + 1);
            return plain ? (weft_str){ plain, weft__cookie_unquote(value, plain) } : (weft_str){ "", 0 };
        }
    }
    return (weft_str){ "", 0 };
}

int weft__api_key_open(const weft__security_in *in, weft_api_key **out)
{
    const weft_security *s = in->scheme;
    weft_str name = weft_str_of(s->key), key;
    if (s->kind == WEFT__KEY_HEADER) key = weft_request_header(in->request, s->key);
    else if (s->kind == WEFT__KEY_QUERY) key = key_in_query(in->request, name);
    else key = key_in_cookies(in->request, name);
    if (!key.len) return absent(in);
    weft_api_key *given = weft_new(weft_api_key);
    if (!given) return WEFT_ENOMEM;
    given->key = key;
    *out = given;
    return 0;
}

/* ---- schemes of routes ---- */

const weft_security *weft__security_of(const weft_provider *p)
{
    bool is_one = p->config && p->config_type && strcmp(p->config_type, "weft_security") == 0;
    return is_one ? p->config : NULL;
}

const char *weft__security_name(const weft_security *s)
{
    static const char *const names[] = { [WEFT__BASIC] = "HTTPBasic", [WEFT__BEARER] = "HTTPBearer", [WEFT__DIGEST] = "HTTPDigest",
        [WEFT__KEY_HEADER] = "APIKeyHeader", [WEFT__KEY_QUERY] = "APIKeyQuery", [WEFT__KEY_COOKIE] = "APIKeyCookie",
        [WEFT__PASSWORD_FLOW] = "OAuth2PasswordBearer", [WEFT__CODE_FLOW] = "OAuth2AuthorizationCodeBearer", [WEFT__OPENID] = "OpenIdConnect" };
    return s->name ? s->name : names[s->kind];
}

const weft_security *weft__security_next(const weft__endpoint *e, uint32_t *at)
{
    for (; e->needs && *at < e->needs->count; ++*at) {
        const weft_security *s = weft__security_of(e->needs->items[*at].of->provider);
        if (!s) continue;
        ++*at;
        return s;
    }
    return NULL;
}

bool weft__security_has(const weft_security *s, const char *scope)
{
    const weft_scope_doc *doc = s->scope_docs;
    for (; doc && doc->name; doc++)
        if (strcmp(doc->name, scope) == 0) return true;
    return !s->scope_docs;
}

/* ---- scopes ---- */

/* The first word, and past it; empty at the end. */
static weft_str next_word(weft_str *words)
{
    if (!words->len) return (weft_str){ "", 0 };
    const char *at = words->ptr, *end = words->ptr + words->len;
    while (at < end && *at == ' ') at++;
    const char *stop = at;
    while (stop < end && *stop != ' ') stop++;
    *words = (weft_str){ stop, (size_t)(end - stop) };
    return (weft_str){ at, (size_t)(stop - at) };
}

static bool among(weft_str words, weft_str word)
{
    for (weft_str w; (w = next_word(&words)).len;)
        if (weft_str_equal(w, word)) return true;
    return false;
}

weft_str weft_scopes_within(weft_str asked, weft_str allowed)
{
    weft_str all = { "", 0 };
    for (weft_str w; (w = next_word(&asked)).len;)
        if (among(allowed, w) && !among(all, w)) all = weft_format("%s%s%.*s", all.ptr, all.len ? " " : "", WEFT_FMT(w));
    return all;
}

static bool covers(const weft__endpoint *e, weft_str granted)
{
    for (uint32_t i = 0; i < e->scopes.count; i++)
        if (!among(granted, weft_str_of(e->scopes.items[i]))) return false;
    return true;
}

weft_str weft_request_scopes(const weft_request *request)
{
    const weft__endpoint *e = request->endpoint;
    weft_str all = { "", 0 };
    for (uint32_t i = 0; e && i < e->scopes.count; i++) all = weft_format("%s%s%s", all.ptr, i ? " " : "", e->scopes.items[i]);
    return all;
}

static int too_little(const weft_request *request)
{
    int rc = weft_fail(403, "Not enough permissions");
    return weft_fail_header(rc, "WWW-Authenticate", "Bearer error=\"insufficient_scope\", scope=\"%s\"", weft_request_scopes(request).ptr);
}

/* Inputs have a request that is not to be written to; what is granted is no part of what came. */
int weft_grant(const weft_request *request, weft_str scopes)
{
    weft_request *r = (weft_request *)request;
    const weft__endpoint *e = request->endpoint;
    r->granted = false;
    if (e && !covers(e, scopes)) return too_little(request);
    r->granted = true;
    return 0;
}

int weft__security_granted(const weft__endpoint *e, const weft_request *request)
{
    if (request->granted) return 0;
    weft__log(WEFT_LOG_WARNING, "%.*s: it needs scopes, and none of its providers has called weft_grant", WEFT_FMT(e->name));
    return too_little(request);
}
