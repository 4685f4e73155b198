#ifndef WEFT_PASSWORD_H
#define WEFT_PASSWORD_H
/* Passwords as they may be kept: Argon2id, a hash that takes memory and time on purpose, so that whoever steals the hashes can try
 * few guesses. It is computed on threads of their own, never on the loop.
 *
 *     WEFT_TRY(weft_password_hash(in->password, &user->password_hash));
 *     int right = weft_password_check(in->password, user ? user->password_hash : WEFT_S(""));
 *     WEFT_TRY(right);
 *     if (!right) return weft_fail(401, "Incorrect username or password");
 *
 * As many are computed at once as there are processors, a hundred more may wait, and what comes then fails with WEFT_ELIMIT (503): a
 * flood of logins neither eats the memory (64 MiB each) nor holds up other threads. A password has at most 1024 bytes, of any value.
 * In tests without threads they run one after the other.      RFC 9106      Example: examples/login.c  */
#include "weft/base.h"

/* What a hash costs: memory in KiB (8 to 1048576; 0: 65536) and how often it is passed over (1 to 16; 0: 2). The product is at most
 * 4194304. Tests take { 8, 1 } to be quick. */
typedef struct weft_password_cost { weft__named_options_only _; int memory_kib, passes; } weft_password_cost;

/* Hash a password with a salt of its own: "$argon2id$v=19$m=65536,t=2,p=1$...", at most 127 letters, which lives like
 * weft_alloc's. WEFT_EINVAL, recorded: a password that is empty or longer than 1024 bytes, a cost that is none. WEFT_ENOMEM, also for what the
 * hash takes; WEFT_ELIMIT: too many wait. Waits: always; 50 ms or so. */
#define weft_password_hash(password, out, ...) weft_password_hash_with((password), (out), &(weft_password_cost){ __VA_ARGS__ })
int weft_password_hash_with(weft_str password, weft_str *out, const weft_password_cost *cost) WEFT_NODISCARD;

/* Is this the password of that hash? 1: yes; 0: no. An empty hash is that of nobody: it takes as long as another, and the answer is
 * no, so that nobody learns from the time which names have users. As long as the hash that was checked last; before there was one, as
 * those that the program makes (the cost last given here, to weft_password_hash or to weft_password_is_stale, else the usual one). Who
 * makes hashes at a cost of its own says it here, too, so that it is known from the first login on.
 * WEFT_EINVAL, recorded: what is kept is no Argon2id hash, is a damaged one, or asks for more than the limits above, or the cost is
 * none; it costs nothing then. WEFT_ENOMEM, WEFT_ELIMIT as above. Waits: always.
 *
 *     weft_password_check(in->password, user ? user->password_hash : WEFT_S(""), .memory_kib = 19456)  */
#define weft_password_check(password, hash, ...) weft_password_check_with((password), (hash), &(weft_password_cost){ __VA_ARGS__ })
int weft_password_check_with(weft_str password, weft_str hash, const weft_password_cost *cost) WEFT_NODISCARD;

/* True when a hash was made at another cost, or is none: hash the password anew when it was right, as then it is known. */
#define weft_password_is_stale(hash, ...) weft_password_is_stale_with((hash), &(weft_password_cost){ __VA_ARGS__ })
bool weft_password_is_stale_with(weft_str hash, const weft_password_cost *cost);
#endif
