#include "crypto/signed.h"

const char *weft__secrets_fault(const weft_secrets *secrets)
{
    if (!secrets || !secrets->keys[0].len) return "there is none";
    for (size_t i = 0; i < WEFT_SECRETS_MAX && secrets->keys[i].len; i++) {
        if (secrets->keys[i].len < WEFT__SECRET_MIN) return "one has less than 16 bytes";
        if (secrets->keys[i].len > WEFT__SECRET_MAX) return "one has more than 1024 bytes";
    }
    return NULL;
}

static void put_64(uint8_t to[8], uint64_t n)
{
    for (int i = 0; i < 8; i++) to[i] = (uint8_t)(n >> (56 - 8 * i));
}

static int64_t get_64(const uint8_t from[8])
{
    uint64_t n = 0;
    for (int i = 0; i < 8; i++) n = n << 8 | from[i];
    return (int64_t)n;
}

/* The purpose has its length in front, so that no two purposes and values run into the same bytes. */
static void code_of(weft_str key, weft_str purpose, const uint8_t expires[8], weft_str value, uint8_t out[WEFT__MAC])
{
    uint8_t len[8];
    put_64(len, purpose.len);
    const weft_str pieces[] = { WEFT_S("weft signed value 1"), { (char *)len, 8 }, purpose, { (const char *)expires, 8 }, value };
    weft__mac_of(key, pieces, weft_count(pieces), out);
}

void weft__signed_write(const weft_secrets *secrets, weft_str purpose, int64_t expires_s, weft_str value, weft__buf *out)
{
    weft__buf plain;
    uint8_t expires[8], code[WEFT__MAC];
    put_64(expires, (uint64_t)expires_s);
    code_of(secrets->keys[0], purpose, expires, value, code);
    weft__buf_init(&plain, WEFT__SIGNED_HEAD + WEFT__SIGNED_VALUE_MAX);
    weft__buf_add(&plain, expires, sizeof expires);
    weft__buf_add(&plain, code, sizeof code);
    weft__buf_add_str(&plain, value);
    if (plain.failed) out->failed = plain.failed;
    else weft__base64url_write(out, plain.ptr, plain.len);
    weft__buf_free(&plain);
}

static bool is_signed(const weft_secrets *secrets, weft_str purpose, const uint8_t *head, weft_str value)
{
    uint8_t code[WEFT__MAC];
    for (size_t i = 0; i < WEFT_SECRETS_MAX && secrets->keys[i].len; i++) {
        code_of(secrets->keys[i], purpose, head, value, code);
        if (weft__same_bytes(code, head + 8, WEFT__MAC)) return true;
    }
    return false;
}

int weft__signed_read(const weft_secrets *secrets, weft_str purpose, int64_t now_s, weft_str text, uint8_t *room, weft__signed *out)
{
    int64_t len = weft__base64url_read(text, room);
    if (len < WEFT__SIGNED_HEAD || len > WEFT__SIGNED_HEAD + WEFT__SIGNED_VALUE_MAX) return WEFT_EINVAL;
    weft_str value = { (char *)room + WEFT__SIGNED_HEAD, (size_t)len - WEFT__SIGNED_HEAD };
    if (!is_signed(secrets, purpose, room, value)) return WEFT_EINVAL;
    int64_t expires_s = get_64(room);
    if (now_s >= expires_s) return WEFT_ETIMEDOUT;
    *out = (weft__signed){ value, expires_s };
    return 0;
}
