#ifndef WEFT_SRC_WEB_ENDPOINT_MAKE_H
#define WEFT_SRC_WEB_ENDPOINT_MAKE_H
/* What the parts of compiling a route share. */
#include "web/endpoint.h"

typedef struct weft__making {
    const char *what;                /* "route" or "provider", and which one: faults begin with it */
    weft_str name;
    const weft_schema *in;           /* the input */
    weft__from_head *head;           /* what it takes of the head */
    weft__endpoint *e;               /* NULL: of a provider */
    const weft__pattern *pattern;
    weft_arena *arena;
    weft__buf *faults;
    bool out_of_memory;
} weft__making;

#define WEFT__ROUTE_FAULT(m, fmt, ...) \
    weft__buf_printf((m)->faults, "%s %.*s: " fmt "\n", (m)->what, WEFT_FMT((m)->name) __VA_OPT__(,) \
        __VA_ARGS__)

/* "query", "body": the keyword of a place of inputs, NULL for one of models. */
const char *weft__place_name(weft_place place);

/* endpoint.c: add a member that says what to take of the head, but for the path; false: it is of another kind. */
bool weft__making_head(weft__making *m, const weft_field *f);
/* Add a member of the path, or say that there is no such parameter. */
void weft__making_path(weft__making *m, const weft_field *f);
/* Is it a model, which says not where values come from? */
bool weft__making_is_model(const weft_schema *in);

/* endpoint_source.c: add a member that comes as text or as a file, or, for a model, all of its
 * members. Of the path, `param` says which parameter it is. */
void weft__making_source(weft__making *m, weft__sources *sources, const weft_field *f, unsigned param);

/* endpoint_body.c: add a member that is a body or a part of one; once all are there, what becomes of
 * the body. */
void weft__making_body(weft__making *m, const weft_field *f);
void weft__making_form(weft__making *m, const weft_field *f);
void weft__making_bodies(weft__making *m);
#endif
