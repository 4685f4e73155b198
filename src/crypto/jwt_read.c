/* A token, from its letters to the claims of a model. */
#include <string.h>
#include "crypto/base64url.h"
#include "crypto/jwt.h"
#include "model/json.h"
#include "wire/bytes.h"
#include "wire/number.h"

/* Members as they came: a text where a number belongs is a fault here, not something to convert. A name that is there
 * twice is no JSON. RFC 7515, 4; RFC 7519, 4.1 */
WEFT_MODEL(Header, opt(weft_json, alg), opt(weft_json, typ), opt(weft_json, kid), opt(weft_json, crit));
WEFT_MODEL(Registered, opt(weft_json, exp), opt(weft_json, nbf), opt(weft_json, iat), opt(weft_json, iss), opt(weft_json, aud));

typedef struct parts { weft_str header, payload, signature, signed_text; } parts;

typedef struct reader {
    const weft__jwt_rules *rules;
    weft_arena *arena;
    const char *why;
} reader;

static int refuse(reader *r, const char *why)
{
    r->why = why;
    return WEFT_EINVAL;
}

/* ---- letters ---- */

static bool split(weft_str token, parts *out)
{
    if (!token.len) return false;
    const char *end = token.ptr + token.len, *first = memchr(token.ptr, '.', token.len);
    const char *second = first ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;
    if (!second || memchr(second + 1, '.', (size_t)(end - second - 1))) return false;
    *out = (parts){
        .header = { token.ptr, (size_t)(first - token.ptr) },
        .payload = { first + 1, (size_t)(second - first - 1) },
        .signature = { second + 1, (size_t)(end - second - 1) },
        .signed_text = { token.ptr, (size_t)(second - token.ptr) },
    };
    return true;
}

static int decode(reader *r, weft_str letters, weft_str *out)
{
    uint8_t *to = weft__arena_alloc(r->arena, weft__base64url_room(letters.len));
    if (!to) return WEFT_ENOMEM;
    int64_t len = weft__base64url_read(letters, to);
    if (len < 0) return refuse(r, "a part is no base64url");
    *out = (weft_str){ (char *)to, (size_t)len };
    return 0;
}

/* ---- JSON ---- */

/* Problems are not told to anybody: that there are some is enough. */
static int read_json(reader *r, const weft_schema *schema, weft_str json, void *out, const char *why)
{
    weft__problems problems;
    weft__loc token = { .name = WEFT_S("token") };
    weft__problems_init(&problems, r->arena);
    int rc = weft__json_read(schema, NULL, json, out, r->arena, &problems, &token);
    return rc == WEFT_EINVAL ? refuse(r, why) : rc;
}

/* The text of a member that must be one; empty when it is not there. */
static int text_of(reader *r, const weft_opt_weft_json *member, weft_str *out, const char *why)
{
    *out = (weft_str){ "", 0 };
    if (!member->set && !member->null) return 0;
    if (member->null || member->value.text.ptr[0] != '"') return refuse(r, why);
    return read_json(r, &weft_schema_weft_str, member->value.text, out, why);
}

/* ---- the header ---- */

static weft_str without_application(weft_str type)
{
    static const weft_str prefix = WEFT_S("application/");
    bool has = type.len > prefix.len && weft__same_nocase((weft_str){ type.ptr, prefix.len }, prefix);
    return has ? (weft_str){ type.ptr + prefix.len, type.len - prefix.len } : type;
}

static int judge_header(reader *r, weft_str json, weft_str *alg, weft_str *kid)
{
    Header h;
    weft_str type = { "", 0 };
    int rc = read_json(r, &weft_schema_Header, json, &h, "its header is no JSON object");
    if (rc == 0) rc = text_of(r, &h.alg, alg, "its alg is no text");
    if (rc == 0) rc = text_of(r, &h.kid, kid, "its kid is no text");
    if (rc == 0) rc = text_of(r, &h.typ, &type, "its typ is no text");
    if (rc < 0) return rc;
    if (h.crit.set || h.crit.null) return refuse(r, "it has critical extensions");
    weft_str asked = r->rules->type;
    if (asked.len && !weft__same_nocase(without_application(type), without_application(asked)))
        return refuse(r, "it is of another type");
    return 0;
}

/* Keys that are not the token's are not asked: what is forged costs no more than it must. */
static int judge_signature(reader *r, const parts *p, weft_str alg, weft_str kid)
{
    weft_str signature = { "", 0 };
    int rc = decode(r, p->signature, &signature);
    if (rc < 0) return rc;
    r->why = "no key is of its algorithm and id";
    for (size_t i = 0; i < r->rules->count; i++) {
        const weft_jwt_key *key = r->rules->keys[i];
        weft_str id = weft__jwt_key_id(key);
        if (!weft_str_equal(alg, weft_str_of(weft__jwt_key_name(key)))) continue;
        if (kid.len && id.len && !weft_str_equal(kid, id)) continue;
        if (weft__jwt_verify(key, p->signed_text, signature)) return 0;
        r->why = "its signature is not that of the key";
    }
    return WEFT_EINVAL;
}

/* ---- the claims ---- */

/* Seconds since 1970, with a fraction perhaps; *out is only written when the claim is there. */
static int moment_of(reader *r, const weft_opt_weft_json *claim, double *out, bool *there)
{
    weft__number n;
    *there = claim->set || claim->null;
    if (!*there) return 0;
    weft_str text = claim->value.text;
    const char *end = claim->null ? NULL : weft__number_scan(text.ptr, text.ptr + text.len, &n);
    if (!end || end != text.ptr + text.len) return refuse(r, "a time is no number");
    *out = weft__number_double(&n);
    return *out >= -9e15 && *out <= 9e15 ? 0 : refuse(r, "a time is none");
}

static int judge_times(reader *r, const Registered *c)
{
    double exp = 0, nbf = 0, iat = 0, now = (double)r->rules->now_s, leeway = (double)r->rules->leeway_s;
    bool expires = false, begins = false, issued = false;
    int rc = moment_of(r, &c->exp, &exp, &expires);
    if (rc == 0) rc = moment_of(r, &c->nbf, &nbf, &begins);
    if (rc == 0) rc = moment_of(r, &c->iat, &iat, &issued);
    if (rc < 0) return rc;
    if (!expires && !r->rules->without_exp) return refuse(r, "it has no exp");
    if (r->rules->shape_only) return 0;
    if (begins && nbf > now + leeway) return refuse(r, "its nbf lies ahead");
    if (issued && iat > now + leeway) return refuse(r, "its iat lies ahead");
    if (!expires || exp > now - leeway) return 0;
    r->why = "it has expired";
    return WEFT_ETIMEDOUT;
}

/* One text or a list of texts. */
static int judge_audience(reader *r, const weft_opt_weft_json *claim)
{
    static const char *const none = "its aud is neither a text nor a list of texts";
    weft_list_weft_str all = { 0 };
    weft_str one = { "", 0 }, asked = r->rules->audience;
    bool there = claim->set || claim->null;
    if (!there) return asked.len ? refuse(r, "it has no aud") : 0;
    if (!asked.len && !r->rules->shape_only) return refuse(r, "it is for an audience, and none was asked for");
    if (claim->null) return refuse(r, none);
    if (claim->value.text.ptr[0] != '[') {
        int rc = text_of(r, claim, &one, none);
        bool fits = !asked.len || weft_str_equal(one, asked);
        return rc < 0 || fits ? rc : refuse(r, "it is for another audience");
    }
    int rc = read_json(r, &weft_schema_weft_list_weft_str, claim->value.text, &all, none);
    if (rc < 0 || !asked.len) return rc;
    for (uint32_t i = 0; i < all.count; i++)
        if (weft_str_equal(all.items[i], asked)) return 0;
    return refuse(r, "it is for another audience");
}

static int judge_issuer(reader *r, const weft_opt_weft_json *claim)
{
    weft_str issuer = { "", 0 };
    int rc = text_of(r, claim, &issuer, "its iss is no text");
    if (rc < 0 || !r->rules->issuer.len) return rc;
    return weft_str_equal(issuer, r->rules->issuer) ? 0 : refuse(r, "it is of another issuer");
}

/* That it has expired is told last, and so only of a token with nothing else wrong. */
static int judge(reader *r, weft_str payload)
{
    Registered c;
    int rc = read_json(r, &weft_schema_Registered, payload, &c, "its claims are no JSON object");
    if (rc == 0) rc = judge_issuer(r, &c.iss);
    if (rc == 0) rc = judge_audience(r, &c.aud);
    return rc < 0 ? rc : judge_times(r, &c);
}

int weft__jwt_judge(const weft__jwt_rules *rules, weft_str payload, weft_arena *arena, const char **why)
{
    reader r = { .rules = rules, .arena = arena };
    int rc = judge(&r, payload);
    *why = r.why;
    return rc;
}

static int read_token(reader *r, weft_str token, const weft_schema *schema, void *claims)
{
    parts p;
    weft_str header = { "", 0 }, payload = header, alg = header, kid = header;
    if (token.len > WEFT__JWT_MAX) return refuse(r, "it has more than 16 KiB");
    if (!split(token, &p)) return refuse(r, "it has not three parts");
    if (p.header.len > WEFT__JWT_HEADER_MAX) return refuse(r, "its header has more than 1 KiB");
    int rc = decode(r, p.header, &header);
    if (rc == 0) rc = judge_header(r, header, &alg, &kid);
    if (rc == 0) rc = judge_signature(r, &p, alg, kid);
    if (rc == 0) rc = decode(r, p.payload, &payload);
    if (rc == 0) rc = judge(r, payload);
    if (rc == 0) rc = read_json(r, schema, payload, claims, "its claims are not those of the model");
    return rc;
}

int weft__jwt_read(const weft__jwt_rules *rules, weft_str token, const weft_schema *schema, void *claims, weft_arena *arena,
    const char **why)
{
    reader r = { .rules = rules, .arena = arena };
    int rc = read_token(&r, token, schema, claims);
    *why = r.why;
    return rc;
}
