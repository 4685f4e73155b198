#ifndef WEFT_SRC_WEB_FAILURE_H
#define WEFT_SRC_WEB_FAILURE_H
/* Answers that are no success: what the client is told, in which form, and what the log is told. */
#include "web/endpoint.h"

/* One failure, as it is to be answered. */
typedef struct weft__told {
    int code;                        /* 0: that of its status */
    int status;
    weft_str text;                   /* for the client */
    weft_str detail;                 /* JSON in its place; len 0: none */
    weft_str body;                   /* of the request, where faults were found in it; empty: none */
    const weft_reply *headers;       /* NULL: none */
    const char *inside, *trace;      /* for the log and the debug page; NULL: nothing more is known */
    bool hidden;                     /* the client is not told what happened: what the debug page is for */
    bool abandoned;                  /* nobody waits for the answer */
} weft__told;

/* Answer it in the form that the site says: by one of its handlers, as a page while it is being debugged, as problem+json, or as
 * {"detail": ...}. `e` is NULL without a route. Waits: as a handler of failures does. */
void weft__failure_tell(const weft__site *site, const weft__endpoint *e, weft__exchange *x, const weft__told *t) WEFT__COLD;

/* Answer what something failed with, and log it when that is not the client's fault; of a mistake, in weft's own words. `e` is NULL
 * without a route, and so may be the reply. */
void weft__failure_answer(const weft__site *site, const weft__endpoint *e, weft__exchange *x, const weft_reply *reply, int rc) WEFT__COLD;
void weft__failure_mistake(const weft__site *site, const weft__endpoint *e, weft__exchange *x, const char *fmt, ...) WEFT_PRINTF(4, 5) WEFT__COLD;

/* What the client sent is refused, in weft's own words (static). */
void weft__failure_refuse(const weft__endpoint *e, weft__exchange *x, int status, weft_str text) WEFT__COLD;
/* 422, with every fault; `body` is the one they were found in, or empty. */
void weft__failure_problems(const weft__endpoint *e, weft__exchange *x, const weft__problems *problems, weft_str body) WEFT__COLD;

/* ---- problem.c: application/problem+json. RFC 9457 ---- */

/* Append the whole object. The members of a detail that is an object stand in it, in place of ours where they have their names; any
 * other detail is the member "errors". */
void weft__problem_write(weft__buf *out, int status, weft_str text, weft_str detail);

/* ---- debug.c: what a developer is shown ---- */

/* Append a page, or, for those who do not want one, JSON. All that comes from elsewhere is escaped. The headers that are secrets are
 * not shown: Authorization, Cookie, and those whose names speak of a token, key or the like. */
void weft__debug_page(weft__buf *out, const weft__site *site, const weft__endpoint *e, const weft__exchange *x, const weft__told *t);
void weft__debug_json(weft__buf *out, const weft__told *t);
/* Does the client prefer HTML? */
bool weft__wants_html(const weft__exchange *x);
/* Append a text as HTML has it, also between the quotes of an attribute. */
void weft__html_add(weft__buf *out, weft_str text);
#endif
