/* A token, from the claims of a model to its letters. */
#include <string.h>
#include "crypto/base64url.h"
#include "crypto/jwt.h"
#include "model/json.h"
#include "wire/json.h"

/* ,"name":"text", unless it is empty; false when the text is no UTF-8. */
static bool add_text(weft__buf *out, const char *name, weft_str text)
{
    if (!text.len) return true;
    weft__buf_printf(out, ",\"%s\":", name);
    return weft__json_add_text(out, text);
}

static bool add_header(weft__buf *out, const weft_jwt_key *key, weft_str type)
{
    weft__buf_printf(out, "{\"alg\":\"%s\"", weft__jwt_key_name(key));
    bool good = add_text(out, "typ", type.len ? type : WEFT_S("JWT")) && add_text(out, "kid", weft__jwt_key_id(key));
    weft__buf_lit(out, "}");
    return good;
}

/* Behind the members of the model, whose object is open again. */
static bool add_claims(weft__buf *out, const weft__jwt_added *a)
{
    bool good = add_text(out, "iss", a->issuer) && add_text(out, "aud", a->audience);
    if (a->expires_in_s)
        weft__buf_printf(out, ",\"iat\":%lld,\"exp\":%lld", (long long)a->now_s, (long long)a->now_s + a->expires_in_s);
    return good;
}

static const char *fault_of(const weft_jwt_key *key, const weft__jwt_added *a)
{
    if (!key) return "there is no .key";
    if (!weft__jwt_key_signs(key)) return "the key is a public one, which cannot sign";
    if (a->expires_in_s < 0 || a->expires_in_s > (int64_t)1 << 50) return ".expires_in_s is no length of time";
    return a->expires_in_s && a->without_exp ? ".without_exp and .expires_in_s exclude each other" : NULL;
}

static int write_payload(const weft__jwt_added *a, const weft_schema *schema, const void *claims, weft__buf *out, const char **why,
    char said[240])
{
    weft__fault fault = { "" };
    *why = "its claims cannot be written";
    int rc = weft__json_write(schema, claims, out, &fault);
    memcpy(said, fault.text, sizeof fault.text);
    if (rc < 0) return rc;
    *why = "its claims are no model";
    if (out->len < 2 || out->ptr[0] != '{') return WEFT_EINVAL;
    out->len--;
    bool empty = out->len == 1;
    size_t before = out->len;
    *why = "an issuer or audience is no UTF-8";
    if (!add_claims(out, a)) return WEFT_EINVAL;
    if (empty && out->len > before) memmove(out->ptr + 1, out->ptr + 2, --out->len - 1);
    weft__buf_lit(out, "}");
    return out->failed;
}

/* Nothing is signed that weft__jwt_read would refuse: a name that is there twice, a time that is none. */
static int check_payload(const weft__jwt_added *a, weft_str payload, weft_arena *arena, const char **why)
{
    const weft__jwt_rules rules = { .shape_only = true, .issuer = a->issuer, .audience = a->audience, .without_exp = a->without_exp };
    return weft__jwt_judge(&rules, payload, arena, why);
}

static int write_parts(const weft_jwt_key *key, const weft__jwt_added *a, const weft_schema *schema, const void *claims,
    weft_arena *arena, weft__buf *json, weft__buf *out, const char **why, char said[240])
{
    size_t from = out->len;
    *why = "its type is no UTF-8";
    if (!add_header(json, key, a->type)) return WEFT_EINVAL;
    if (json->failed) return json->failed;
    *why = "its header has more than 1 KiB";
    if (json->len > WEFT__JWT_HEADER_MAX / 4 * 3) return WEFT_EINVAL;
    weft__base64url_write(out, json->ptr, json->len);
    weft__buf_clear(json);
    int rc = write_payload(a, schema, claims, json, why, said);
    if (rc == 0) rc = check_payload(a, weft__buf_str(json), arena, why);
    if (rc < 0) return rc;
    weft__buf_lit(out, ".");
    weft__base64url_write(out, json->ptr, json->len);
    if (out->failed) return out->failed;
    weft__buf_clear(json);
    *why = "the library could not sign it";
    rc = weft__jwt_sign(key, (weft_str){ out->ptr + from, out->len - from }, json);
    if (rc < 0) return rc;
    weft__buf_lit(out, ".");
    weft__base64url_write(out, json->ptr, json->len);
    return out->failed;
}

int weft__jwt_write(const weft_jwt_key *key, const weft__jwt_added *added, const weft_schema *schema, const void *claims,
    weft_arena *arena, weft__buf *out, const char **why, char said[240])
{
    weft__buf json;
    said[0] = 0;
    *why = fault_of(key, added);
    if (*why) return WEFT_EINVAL;
    weft__buf_init(&json, WEFT__JWT_MAX);
    int rc = write_parts(key, added, schema, claims, arena, &json, out, why, said);
    weft__buf_free(&json);
    return rc;
}
