/* Tokens from outside: none that nobody signed is taken, and what is written is read. The first byte chooses how the rest is
 * used; of its bits some choose rules. */
#include <stdlib.h>
#include <string.h>
#include "crypto/base64url.h"
#include "crypto/jwt.h"

#define MUST(condition) do { if (!(condition)) abort(); } while (0)

WEFT_MODEL(Claims, field(weft_str, sub, .initial = ""), opt(int64_t, exp, .not_null = true), list(weft_str, scopes, .initial = "[]"));
WEFT_MODEL(Written, field(weft_str, sub), field(weft_json, more));

enum { NOW = 1700000000 };

static weft_jwt_key *key, *other;

static void open_keys(void)
{
    const char *why;
    if (key) return;
    MUST(weft__jwt_key_open(WEFT_JWT_HS256, WEFT_S("a secret of thirty-two bytes ..."), "k", &key, &why) == 0);
    MUST(weft__jwt_key_open(WEFT_JWT_HS256, WEFT_S("another secret of as many bytes."), NULL, &other, &why) == 0);
}

static weft__jwt_rules rules_of(uint8_t flags, const weft_jwt_key *const *keys, size_t count)
{
    return (weft__jwt_rules){ .keys = keys, .count = count, .now_s = NOW, .leeway_s = flags & 8 ? 60 : 0,
        .issuer = flags & 16 ? WEFT_S("joe") : WEFT_S(""), .audience = flags & 32 ? WEFT_S("shop") : WEFT_S(""),
        .type = flags & 64 ? WEFT_S("at+jwt") : WEFT_S(""), .without_exp = flags & 128 };
}

static int read_one(const weft__jwt_rules *rules, weft_str token)
{
    Claims claims;
    weft_arena arena;
    const char *why = NULL;
    weft__arena_init(&arena, NULL, 4 << 20);
    int rc = weft__jwt_read(rules, token, &weft_schema_Claims, &claims, &arena, &why);
    MUST(rc == 0 || (rc == WEFT_EINVAL && why) || rc == WEFT_ETIMEDOUT);
    weft__arena_free(&arena);
    return rc;
}

/* Any letters. The input does not know the keys: whatever it is, nobody has signed it. */
static void read_any(uint8_t flags, weft_str text)
{
    const weft_jwt_key *keys[] = { key, other };
    weft__jwt_rules rules = rules_of(flags, keys, 2);
    MUST(read_one(&rules, text) < 0);
}

/* Header and claims, divided by a line feed, signed with `key`. */
static void read_signed(uint8_t flags, weft_str text)
{
    const weft_jwt_key *keys[] = { other, key };
    const char *end = text.len ? memchr(text.ptr, '\n', text.len) : NULL;
    size_t header = end ? (size_t)(end - text.ptr) : text.len;
    weft__buf token, code;
    weft__buf_init(&token, 1 << 20);
    weft__buf_init(&code, 1 << 10);
    weft__base64url_write(&token, text.ptr, header);
    weft__buf_lit(&token, ".");
    if (end) weft__base64url_write(&token, end + 1, text.len - header - 1);
    MUST(weft__jwt_sign(key, weft__buf_str(&token), &code) == 0);
    weft__buf_lit(&token, ".");
    weft__base64url_write(&token, code.ptr, code.len);
    weft__jwt_rules rules = rules_of(flags, keys, 2), forged = rules_of(flags, keys, 1);
    read_one(&rules, weft__buf_str(&token));
    MUST(read_one(&forged, weft__buf_str(&token)) < 0);
    weft__buf_free(&token);
    weft__buf_free(&code);
}

static weft_str line(weft_str *text)
{
    const char *end = text->len ? memchr(text->ptr, '\n', text->len) : NULL;
    weft_str first = { text->ptr, end ? (size_t)(end - text->ptr) : text->len };
    size_t past = first.len + (end != NULL);
    *text = (weft_str){ text->ptr + past, text->len - past };
    return first;
}

static bool has_nul(weft_str text) { return text.len && memchr(text.ptr, 0, text.len); }

/* Values, a line each: what can be written is read by who asks for the same. */
static void write_one(uint8_t flags, weft_str text)
{
    const weft_jwt_key *keys[] = { key };
    Written claims = { .sub = line(&text) };
    weft__jwt_added added = { .now_s = NOW, .expires_in_s = flags & 8 ? 60 : flags & 16 ? -5 : 0, .without_exp = flags & 32 };
    char fault[240];
    const char *why = NULL;
    weft_arena arena;
    weft__buf token;
    added.issuer = line(&text);
    added.audience = line(&text);
    added.type = line(&text);
    claims.more.text = text;
    if (has_nul(claims.sub) || has_nul(added.type)) return;      /* is written as JSON can, and models refuse to read it */
    weft__arena_init(&arena, NULL, 4 << 20);
    weft__buf_init(&token, WEFT__JWT_MAX);
    int rc = weft__jwt_write(flags & 64 ? NULL : key, &added, &weft_schema_Written, &claims, &arena, &token, &why, fault);
    if (rc == 0) {
        weft__jwt_rules rules = { .keys = keys, .count = 1, .now_s = NOW, .issuer = added.issuer, .audience = added.audience,
            .type = added.type, .without_exp = added.without_exp };
        MUST(read_one(&rules, weft__buf_str(&token)) == 0);
    } else {
        MUST((rc == WEFT_EINVAL && why) || rc == WEFT_ELIMIT);
    }
    weft__buf_free(&token);
    weft__arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 1 << 16) return 0;
    open_keys();
    weft_str text = { (const char *)data + 1, size - 1 };
    if (data[0] % 4 == 0) read_any(data[0], text);
    else if (data[0] % 4 == 1) write_one(data[0], text);
    else read_signed(data[0], text);
    return 0;
}
