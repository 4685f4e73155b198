#ifndef WEFT_SRC_HTTP_FRONT_H
#define WEFT_SRC_HTTP_FRONT_H
/* What a server does about who stands in front of it: proxies that it trusts and what they say of clients, addresses that come too
 * often, and requests that it leaves undone when it has too much to do. A server whose options ask for none of it has none. */
#include "http/connection.h"
#include "wire/network.h"

typedef struct weft__address_count { uint64_t key; uint32_t count; } weft__address_count;

struct weft__front {
    weft__server *server;
    weft__network trusted[WEFT__NETWORKS_MAX];
    int trusted_count;
    weft__address_count *addresses;      /* open addressing; NULL: nobody is counted */
    uint32_t places;                     /* a power of two */
    uint64_t seed;
    weft__timer timer;                   /* of the lag */
    int64_t due_ns;
    uint32_t shed_of_1024;               /* how many requests are left undone now */
    unsigned running;                    /* requests with their handlers */
};

/* Do those of these options make sense that are a front's? 0, or WEFT_EINVAL with the reason in `why` (256 bytes). Waits: never. */
int weft__front_check(const weft_serve_opts *opts, char *why) WEFT_NODISCARD;
/* For options that were checked. 0 and s->front, NULL when nothing asks for one; WEFT_ENOMEM, or WEFT_EINVAL with the reason in `why`. */
int weft__front_open(weft__server *s, char *why) WEFT_NODISCARD;
void weft__front_close(weft__server *s);

/* Does whoever comes from there begin with a header of the PROXY protocol? */
bool weft__front_has_proxy(const weft__front *f, const weft__peer *p);
/* One that was accepted; false: its address has too many already. It is counted until weft__front_left. */
bool weft__front_came(weft__front *f, connection *c);
void weft__front_left(weft__front *f, connection *c);
/* What stands before its first head. 1: it has been taken; 0: more is needed; < 0: it is none, or of who must not come. */
int weft__front_take_proxy(weft__front *f, connection *c);
/* Who the request comes from, and for which host, if its peer is trusted with that. */
void weft__front_forwarded(const weft__front *f, struct request *r);
/* Is there too much to do? Why, or NULL. */
const char *weft__front_refuses(weft__front *f);
#endif
