#ifndef WEFT_SRC_WEB_SESSION_H
#define WEFT_SRC_WEB_SESSION_H
/* The session of a request, as other layers see it: whose it is, and not what is in it. */
#include "web/onion.h"

enum { WEFT__SESSION_ID = 16 };
typedef struct weft__visit weft__visit;              /* of x->session: one request of a session */

/* The id of the session that the request came with. 1; 0: with none that is good; WEFT_ENOMEM. Waits: never. */
int weft__visit_came(weft__visit *v, uint8_t id[WEFT__SESSION_ID]);

/* The head is about to go: the id of the session that the client has from then on, which is written to the reply if need be. 1; 0: it has none.
 * Waits: never. */
int weft__visit_goes(weft__visit *v, weft_reply *reply, uint8_t id[WEFT__SESSION_ID]);

/* Of a layer of weft_csrf: do its tokens belong to sessions, which then have to be outside of it? (middleware_csrf.c) */
bool weft__csrf_binds(const void *made);

/* An answer that carries something of one client's own is for no cache that others share: its Cache-Control says so, whatever it said.
 * 0 or as weft_reply_header. Waits: never. */
int weft__reply_keep_private(weft_reply *reply);
#endif
