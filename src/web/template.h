#ifndef WEFT_SRC_WEB_TEMPLATE_H
#define WEFT_SRC_WEB_TEMPLATE_H
/* Templates made ready: a list of nodes, each of which knows where its value lies. */
#include "base/arena.h"
#include "base/buf.h"
#include "weft/template.h"

enum {
    WEFT__TEMPLATE_NODES_MAX = 4096, WEFT__TEMPLATE_BYTES_MAX = 64 * 1024, WEFT__TEMPLATE_SECTIONS_MAX = 16,
    WEFT__TEMPLATE_PARTIALS_MAX = 8, WEFT__TEMPLATE_PARTS_MAX = 8, WEFT__PAGE_BYTES_MAX = 16 << 20
};

/* ---- template_html.c: where in a page something stands ---- */

typedef enum weft__html_at {
    WEFT__HTML_TEXT, WEFT__HTML_OPEN, WEFT__HTML_BANG, WEFT__HTML_COMMENT, WEFT__HTML_END_TAG, WEFT__HTML_TAG_NAME,
    WEFT__HTML_TAG, WEFT__HTML_NAME, WEFT__HTML_BEFORE_VALUE, WEFT__HTML_QUOTED, WEFT__HTML_BARE, WEFT__HTML_RAW
} weft__html_at;

/* How far the text of an attribute that is a URL tells where that leads. From PATH on what follows changes neither scheme nor host;
 * SCRIPT: what follows is run, or is a document of its own ("javascript:", "data:"). */
typedef enum weft__url_at {
    WEFT__URL_START, WEFT__URL_SCHEME, WEFT__URL_ENTITY, WEFT__URL_COLON, WEFT__URL_SLASH, WEFT__URL_SLASHES, WEFT__URL_HOST, WEFT__URL_PATH, WEFT__URL_SCRIPT
} weft__url_at;

enum { WEFT__HTML_NAME_MAX = 15 };
typedef struct weft__html {
    weft__html_at at;
    char tag[WEFT__HTML_NAME_MAX + 1], name[WEFT__HTML_NAME_MAX + 1];   /* of the attribute; in small letters, cut */
    char scheme[WEFT__HTML_NAME_MAX + 1];            /* or the entity, as far as it goes: likewise */
    char quote;
    weft__url_at url;
    bool valued;                     /* a value stands where the scheme would, or a section that may be left out */
    bool unsure;                     /* a section that may be left out tells where the URL leads */
    bool rcdata;                     /* WEFT__HTML_RAW of a title or textarea: escaping helps there */
    unsigned matched;                /* of "-->" or "</script"; of WEFT__HTML_NAME see read_name */
    const char *wrong;               /* what a text does that is wrong whatever the values are (static); NULL: nothing */
} weft__html;

typedef enum weft__escape { WEFT__ESCAPE_NONE, WEFT__ESCAPE_HTML, WEFT__ESCAPE_URL } weft__escape;

/* Where it leads; in h->wrong what is wrong with it. */
void weft__html_read(weft__html *h, weft_str text);
/* How a value that stands here is written; NULL, or why none can (static). */
const char *weft__html_value(weft__html *h, bool raw, weft__escape *out);
/* A section that began at `from` ends at `h`, and may be left out, or comes again and again when it `repeats`: where that
 * leads, or why it cannot be (static). */
const char *weft__html_join(const weft__html *from, weft__html *h, bool repeats);
/* Why a page cannot end here (static), or NULL. */
const char *weft__html_end(const weft__html *h);

/* ---- template.c ---- */

typedef enum weft__node_kind { WEFT__NODE_TEXT, WEFT__NODE_VALUE, WEFT__NODE_SECTION, WEFT__NODE_INVERTED } weft__node_kind;

/* One step from a struct to a member, or through an option. */
typedef enum weft__hop_kind { WEFT__HOP_MEMBER, WEFT__HOP_REF, WEFT__HOP_OPTION } weft__hop_kind;
typedef struct weft__hop { weft__hop_kind kind; size_t offset; } weft__hop;      /* of an option: of its flags */

typedef struct weft__tnode {
    weft__node_kind kind;
    weft__escape escape;
    weft_str text;                   /* of WEFT__NODE_TEXT; else the name, for messages */
    unsigned frame;                  /* whose value the hops begin at: 0 is the page's model */
    unsigned hops;
    const weft__hop *hop;
    const weft_schema *type;         /* of the value */
    uint32_t end;                    /* of a section: the node behind it */
} weft__tnode;

typedef struct weft__template {
    const weft_template *source;
    bool plain;                      /* no HTML */
    struct { weft__tnode *items; uint32_t count, room; } nodes;
} weft__template;
typedef struct weft__templates { weft__template *items; uint32_t count, room; } weft__templates;

/* Compile all templates of a list that ends in NULL. Faults are added, a line each. 0 or WEFT_ENOMEM. */
int weft__templates_make(const weft_template *const *list, weft_arena *arena, weft__templates *out, weft__buf *faults);
#endif
