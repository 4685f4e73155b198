#ifndef WEFT_SRC_MODEL_PROBLEMS_H
#define WEFT_SRC_MODEL_PROBLEMS_H
#include "base/arena.h"
#include "base/buf.h"
#include "weft/model.h"

/* What is wrong with a request's values, collected and written in FastAPI's 422 form. Everything
 * a problem holds is copied into the arena (but for what is static), so it outlives the text it
 * came from. At most WEFT__PROBLEMS_MAX are kept, the rest are counted; the echo of an input is
 * cut at WEFT__INPUT_ECHO_MAX bytes, a name of a place (the key of a map) at WEFT__NAME_ECHO_MAX.
 * Waits: never. */
enum { WEFT__PROBLEMS_MAX = 100, WEFT__INPUT_ECHO_MAX = 1024, WEFT__NAME_ECHO_MAX = 255 };

/* A place in the input, from the outside in: { NULL, "body" }, { &body, "items" }, { &items,
 * .index = 3 }. A name of NULL is an index. */
typedef struct weft__loc {
    const struct weft__loc *up;
    weft_str name;
    int64_t index;
} weft__loc;

/* One more step of a place, for those who go deep: behind a weft__loc there may be some of
 * these. A name of NULL is an index. */
typedef struct weft__step { const char *name; uint32_t len, index; } weft__step;

/* One entry of a problem's "ctx"; key NULL: none. Of an enum, the texts of its values are meant, of a
 * union (TAGS) those of its cases; QUOTED is a text in quotes; ERROR is a text for the message, and in
 * "ctx" an empty object. */
typedef struct weft__ctx {
    const char *key;
    enum { WEFT__CTX_INT, WEFT__CTX_DOUBLE, WEFT__CTX_TEXT, WEFT__CTX_ENUM, WEFT__CTX_TAGS,
        WEFT__CTX_QUOTED, WEFT__CTX_ERROR } kind;
    union {
        int64_t i;
        double d;
        weft_str s;
        const weft_schema *e;
    };
} weft__ctx;

/* What a check found, without the place. `type` and `msg` are static. In `msg` {0}, {1}, {2}
 * stand for the values of ctx, numbers as short as they can be (0 for 0.0), and {s0} and so on
 * for the s of a plural, which is left out when the value is 1. Texts in ctx must live as long
 * as the arena. */
typedef struct weft__finding {
    const char *type, *msg;
    weft__ctx ctx[3];
} weft__finding;

/* What came, as JSON or as text; or nothing, which is written as null. */
typedef struct weft__input {
    enum { WEFT__INPUT_NONE, WEFT__INPUT_JSON, WEFT__INPUT_TEXT } kind;
    weft_str bytes;
} weft__input;

typedef struct weft__problem {
    const char *type;
    weft_str msg;
    const weft__step *loc;
    uint32_t loc_count;
    uint32_t rank;                   /* where its member stands in the model being read */
    weft__input input;
    weft__ctx ctx[3];
} weft__problem;

typedef struct weft__problems {
    weft_arena *arena;
    weft__problem *items;
    uint32_t count, room;
    uint32_t total;                  /* those that were found and not kept included */
    int failed;                      /* 0, or WEFT_ENOMEM or WEFT_ELIMIT: the arena gave out */
    weft_str last_input;             /* the last that was copied: siblings often have the same */
} weft__problems;

void weft__problems_init(weft__problems *p, weft_arena *arena);

/* How many there are; 0 means that all is well. */
static inline size_t weft__problems_count(const weft__problems *p) { return p->count; }

/* True when no more are kept: what is left of a list need not be judged. */
static inline bool weft__problems_full(const weft__problems *p)
{
    return p->count == WEFT__PROBLEMS_MAX;
}

/* Add one at `loc` and the `steps` behind it. Errors: p->failed. */
void weft__problems_add_at(weft__problems *p, const weft__finding *finding, const weft__loc *loc,
    const weft__step *steps, size_t steps_count, weft__input input) WEFT__COLD;
static inline void weft__problems_add(
    weft__problems *p, const weft__finding *finding, const weft__loc *loc, weft__input input)
{
    weft__problems_add_at(p, finding, loc, NULL, 0, input);
}

/* "Field required", for a path, query or header value or a body that is not there. */
void weft__problems_missing(weft__problems *p, const weft__loc *loc);

/* The one problem of a text that is no JSON; it takes the place of all others. `position` counts
 * characters and becomes the last step of loc. */
void weft__problems_syntax(
    weft__problems *p, const weft__loc *loc, size_t position, const char *error);

/* Say of the problem number `index` that something else came, which is copied. */
void weft__problems_echo(weft__problems *p, uint32_t index, weft__input input);

/* Where the problems stand now, and back to there: what was added since is forgotten. */
typedef struct weft__problems_mark { uint32_t count, total; } weft__problems_mark;
static inline weft__problems_mark weft__problems_mark_now(const weft__problems *p)
{
    return (weft__problems_mark){ p->count, p->total };
}
void weft__problems_back_to(weft__problems *p, weft__problems_mark mark);

/* Where they stood before the last ones, which are right below `loc`: those of a list's items. */
weft__problems_mark weft__problems_before(const weft__problems *p, const weft__loc *loc);

/* Give what was added since `mark` a rank; put what was added since it in the order of ranks,
 * equal ones as they are. */
void weft__problems_rank(weft__problems *p, weft__problems_mark mark, uint32_t rank);
void weft__problems_sort(weft__problems *p, weft__problems_mark mark);

/* Write {"detail":[{"type","loc","msg","input","ctx"}]}: 0, or out->failed. */
int weft__problems_write(const weft__problems *p, weft__buf *out) WEFT_NODISCARD;
#endif
