#ifndef WEFT_SRC_MODEL_PLAN_H
#define WEFT_SRC_MODEL_PLAN_H
#include "model/schema.h"

/* A model's fields as reading and writing JSON want them: embedded models inlined, hidden
 * members left out, names and keys ready. Made once for each schema when it is first needed
 * (weft__schema_check does it at the start), kept in the slot that the schema names, never
 * changed afterwards: any thread may use it. */

enum {
    WEFT__MEMBERS_MAX = 256,
    WEFT__MEMBER_WORDS = WEFT__MEMBERS_MAX / 64,
    WEFT__NAME_MAX = 255,
    WEFT__EMBED_DEPTH_MAX = 16,
    WEFT__KEY_SPARE = 16
};

typedef struct weft__member {
    const weft_schema *type;
    const weft_field *field;
    const weft_field *rules;         /* field, when it limits values, else NULL */
    size_t offset;                   /* from the start of the outermost struct */
    weft_str name;
    const char *key;                 /* as it is written: ,"name": and WEFT__KEY_SPARE bytes more */
    uint32_t key_len;
    bool ref;
    bool asks;                       /* reading it takes more than reading a value of its type */
    bool tells;                      /* writing it takes more than writing a value of its type */
    weft_str constant;               /* the JSON of .only; ptr NULL: none */
    uint64_t head, head_mask;        /* the first eight bytes of "name": */
} weft__member;

/* A function over the whole model, or over one that is embedded in it. */
typedef struct weft__plan_check { const void *function; size_t offset; } weft__plan_check;

/* Of a model; or of a union, whose members are its cases, each with the tag's key and its text as
 * its key. */
typedef struct weft__plan {
    struct weft__plan *next;         /* of all plans, so that they can be given back */
    struct weft__plan **slot;
    uint32_t count;
    const weft_field *extra;         /* where keys that no member has are kept; NULL: nowhere */
    size_t extra_offset;
    uint32_t extras;                 /* how many said so: more than one is a fault */
    bool no_extra;
    uint8_t asks_author;             /* what weft__schema_asks_author found; 0: nobody asked yet */
    uint32_t checks_count;
    weft__plan_check *checks;
    const weft_field *tag;           /* of a union */
    uint64_t required[WEFT__MEMBER_WORDS], initial[WEFT__MEMBER_WORDS];
    weft__member members[];
} weft__plan;

/* Make the plan of a model, or take the one that another thread has made meanwhile. WEFT_EINVAL
 * when no plan can be: more than WEFT__MEMBERS_MAX members, a name longer than WEFT__NAME_MAX or
 * not UTF-8, a model that embeds itself (more than WEFT__EMBED_DEPTH_MAX levels). WEFT_ENOMEM. */
int weft__plan_make(const weft_schema *schema, const weft__plan **out) WEFT_NODISCARD;

static inline int weft__plan_of(const weft_schema *schema, const weft__plan **out)
{
    *out = schema->plan ? __atomic_load_n(schema->plan, __ATOMIC_ACQUIRE) : NULL;
    return __builtin_expect(*out != NULL, 1) ? 0 : weft__plan_make(schema, out);
}

/* May reading a value of that type call functions of its author (.check, check())? True also as
 * long as it has no plan, and of more than 64 models that hold one another. Waits: never. */
bool weft__schema_asks_author(const weft_schema *schema);

/* Give all plans and compiled patterns back. Nothing else of the models may run meanwhile; they
 * are made again when they are needed. For tests that count memory, and for a process that ends
 * cleanly. */
void weft__model_forget(void);
void weft__plan_forget(void);
#endif
