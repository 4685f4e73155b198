/* Digest: a challenge with a nonce that nobody can make up, and the answer held against it. RFC 7616 */
#include <string.h>
#include "crypto/digest.h"
#include "crypto/signed.h"
#include "web/clock.h"
#include "web/security.h"
#include "wire/bytes.h"

enum { NONCE_AGE_S = 300, NONCE_MAX = 200 };

struct weft__digest_given {
    const weft_security *scheme;
    weft_str method;
    weft__digest said;
};

static weft_str purpose_of(const weft_security *s) { return weft_format("weft digest of %s", s->realm); }

int weft__digest_challenge(const weft_security *s, int rc, bool stale)
{
    uint8_t random[12];
    weft_str nonce;
    weft_random_bytes(random, sizeof random);
    WEFT_TRY(weft_sign(s->secrets, ((weft_str){ (char *)random, sizeof random }), &nonce, .purpose = purpose_of(s), .max_age_s = NONCE_AGE_S));
    return weft_fail_header(rc, "WWW-Authenticate", "Digest realm=\"%s\", qop=\"auth\", algorithm=SHA-256, nonce=\"%s\"%s", s->realm, nonce.ptr,
        stale ? ", stale=true" : "");
}

static int refuse(const weft_security *s, bool stale)
{
    int status = s->status ? s->status : 401, rc = weft_fail(status, "Not authenticated");
    return status == 401 ? weft__digest_challenge(s, rc, stale) : rc;
}

/* Is this answer for this request, and not for another one of the same client? */
static bool fits(const weft__security_in *in, const weft__digest *d)
{
    weft_str path = weft_request_path(in->request), query = weft_request_query(in->request);
    weft_str target = query.len ? weft_format("%s?%s", path.ptr, query.ptr) : path;
    bool numbered = d->nc.len == 8 && weft__bytes_are(d->nc, WEFT__HEXDIGIT);
    return numbered && d->username.len && d->cnonce.len && d->response.len == WEFT__DIGEST_HEX && weft_str_equal(d->qop, WEFT_S("auth")) &&
           weft__same_nocase(d->algorithm, WEFT_S("SHA-256")) && weft_str_equal(d->realm, weft_str_of(in->scheme->realm)) &&
           weft_str_equal(d->uri, target);
}

int weft__digest_take(const weft__security_in *in, weft_digest *out)
{
    uint8_t room[NONCE_MAX];
    weft__signed found;
    struct weft__digest_given *given = weft_new(struct weft__digest_given);
    if (!given) return WEFT_ENOMEM;
    *given = (struct weft__digest_given){ .scheme = in->scheme, .method = weft_request_method(in->request) };
    bool good = weft__digest_read(out->credentials, &given->said) && fits(in, &given->said) && weft__base64url_room(given->said.nonce.len) <= NONCE_MAX;
    if (!good) return refuse(in->scheme, false);
    int rc = weft__signed_read(in->scheme->secrets, purpose_of(in->scheme), weft__wall_s(), given->said.nonce, room, &found);
    if (rc < 0) return refuse(in->scheme, rc == WEFT_ETIMEDOUT);
    out->username = weft_format("%.*s", WEFT_FMT(given->said.username));
    out->inside = given;
    return 0;
}

int weft_digest_check(const weft_digest *d, weft_str kept)
{
    static const weft_str nobody = WEFT_S("0000000000000000000000000000000000000000000000000000000000000000");
    char wanted[WEFT__DIGEST_HEX];
    if (!d->inside) return weft_fail(WEFT_EINVAL, "weft_digest_check: its scheme has no .secrets, which nonces are made with");
    bool known = kept.len == WEFT__DIGEST_HEX;
    weft__digest_response(&d->inside->said, d->inside->method, known ? kept : nobody, wanted);
    bool right = weft_same_secret((weft_str){ wanted, sizeof wanted }, d->inside->said.response);
    if (right && known) return 0;
    return weft__digest_challenge(d->inside->scheme, weft_fail(401, "Incorrect username or password"), false);
}

weft_str weft_digest_hash_with(const weft_digest_user *user)
{
    char hex[WEFT__DIGEST_HEX];
    weft__digest_hash(user->username, weft_str_of(user->realm), user->password, hex);
    return weft_format("%.*s", WEFT__DIGEST_HEX, hex);
}
