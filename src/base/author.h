#ifndef WEFT_SRC_BASE_AUTHOR_H
#define WEFT_SRC_BASE_AUTHOR_H
#include <stddef.h>

/* What of the author's runs on this thread in the middle of something that others would disturb: .check of a member, say. It must not wait, and
 * the task floor ends the program when it does. NULL: nothing does. */
typedef struct weft__author { const char *what, *name; } weft__author;
extern _Thread_local const weft__author *weft__author_runs __attribute__((tls_model("initial-exec")));

/* Around the call: *a is what runs. Returns what ran before, to be given back. Wait: never. */
static inline const weft__author *weft__author_begin(const weft__author *a)
{
    const weft__author *before = weft__author_runs;
    weft__author_runs = a;
    return before;
}
static inline void weft__author_end(const weft__author *before) { weft__author_runs = before; }
#endif
