#ifndef WEFT_SRC_MODEL_VIEW_H
#define WEFT_SRC_MODEL_VIEW_H
#include "model/json.h"
#include "model/plan.h"

/* What is left out of a value when it is written: decided once for an output type, used for each
 * value.
 *
 * The members of the outermost model (of the output itself, or of the items of an output that is a
 * list, map or option) can be chosen by name. For all models inside, too:
 *   unset     members that may lack and hold nothing: an opt that is neither set nor null, a ref
 *             that is NULL, a list or map without items that has an .initial;
 *   none      members that are written as null;
 *   defaults  members that are written as their .initial is, and opts and refs that are null.
 * The items of lists and the entries of maps are all written. */
typedef struct weft__view_opts {
    bool exclude_unset, exclude_none, exclude_defaults;
    const char *include, *exclude;   /* names in JSON, with commas between: "name, price" */
} weft__view_opts;

typedef struct weft__view_model { const weft__plan *plan; const weft_str *initial; } weft__view_model;

typedef struct weft__view {
    bool exclude_unset, exclude_none, exclude_defaults;
    uint64_t omitted[WEFT__MEMBER_WORDS];
    struct { weft__view_model *items; uint32_t count, room; } models;
} weft__view;

/* True when the options leave anything out. */
bool weft__view_needed(const weft__view_opts *opts);

/* Fill `*view`; what it needs lies in the arena. 0; WEFT_EINVAL with `*fault` filled: names that the
 * type has not, or any when it is no model, or both include and exclude; WEFT_ENOMEM or WEFT_ELIMIT.
 * Waits: never. */
int weft__view_make(weft__view *view, const weft__view_opts *opts, const weft_schema *output,
    weft_arena *arena, weft__fault *fault) WEFT_NODISCARD;

/* For the writer. The .initial of each member as JSON, ptr NULL for those without; NULL when none
 * is asked for. */
const weft_str *weft__view_initial(const weft__view *view, const weft__plan *plan);
bool weft__view_is_unset(const weft__member *m, const char *value);
static inline bool weft__view_omits(const weft__view *view, uint32_t member)
{
    return view->omitted[member / 64] >> (member & 63) & 1;
}
#endif
