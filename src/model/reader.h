#ifndef WEFT_SRC_MODEL_READER_H
#define WEFT_SRC_MODEL_READER_H
#include "model/coerce.h"
#include "model/json.h"
#include "model/plan.h"
#include "wire/json.h"

/* What the parts of reading JSON share. Each function returns true to go on, and false to give
 * up: because the text is no JSON (in.error) or because memory gave out (rc). A value that is
 * not as declared is a problem to collect, not a reason to give up. Memory that is read into is
 * zero. */
typedef struct weft__reader {
    weft__json_in in;
    weft_arena *arena;
    weft__problems *problems;
    const weft__loc *prefix;
    int rc;
    uint32_t nested; /* how many initial values this one is in: members that it lacks have theirs */
    uint32_t depth; /* arrays and objects around `at`: so many steps of the path are set */
    uint64_t tagged; /* a bit for each depth at which an object that is a case of a union begins: */
    weft__step path[WEFT__JSON_DEPTH_MAX];
    const weft__member *cases[WEFT__JSON_DEPTH_MAX]; /* it stands in the path before the next step */
} weft__reader;

/* weft__json_read inside `nested` initial values; past WEFT__NESTED_MAX WEFT_EDEADLK. */
enum { WEFT__NESTED_MAX = 8 };
int weft__json_read_nested(const weft_schema *schema, const weft_field *constraints, weft_str json,
    void *out, weft_arena *arena, weft__problems *problems, const weft__loc *prefix,
    uint32_t nested) WEFT_NODISCARD;

bool weft__read_value(
    weft__reader *r, const weft_schema *schema, const weft_field *rules, void *out);
/* `tag`, or NULL, is the name of a key that is no member: of the union that the model is a case of. */
bool weft__read_model(
    weft__reader *r, const weft_schema *schema, const weft_str *tag, void *out);
bool weft__read_union(weft__reader *r, const weft_schema *schema, void *out);
bool weft__read_list(
    weft__reader *r, const weft_schema *schema, const weft_field *rules, void *out);
bool weft__read_map(weft__reader *r, const weft_schema *schema, const weft_field *rules, void *out);

/* A value of `schema` whose declaration asks for more than limits: weft__field_is_judged. */
bool weft__read_judged(weft__reader *r, const weft_schema *schema, const weft_field *field,
    const weft_field *rules, void *out);

/* Whether a key, escaped or not, is this name. A leaf: it takes more stack than the rest. */
bool weft__read_key_is(const weft__json_string *key, weft_str name) __attribute__((noinline));

/* Past one value of any kind. */
bool weft__read_token(weft__reader *r, weft__token *t);

/* A key of a map that was just read, and the value behind it, into a new entry. Problems of the
 * key stand right below it. The keys of a map are known to be distinct once weft__read_distinct
 * has said so; `begin` is where the map's object begins, and `all` that all its keys are in the
 * map. */
bool weft__read_entry(weft__reader *r, const weft_schema *schema, const weft_field *rules,
    void *map, const weft__json_string *key);
bool weft__read_distinct(
    weft__reader *r, const weft_schema *schema, const void *map, const char *begin, bool all);

/* The path with the cases of unions in it; how many steps that are. */
enum { WEFT__STEPS_MAX = 2 * WEFT__JSON_DEPTH_MAX + 2 };
uint32_t weft__read_steps(const weft__reader *r, weft__step *out);

/* Note a problem of the value whose text begins at `begin` and ends at `at`. */
bool weft__read_problem(weft__reader *r, const weft__finding *found, const char *begin) WEFT__COLD;

/* Past a value of the wrong kind, with the problem for that. */
bool weft__read_wrong_kind(weft__reader *r, const weft_schema *schema) WEFT__COLD;

/* Give up because of memory. */
bool weft__read_fail(weft__reader *r, int rc) WEFT__COLD;

/* Copy text into the arena. */
bool weft__read_text_copy(weft__reader *r, weft_str text, weft_str *out);

/* What a string means: its own bytes, or unescaped ones in the arena. */
bool weft__read_text_of(weft__reader *r, const weft__json_string *string, weft_str *out, bool *nul);

/* Give up because a key, whose opening quote stands at `at`, is there for the second time. */
bool weft__read_twice(weft__reader *r, weft_str key, const char *at) WEFT__COLD;

/* One level deeper; `in.at` stands on the bracket, and is behind it afterwards. */
static inline bool weft__read_enter(weft__reader *r)
{
    if (__builtin_expect(r->depth == WEFT__JSON_DEPTH_MAX, 0))
        return weft__json_fail(&r->in, "More than 64 levels of nesting", r->in.at);
    r->depth++;
    r->in.at++;
    return true;
}

static inline weft__step *weft__read_step(weft__reader *r) { return &r->path[r->depth - 1]; }

/* Behind a value: true on to the next, past the comma; false at the closing bracket, past it, or
 * on an error. */
static inline bool weft__read_more(weft__reader *r, char closing)
{
    unsigned char c = weft__json_peek(&r->in);
    if (c == ',') {
        r->in.at++;
        return true;
    }
    if (c != (unsigned char)closing)
        return weft__json_fail(&r->in, "Expecting ',' delimiter", r->in.at);
    r->in.at++;
    return false;
}

/* The colon behind a key. */
static inline bool weft__read_colon(weft__reader *r)
{
    if (weft__json_peek(&r->in) != ':')
        return weft__json_fail(&r->in, "Expecting ':' delimiter", r->in.at);
    r->in.at++;
    return true;
}
#endif
