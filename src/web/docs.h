#ifndef WEFT_SRC_WEB_DOCS_H
#define WEFT_SRC_WEB_DOCS_H
/* The document and the pages that show it: answers that are the same for everybody, each with an ETag. */
#include "base/arena.h"
#include "base/buf.h"
#include "weft/web.h"

/* Where the route of a page runs: nowhere, its answer is there. */
enum { WEFT__RUN_PAGE = WEFT_IN_PROCESS + 1 };

/* One of them. All of it lives as long as the application. */
typedef struct weft__page {
    weft_route route;
    const char *type, *encoding, *cache;   /* encoding, cache: NULL for none */
    weft_str policy;                 /* Content-Security-Policy; empty for none */
    weft_str etag, bytes;
} weft__page;

/* The document; two pages and what they load. */
enum { WEFT__PAGES_MAX = 9 };
typedef struct weft__pages { unsigned count; weft__page items[WEFT__PAGES_MAX]; } weft__pages;

/* The pages that `app` asks for, in the arena; the first, if there is one, is the document, whose bytes
 * come later (weft__docs_document). What is wrong with their paths goes to `faults`. 0 or WEFT_ENOMEM. */
int weft__docs_plan(const weft_app *app, weft_arena *arena, weft__pages *out, weft__buf *faults);

/* The document is written: it is served from now on. 0 or WEFT_ENOMEM. */
int weft__docs_document(weft__pages *pages, weft_arena *arena, weft_str document);

/* Let Swagger UI ask the origin of this URL as well, if it is an absolute one: tokens may come from there. NULL is none. 0 or WEFT_ENOMEM. */
int weft__docs_connect(weft__pages *pages, weft_arena *arena, const char *url);

/* Answer with a page; `in` and `out` are what its route says. */
int weft__page_answer(const weft__page *page, const void *in, void *out);
#endif
