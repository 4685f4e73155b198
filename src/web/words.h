#ifndef WEFT_SRC_WEB_WORDS_H
#define WEFT_SRC_WEB_WORDS_H
/* Lists in options: "GET, POST". */
#include "wire/bytes.h"

/* Take the next item off the list: false when there is none. Empty ones are left out. */
static inline bool weft__word_next(weft_str *list, weft_str *word)
{
    while (list->len) {
        const char *comma = memchr(list->ptr, ',', list->len);
        size_t n = comma ? (size_t)(comma - list->ptr) : list->len, used = comma ? n + 1 : n;
        *word = weft__trim((weft_str){ list->ptr, n });
        *list = (weft_str){ list->ptr + used, list->len - used };
        if (word->len) return true;
    }
    return false;
}

static inline bool weft__words_have(const char *list, weft_str wanted)
{
    weft_str rest = weft_str_of(list), word;
    while (weft__word_next(&rest, &word))
        if (weft_str_equal(word, wanted)) return true;
    return false;
}
#endif
