/* Signed values, hashes of passwords and credentials of Digest from outside: nothing that nobody signed is taken, what is signed comes
 * back, base64url has one spelling for all bytes, and credentials lie in their text. */
#include "crypto/signed.h"
#include <stdlib.h>
#include <string.h>
#include "crypto/digest.h"
#include "crypto/password.h"

#define MUST(condition) do { if (!(condition)) abort(); } while (0)

static const weft_secrets ours = { { WEFT_S("a secret of thirty-two bytes ..."), WEFT_S("its predecessor, of as many ....") } };
static const weft_secrets theirs = { { WEFT_S("a secret that somebody else has.") } };

static void check_base64(weft_str text)
{
    uint8_t *bytes = malloc(weft__base64url_room(text.len));
    weft__buf again;
    weft__buf_init(&again, text.len + 8);
    int64_t len = weft__base64url_read(text, bytes);
    if (len >= 0) {
        weft__base64url_write(&again, bytes, (size_t)len);
        MUST(!again.failed && weft_str_equal(weft__buf_str(&again), text));
    }
    weft__buf_free(&again);
    free(bytes);
}

static void check_reading(weft_str text)
{
    uint8_t *room = malloc(weft__base64url_room(text.len));
    weft__signed found;
    MUST(weft__signed_read(&ours, WEFT_S("p"), 0, text, room, &found) == WEFT_EINVAL);
    free(room);
}

/* The first byte says how long the purpose is. */
static void check_signing(weft_str text)
{
    size_t len = text.len ? (unsigned char)text.ptr[0] : 0;
    if (weft__secrets_fault(&(weft_secrets){ { text } }) == NULL) MUST(text.len >= WEFT__SECRET_MIN);
    if (len >= text.len) return;
    weft_str purpose = { text.ptr + 1, len }, value = { text.ptr + 1 + len, text.len - 1 - len };
    weft__signed found;
    weft__buf out;
    weft__buf_init(&out, 1 << 20);
    weft__signed_write(&ours, purpose, 100, value, &out);
    MUST(!out.failed);
    uint8_t *room = malloc(weft__base64url_room(out.len));
    MUST(weft__signed_read(&ours, purpose, 99, weft__buf_str(&out), room, &found) == 0);
    MUST(weft_str_equal(found.value, value) && found.expires_s == 100);
    MUST(weft__signed_read(&ours, purpose, 100, weft__buf_str(&out), room, &found) == WEFT_ETIMEDOUT);
    MUST(weft__signed_read(&theirs, purpose, 99, weft__buf_str(&out), room, &found) == WEFT_EINVAL);
    out.ptr[out.len / 2] = out.ptr[out.len / 2] == 'A' ? 'B' : 'A';
    MUST(weft__signed_read(&ours, purpose, 99, weft__buf_str(&out), room, &found) == WEFT_EINVAL);
    free(room);
    weft__buf_free(&out);
}

static void check_digest(weft_str text)
{
    weft__digest d;
    char kept[WEFT__DIGEST_HEX], answer[WEFT__DIGEST_HEX];
    if (!weft__digest_read(text, &d)) return;
    const weft_str all[] = { d.username, d.realm, d.nonce, d.uri, d.response, d.algorithm, d.qop, d.nc, d.cnonce, d.opaque };
    for (size_t i = 0; i < weft_count(all); i++) {
        MUST(!all[i].ptr || (all[i].ptr > text.ptr && all[i].ptr + all[i].len <= text.ptr + text.len));
        MUST(!all[i].len || !memchr(all[i].ptr, '"', all[i].len));
    }
    weft__digest_hash(d.username, d.realm, WEFT_S("secret"), kept);
    weft__digest_response(&d, WEFT_S("GET"), (weft_str){ kept, sizeof kept }, answer);
    MUST(!weft_str_equal((weft_str){ answer, sizeof answer }, d.response));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 1 << 15) return 0;
    weft_str text = { (const char *)data, size };
    weft__argon cost;
    check_base64(text);
    check_reading(text);
    check_signing(text);
    check_digest(text);
    if (weft__argon_of(text, &cost)) MUST(weft__argon_valid(&cost));
    return 0;
}
