#ifndef WEFT_SRC_WEB_SITE_H
#define WEFT_SRC_WEB_SITE_H
/* Applications in applications: the program's is one site, each that is mounted in it another. */
#include "base/arena.h"
#include "base/buf.h"
#include "web/docs.h"
#include "web/host.h"
#include "web/onion.h"
#include "web/template.h"

typedef struct weft__site weft__site;
struct weft__site {
    const weft_app *app;
    const weft__site *outside;       /* the one that it is mounted in; NULL: none */
    const struct weft__app *compiled;
    weft_str name, prefix;           /* of the mount; the prefix has those around in front: "/api/v1" */
    const weft__host *host;          /* NULL: any */
    weft__pages pages;
    weft__buf document;
    weft__templates templates;
    weft__layers layers;             /* middleware of this one and of those around it */
    bool keeps_head;                 /* a failure's answer looks at the request */
};
typedef struct weft__sites { weft__site **items; uint32_t count, room; } weft__sites;

/* Which one a path is of that has no route: the innermost whose prefix and host fit. Never NULL. */
const weft__site *weft__site_of(const weft__sites *sites, weft_str host, weft_str path);
#endif
