#ifndef WEFT_SRC_WEB_REPLY_H
#define WEFT_SRC_WEB_REPLY_H
#include "http/server.h"
#include "weft/web.h"
#include "wire/put.h"

enum { WEFT__REPLY_HEADERS_MAX = 64, WEFT__REPLY_HEADER_BYTES_MAX = 8192 };

/* What a handler says about its answer. Texts and headers lie in the request's arena. */
struct weft_reply {
    weft_arena *arena;
    const struct weft__site *site;   /* the application that answers */
    int status;                      /* 0: as the route says */
    bool has_body;
    bool sent;                       /* the head has gone: it can say nothing any more */
    bool conditions;                 /* the head was kept, as it has some of weft__conditions */
    weft__exchange *exchange;        /* of a route whose output it is: a file may be the body; else NULL */
    struct weft_file *file;          /* that is the body; NULL: none */
    struct weft__onion *onion;       /* of middleware; NULL: a handler's */
    weft_str content_type;           /* empty: none */
    weft_str body;
    struct { weft_header *items; uint32_t count, room; } headers;
};

static inline void weft__reply_init(weft_reply *r, weft_arena *arena)
{
    *r = (weft_reply){ .arena = arena };
}

/* Why this header cannot be set (static), or NULL. */
const char *weft__header_fault(weft_str name, weft_str value);

/* Take one line "name: value\r\n" off `lines`; false when there is none, or what another process sent is none. */
bool weft__header_line_next(weft_str *lines, weft_str *name, weft_str *value);

/* Set a header of a text that lives long enough. 0; WEFT_EINVAL, recorded; WEFT_ENOMEM. */
int weft__reply_set(weft_reply *r, weft_str name, weft_str value);

/* The same of texts that are known to be good. 0, WEFT_ENOMEM, or WEFT_EINVAL, recorded, when the head has gone. */
int weft__reply_put(weft_reply *r, weft_str name, weft_str value);
/* It by a layer, before there is an answer: most often the first header of all. */
static inline int weft__reply_put_first(weft_reply *r, weft_str name, weft_str value)
{
    if (r->headers.count || !r->headers.room) return weft__reply_put(r, name, value);
    r->headers.items[r->headers.count++] = (weft_header){ name, value };
    return 0;
}

/* The headers that say something of a body's bytes, or that caches may keep it, go: another one is sent in its place. */
void weft__reply_forget_body(weft_reply *r);
/* Is it one of those? */
bool weft__header_of_body(const weft_header *h);

/* The header lines of an answer in one piece, in the arena: its content type (empty: none), the
 * headers of `r` (may be NULL), and `more` lines. ptr is NULL without memory. */
weft_str weft__reply_lines(
    weft_arena *arena, const weft_reply *r, weft_str content_type, weft_str more);
/* "application/json", known by where it lies. */
extern const weft_str weft__json_type;

/* The same without more, where there is as much room; and where the next byte goes. */
static inline size_t weft__reply_lines_size(const weft_reply *r, weft_str content_type)
{
    enum { AROUND = 4 };             /* ": " and the line's end */
    size_t size = sizeof "Content-Type" + content_type.len + AROUND;
    for (uint32_t i = 0; r && i < r->headers.count; i++) size += r->headers.items[i].name.len + r->headers.items[i].value.len + AROUND;
    return size;
}
static inline char *weft__reply_line_put(char *to, weft_str name, weft_str value)
{
    to = weft__put(to, name);
    to = weft__put(WEFT__PUT(to, ": "), value);
    return WEFT__PUT(to, "\r\n");
}
static inline __attribute__((always_inline)) char *weft__reply_lines_put(char *to, const weft_reply *r, weft_str content_type)
{
    if (content_type.ptr == weft__json_type.ptr) to = WEFT__PUT(to, "Content-Type: application/json\r\n");
    else if (content_type.len) to = weft__reply_line_put(to, WEFT_S("Content-Type"), content_type);
    for (uint32_t i = 0; r && i < r->headers.count; i++) to = weft__reply_line_put(to, r->headers.items[i].name, r->headers.items[i].value);
    return to;
}

/* ---- file_reply.c ---- */

/* Of a route whose handler may answer with a file, while the request's head is there: keeps what is asked of files. */
void weft__reply_expect_file(weft_reply *r, weft__exchange *x);
/* Answer with this file, which it takes; the name says of what type it is. 0 or a code. */
int weft__reply_file_over(weft_reply *r, struct weft_file *f, weft_str name, const weft_reply_file_opts *o);
/* Open a file to be answered with: nothing but a regular one. 0 or a code, recorded. Waits: yes. */
int weft__reply_file_open(struct weft_file **f, const char *path, const char *beneath);
/* Not there to be read beneath a directory, whatever the reason. */
bool weft__file_absent(int rc);
/* Forget it, and close it. Waits: never. */
void weft__reply_drop_file(weft_reply *r);
#endif
