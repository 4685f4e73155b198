#ifndef WEFT_SECRET_H
#define WEFT_SECRET_H
/* Secrets: compared, drawn, and values that come back signed with them. */
#include "weft/base.h"

/* ---- comparing and drawing ---- */

/* True when both hold the same bytes. Takes equally long for all texts of these lengths, so that nobody learns from the time how
 * much of a guess was right; texts of different lengths are told apart at once. For whatever a client must know: API keys,
 * passwords kept elsewhere, tokens. Waits: never. */
bool weft_same_secret(weft_str a, weft_str b);

/* n bytes that nobody can foretell, from the kernel. In tests they are the same each time (and so no secret): there they come from
 * the seed of the test's world. Waits: never. */
void weft_random_bytes(void *to, size_t n);

/* A text made of `bytes` such bytes (16 to 1024; 0 is 32), in the letters of base64url (A-Z a-z 0-9 - _): for session ids, API
 * keys, links of which nobody else may know. Lives like weft_alloc's; past the limit it is empty, and the request fails.
 * Waits: never. */
weft_str weft_random_token(size_t bytes);

/* ---- signed values ---- */

/* Secrets that values are signed with, 16 to 1024 bytes each, better 32 from weft_random_token, kept out of the program's text. The
 * first one signs; all are tried when a value is read. A new one goes to the front, and an old one stays behind it until all that
 * it has signed has expired. Whoever is given a pointer to them keeps it.
 *
 *     static weft_secrets secrets;      secrets.keys[0] = read from the environment before the program serves  */
enum { WEFT_SECRETS_MAX = 8 };
typedef struct weft_secrets { weft_str keys[WEFT_SECRETS_MAX]; } weft_secrets;    /* up to the first empty one */

/* Make a text of a value that weft_unsign takes back: signed with HMAC-SHA256, not encrypted, whoever has it can read it. It is
 * made of the letters of base64url, fit for URLs, cookies and headers, and about 4/3 as long as the value plus 54.
 * .purpose (1 to 1024 bytes) says what it is for, and may name for whom: "reset of user 7". A text that was signed for one purpose
 * is good for no other. .max_age_s: from then on it has expired; 0: never.
 * It lives like weft_alloc's. WEFT_EINVAL, recorded: no purpose, an age below 0, no secrets or bad ones, a value over 64 KiB.
 * WEFT_ENOMEM. Waits: never.                                                      RFC 2104
 *
 *     WEFT_TRY(weft_sign(&secrets, email, &link, .purpose = WEFT_S("confirm"), .max_age_s = 86400));  */
typedef struct weft_sign_opts { weft__named_options_only _; weft_str purpose; int64_t max_age_s; } weft_sign_opts;
#define weft_sign(secrets, value, out, ...) weft_sign_with((secrets), (value), (out), &(weft_sign_opts){ __VA_ARGS__ })
int weft_sign_with(const weft_secrets *secrets, weft_str value, weft_str *out, const weft_sign_opts *opts) WEFT_NODISCARD;

/* Give back the value of a text of weft_sign's, which lives like weft_alloc's. *left_s (unless NULL): the seconds until it expires,
 * INT64_MAX for never. WEFT_STATUS(400), recorded with a text for the client: it is none, was altered, signed with another secret
 * or for another purpose, or has expired. WEFT_EINVAL and WEFT_ENOMEM as above. Outputs stay as they were. Waits: never. */
typedef struct weft_unsign_opts { weft__named_options_only _; weft_str purpose; int64_t *left_s; } weft_unsign_opts;
#define weft_unsign(secrets, text, out, ...) weft_unsign_with((secrets), (text), (out), &(weft_unsign_opts){ __VA_ARGS__ })
int weft_unsign_with(const weft_secrets *secrets, weft_str text, weft_str *out, const weft_unsign_opts *opts) WEFT_NODISCARD;
#endif
