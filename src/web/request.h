#ifndef WEFT_SRC_WEB_REQUEST_H
#define WEFT_SRC_WEB_REQUEST_H
#include "http/server.h"
#include "weft/web.h"

/* The request as a handler may look at it: its head is kept for as long as the request lives. */
struct weft_request {
    weft__exchange *exchange;
    const struct weft__site *site;   /* the application that answers it */
    const struct weft__endpoint *endpoint;       /* NULL: no route fits, or it is not told */
    bool granted;                    /* a provider has said that the client has the scopes that the route needs */
};
#endif
