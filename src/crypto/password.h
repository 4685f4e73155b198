#ifndef WEFT_SRC_CRYPTO_PASSWORD_H
#define WEFT_SRC_CRYPTO_PASSWORD_H
#include "weft/base.h"

/* Argon2id hashes of passwords. Computing one takes memory and time on purpose: on a thread, never on a loop. RFC 9106 */
enum { WEFT__PASSWORD_MAX = 1024, WEFT__PASSWORD_TEXT = 128 };
typedef struct weft__argon { uint32_t memory_kib, passes, lanes; } weft__argon;

/* Within the limits: 8 to 1048576 KiB, 1 to 16 passes, 1 to 16 lanes, 8 KiB a lane, at most 4194304 KiB passed over. */
bool weft__argon_valid(const weft__argon *a);

/* Read what a hash asks for. False: it is no Argon2id hash of version 1.3 in the common form, or asks for more than the limits. */
bool weft__argon_of(weft_str hash, weft__argon *out);

/* Hash; `out` gets a NUL-terminated text. One lane. 0, or WEFT_ENOMEM. */
int weft__argon_hash(const weft__argon *a, weft_str password, char out[WEFT__PASSWORD_TEXT]) WEFT_NODISCARD;

/* 1: it is the password of a hash that weft__argon_of took; 0: it is not; WEFT_ENOMEM; WEFT_EINVAL: the hash is damaged. */
int weft__argon_check(weft_str password, weft_str hash) WEFT_NODISCARD;
#endif
