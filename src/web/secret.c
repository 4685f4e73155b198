/* Random bytes and signed values for programs: crypto with the memory, the clock and the failures of whoever runs. */
#include "weft/secret.h"
#include <string.h>
#include "crypto/signed.h"
#include "task/fiber.h"
#include "web/clock.h"

void weft_random_bytes(void *to, size_t n)
{
    weft__loop *loop = weft__loop_here();
    weft__os *os = loop ? weft__loop_os(loop) : NULL;
    if (!os || !os->ops->virtual_time) {
        weft__random_bytes(to, n);
        return;
    }
    for (char *at = to; n;) {
        uint64_t bits = os->ops->random(os);
        size_t k = n < sizeof bits ? n : sizeof bits;
        memcpy(at, &bits, k);
        at += k;
        n -= k;
    }
}

/* What a buffer holds, in the memory of whoever runs. Frees the buffer. */
static int hand_out(weft__buf *b, weft_str *out)
{
    char *copy = b->failed ? NULL : weft_alloc(b->len + 1);
    size_t len = b->len;
    if (copy) memcpy(copy, b->ptr, len);
    weft__buf_free(b);
    if (!copy) return WEFT_ENOMEM;
    *out = (weft_str){ copy, len };
    return 0;
}

weft_str weft_random_token(size_t bytes)
{
    uint8_t random[1024];
    size_t n = bytes < 16 ? bytes ? 16 : 32 : bytes > sizeof random ? sizeof random : bytes;
    char text[sizeof random / 3 * 4 + 4];
    weft__buf b = { .ptr = text, .room = sizeof text - 1, .bytes_max = sizeof text - 1 };
    weft_random_bytes(random, n);
    weft__base64url_write(&b, random, n);
    return weft_format("%.*s", WEFT_FMT(weft__buf_str(&b)));
}

static int check(const weft_secrets *secrets, weft_str purpose, const char *what)
{
    const char *fault = weft__secrets_fault(secrets);
    if (fault) return weft_fail(WEFT_EINVAL, "%s: its secrets: %s", what, fault);
    if (!purpose.len || purpose.len > WEFT__SIGNED_PURPOSE_MAX)
        return weft_fail(WEFT_EINVAL, "%s: .purpose has %zu bytes; 1 to %d are expected", what, purpose.len, WEFT__SIGNED_PURPOSE_MAX);
    return 0;
}

int weft_sign_with(const weft_secrets *secrets, weft_str value, weft_str *out, const weft_sign_opts *opts)
{
    weft__buf text;
    WEFT_TRY(check(secrets, opts->purpose, "weft_sign"));
    if (opts->max_age_s < 0) return weft_fail(WEFT_EINVAL, "weft_sign: .max_age_s is %lld", (long long)opts->max_age_s);
    if (value.len > WEFT__SIGNED_VALUE_MAX)
        return weft_fail(WEFT_EINVAL, "weft_sign: the value has %zu bytes, at most %d may be signed", value.len, WEFT__SIGNED_VALUE_MAX);
    weft__buf_init(&text, 2 * (WEFT__SIGNED_HEAD + WEFT__SIGNED_VALUE_MAX));
    weft__signed_write(secrets, opts->purpose, weft__wall_s_in(opts->max_age_s ? opts->max_age_s : INT64_MAX), value, &text);
    return hand_out(&text, out);
}

int weft_unsign_with(const weft_secrets *secrets, weft_str text, weft_str *out, const weft_unsign_opts *opts)
{
    weft__signed found;
    WEFT_TRY(check(secrets, opts->purpose, "weft_unsign"));
    if (text.len > 2 * (WEFT__SIGNED_HEAD + WEFT__SIGNED_VALUE_MAX)) return weft_fail(400, "Invalid signature");
    uint8_t *room = weft_alloc(weft__base64url_room(text.len) + 1);
    if (!room) return WEFT_ENOMEM;
    int64_t now_s = weft__wall_s();
    int rc = weft__signed_read(secrets, opts->purpose, now_s, text, room, &found);
    if (rc < 0) return weft_fail(400, rc == WEFT_ETIMEDOUT ? "Signature expired" : "Invalid signature");
    room[WEFT__SIGNED_HEAD + found.value.len] = 0;
    *out = found.value;
    if (opts->left_s) *opts->left_s = found.expires_s == INT64_MAX ? INT64_MAX : found.expires_s - now_s;
    return 0;
}
