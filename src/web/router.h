#ifndef WEFT_SRC_WEB_ROUTER_H
#define WEFT_SRC_WEB_ROUTER_H
/* Which route a path means: patterns, and the trie made of them. Knows nothing of requests or
 * replies.
 *
 * A pattern is a path as it reads (not percent-encoded): "/items/{item_id}", "/files/{name}.txt",
 * "/static/{rest:path}". {name} takes one whole, non-empty segment, less the text written around
 * it; {name:path} takes all that is left, slashes and emptiness included. None of this waits.  */
#include "base/arena.h"
#include "wire/http1.h"

enum {
    WEFT__PARAMS_MAX = 16,
    WEFT__SEGMENTS_MAX = 64,
    WEFT__LITERAL_MAX = 255,
    WEFT__NO_ROUTE = -1
};

/* The methods that a route may have, in the order of an Allow header. */
enum { WEFT__VERBS = WEFT__CONNECT + 1 };
extern const char *const weft__verb_names[WEFT__VERBS]; /* NULL for those that no route may have */
weft__http_verb weft__verb_of(const char *method);           /* WEFT__OTHER_METHOD: none of them */

typedef enum { WEFT__LITERAL, WEFT__PARAM, WEFT__REST } weft__segment_kind;
typedef struct weft__segment {
    weft__segment_kind kind;
    weft_str before, name, after;
} weft__segment;

/* Its slices point into the text it was read from. A literal has its text in `before`. */
typedef struct weft__pattern {
    unsigned count, params;
    weft__segment segments[WEFT__SEGMENTS_MAX];
} weft__pattern;

/* 0, or WEFT_EINVAL with what is wrong in *why (static). */
int weft__pattern_parse(weft_str text, weft__pattern *out, const char **why);

/* True when every path that `narrow` matches is matched by `wide` too. */
bool weft__pattern_covers(const weft__pattern *wide, const weft__pattern *narrow);

typedef struct weft__node weft__node;
typedef struct weft__trie { weft_arena *arena; weft__node *root; } weft__trie;

/* An empty trie; all of it lives in the arena. 0 or WEFT_ENOMEM. The text that a pattern points
 * into must live as long as the trie does. */
int weft__trie_init(weft__trie *trie, weft_arena *arena);

/* Routes are numbered in the order of their declaration: of those that match, the lowest number is
 * taken. A GET route answers HEAD too. 0 or WEFT_ENOMEM. */
int weft__trie_add(weft__trie *trie, const weft__pattern *pattern, weft__http_verb verb, int route);

/* What was found. `verbs` has a bit for each method that some route matching this path answers; it
 * is complete only when route is WEFT__NO_ROUTE. The parameters stand in the order of the pattern,
 * as they came: slices of the path, still percent-encoded. */
typedef struct weft__match {
    int route;
    unsigned verbs, count;
    weft_str params[WEFT__PARAMS_MAX];
} weft__match;

/* Look a path up ("/items/42", as it came, without its query). Literal segments are compared
 * decoded, and %2F is never a slash. Visits each node at most once, whatever the path is. Returns
 * whether a route was found. */
bool weft__trie_match(
    const weft__trie *trie, weft_str path, weft__http_verb verb, weft__match *out);
#endif
