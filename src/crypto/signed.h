#ifndef WEFT_SRC_CRYPTO_SIGNED_H
#define WEFT_SRC_CRYPTO_SIGNED_H
#include "base/buf.h"
#include "crypto/base64url.h"
#include "crypto/secret.h"

/* Small values that a client keeps for us and cannot alter: base64url of expiry (8 bytes, big end first), code (32 bytes) and
 * value. The code is HMAC-SHA256 over a label, the purpose with its length, the expiry and the value. None of this waits. */
enum { WEFT__SIGNED_HEAD = 8 + WEFT__MAC, WEFT__SIGNED_VALUE_MAX = 64 * 1024, WEFT__SIGNED_PURPOSE_MAX = 1024,
    WEFT__SECRET_MIN = 16, WEFT__SECRET_MAX = 1024 };

/* What is wrong with secrets, as static text for who wrote the program; NULL: nothing. */
const char *weft__secrets_fault(const weft_secrets *secrets);

/* Append the text of a value that expires at expires_s (since 1970; INT64_MAX: never). The secrets are good ones, the value has
 * at most WEFT__SIGNED_VALUE_MAX bytes. Errors: out->failed. */
void weft__signed_write(const weft_secrets *secrets, weft_str purpose, int64_t expires_s, weft_str value, weft__buf *out);

/* Read one. `room` has weft__base64url_room(text.len) bytes, in which the value lies afterwards. 0; WEFT_EINVAL: it is no such
 * text, or not one that these secrets have signed for this purpose; WEFT_ETIMEDOUT: it is, and has expired by now_s. */
typedef struct weft__signed { weft_str value; int64_t expires_s; } weft__signed;
int weft__signed_read(const weft_secrets *secrets, weft_str purpose, int64_t now_s, weft_str text, uint8_t *room, weft__signed *out) WEFT_NODISCARD;
#endif
