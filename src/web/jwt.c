/* Tokens for programs: crypto's with the memory, the clock and the failures of whoever runs. */
#include "weft/jwt.h"
#include "crypto/jwt.h"
#include "task/fiber.h"
#include "weft/failure.h"
#include "web/clock.h"

int weft_jwt_key_open_with(weft_jwt_algorithm algorithm, weft_str material, weft_jwt_key **out, const weft_jwt_key_opts *opts)
{
    const char *why;
    int rc = weft__jwt_key_open(algorithm, material, opts->id, out, &why);
    if (rc == WEFT_EINVAL) return weft_fail(rc, "weft_jwt_key_open: %s", why);
    return rc < 0 ? weft_fail(rc, "weft_jwt_key_open: no memory left") : rc;
}

/* What nobody gives is not asked for. */
static weft_str asked(const char *text) { return text ? weft_str_of(text) : (weft_str){ "", 0 }; }

int weft_jwt_write_with(const weft_schema *schema, const void *claims, weft_str *out, const weft_jwt_write_opts *opts)
{
    const weft__jwt_added added = { .issuer = asked(opts->issuer), .audience = asked(opts->audience), .type = asked(opts->type),
        .now_s = weft__wall_s(), .expires_in_s = opts->expires_in_s, .without_exp = opts->without_exp };
    weft__buf text;
    const char *why;
    char fault[240];
    weft__buf_init(&text, WEFT__JWT_MAX);
    int rc = weft__jwt_write(opts->key, &added, schema, claims, weft__arena_here(), &text, &why, fault);
    weft_str copy = rc == 0 ? weft_format("%.*s", WEFT_FMT(weft__buf_str(&text))) : (weft_str){ "", 0 };
    weft__buf_free(&text);
    if (rc == WEFT_EINVAL) return weft_fail(rc, "weft_jwt_write(%s): %s%s%s", schema->name, why, *fault ? ": " : "", fault);
    if (rc < 0) return weft_fail(rc, "weft_jwt_write(%s): %s", schema->name, rc == WEFT_ELIMIT ? "it has more than 16 KiB" : "no memory left");
    if (!copy.len) return WEFT_ENOMEM;
    *out = copy;
    return 0;
}

/* Clients are told no more than that; who looks at the trace is told why. RFC 6750, 3.1 */
static int refuse(int rc, const char *why)
{
    if (rc == WEFT_EINVAL || rc == WEFT_ETIMEDOUT) {
        int told = weft_fail(401, rc == WEFT_ETIMEDOUT ? "The token has expired" : "Could not validate credentials");
        told = weft_fail_header(told, "WWW-Authenticate", "Bearer error=\"invalid_token\"");
        return weft__trace_text(told, WEFT__HERE, "the token: %s", why);
    }
    return weft_fail(rc, "weft_jwt_read: no memory left for its claims");
}

int weft_jwt_read_with(const weft_schema *schema, weft_str token, void *out, const weft_jwt_read_opts *opts)
{
    weft__jwt_rules rules = { .keys = opts->keys, .now_s = weft__wall_s(), .leeway_s = opts->leeway_s, .issuer = asked(opts->issuer),
        .audience = asked(opts->audience), .type = asked(opts->type), .without_exp = opts->without_exp };
    const char *why = NULL;
    if ((opts->issuer && !*opts->issuer) || (opts->audience && !*opts->audience) || (opts->type && !*opts->type))
        return weft_fail(WEFT_EINVAL, "weft_jwt_read(%s): .issuer, .audience or .type is empty; expected a text, or NULL to ask for none", schema->name);
    while (opts->keys && opts->keys[rules.count]) rules.count++;
    if (!opts->keys && opts->key) {
        rules.keys = &opts->key;
        rules.count = 1;
    }
    if (!rules.count || rules.count > WEFT__JWT_KEYS_MAX || (opts->keys && opts->key))
        return weft_fail(WEFT_EINVAL, "weft_jwt_read(%s): one .key, or 1 to %d .keys, are expected", schema->name, WEFT__JWT_KEYS_MAX);
    int rc = weft__jwt_read(&rules, token, schema, out, weft__arena_here(), &why);
    return rc < 0 ? refuse(rc, why) : 0;
}
