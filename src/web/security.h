#ifndef WEFT_SRC_WEB_SECURITY_H
#define WEFT_SRC_WEB_SECURITY_H
/* Schemes and scopes, as the rest of the floor sees them; openapi.h has what tells of them. */
#include "web/openapi.h"
#include "web/provider.h"
#include "weft/security.h"

/* The scheme that a provider is; NULL: it is none. */
const weft_security *weft__security_of(const weft_provider *p);
const char *weft__security_name(const weft_security *s);

/* The next scheme among the providers of a route, behind number *at, which begins at 0; NULL: no more. */
const weft_security *weft__security_next(const weft__endpoint *e, uint32_t *at);

/* Is the scope one that the scheme can give? Of a scheme that does not say its scopes any is. */
bool weft__security_has(const weft_security *s, const char *scope);

/* Of a route that needs scopes, after all providers were opened: 0, or the failure when nobody has granted them. */
int weft__security_granted(const weft__endpoint *e, const weft_request *request);

/* ---- security_digest.c ---- */

/* The failure `rc` with a challenge that has a new nonce. */
int weft__digest_challenge(const weft_security *s, int rc, bool stale);
/* Look at out->credentials, for a scheme with secrets: 0, or a failure. */
int weft__digest_take(const weft__security_in *in, weft_digest *out);

/* ---- openapi_security.c ---- */

/* The page of a site may ask where its schemes' tokens come from. 0 or WEFT_ENOMEM. */
int weft__security_connect(weft__site *site, const weft__endpoints *endpoints, weft_arena *arena);

/* ---- security_check.c ---- */

/* Add what is wrong with the schemes and scopes of a route to `faults`; `before` are the endpoints until then. With `overridden`, in tests,
 * schemes may have gone with the providers that depend on them. */
void weft__security_check(const weft__endpoint *e, const weft__endpoints *before, bool overridden, weft__buf *faults);
#endif
