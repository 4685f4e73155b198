#ifndef WEFT_SRC_WEB_INPUT_H
#define WEFT_SRC_WEB_INPUT_H
/* What the parts of reading an input share. */
#include "web/endpoint.h"

enum { WEFT__PAIRS_MAX = 1000 };       /* parameters of a query, fields of a form, cookies */

typedef struct weft__reading {
    const weft__endpoint *e;
    weft__exchange *x;
    const weft__from_head *from;     /* what the input that is being read takes of the head */
    char *in;                        /* it */
    weft__problems problems;
    weft_str body;                   /* what came, of a body in one piece, once it was received */
    const char *malformed;           /* why the request is answered 400, or NULL */
    const char *fault;               /* what it is answered with the status of a code, or NULL */
    bool broken;                     /* it is no fault of the request: the code is a recorded failure */
} weft__reading;

/* A reader of the model floor has returned: problems are kept there, all else ends the request. */
static inline int weft__go_on(int rc) { return rc == WEFT_EINVAL ? 0 : rc; }

/* The limit of the body: the route's or the server's. */
static inline size_t weft__reading_body_max(const weft__reading *r)
{
    size_t max = r->e->route->body_bytes_max;
    return max ? max : weft__exchange_body_max(r->x);
}

/* What a percent-encoded text means: `raw` itself when it is not encoded, else a copy in the arena.
 * `how` is weft__url_decode's. WEFT_EINVAL: it is not encoded so. */
int weft__reading_decode(weft__reading *r, weft_str raw, unsigned how, weft_str *out);

/* ---- input.c: the parts of weft__input_read, for a request whose providers have inputs, too ---- */

void weft__reading_begin(weft__reading *r, const weft__endpoint *e, weft__exchange *x);
/* What one input takes of the head; `from` has been found good for it. Problems are collected in r->problems; 0, or a code that ends
 * the request. The route's own is the last. Waits: never. */
int weft__reading_head(weft__reading *r, const weft__from_head *from, const weft__match *m, char *in);
/* What the route's own takes of the body. Likewise. Waits: for it. */
int weft__reading_body(weft__reading *r);
/* The request is answered for what came with it: its problems (rc 0), or why reading it ended with this code. refusal: the code that
 * stands for that answer. */
int weft__reading_refusal(const weft__reading *r, int rc);
void weft__reading_refuse(weft__reading *r, int rc);

/* ---- input_entries.c: values that were collected by name ---- */

/* One cookie, field or file. `value` is the text of a field, the bytes of a file that is wanted as
 * bytes. */
typedef struct weft__entry {
    weft_str name, value;
    const weft_upload *upload;       /* of a file that is wanted as an upload */
    bool is_file;
    bool not_chosen;                 /* a file without a name and a byte: what browsers send for none */
} weft__entry;
typedef struct weft__entries { weft__entry *items; uint32_t count, room; } weft__entries;

/* 0, WEFT_ENOMEM or WEFT_ELIMIT. */
int weft__entries_add(weft__reading *r, weft__entries *entries, weft__entry entry);

/* Give the sources of a place their values, or problems. Of a single value the last entry counts. 0, or
 * a code that ends the request. Waits: never. */
int weft__entries_read(
    weft__reading *r, const weft__sources *sources, const char *place, const weft__entries *entries);

/* What models of a place want to know once its values are read, from all that came there: the problems of
 * members that are missing tell it, as FastAPI's do, and what no member is named after is a problem for
 * those that say no_extra(). */
void weft__entries_judge(weft__reading *r, const weft__sources *sources, const weft__loc *place,
    const weft__entries *entries, weft__problems_mark mark) WEFT__COLD;
static inline bool weft__entries_wanted(
    const weft__reading *r, const weft__sources *sources, weft__problems_mark mark)
{
    return sources->models && (sources->no_extra || r->problems.total != mark.total);
}

/* ---- input_body.c, form.c ---- */

/* 0, or a code that ends the request; why is in `r`. Wait: for the body. */
int weft__input_body(weft__reading *r);
int weft__input_bodies(weft__reading *r);
int weft__input_form(weft__reading *r);

typedef struct weft__form weft__form;
void weft__form_end(weft__form *form);
#endif
