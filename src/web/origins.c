#define _GNU_SOURCE
#include "web/origins.h"
#include <string.h>
#include "web/words.h"

static bool fills(weft__star kind, weft_str part)
{
    if (!part.len || (kind == WEFT__STAR_LABELS && (part.ptr[0] == '.' || part.ptr[part.len - 1] == '.'))) return false;
    return weft__bytes_are(part, kind == WEFT__STAR_PORT ? WEFT__DIGIT : WEFT__HOST);
}

static bool origin_fits(const weft__origin_text *o, weft_str came)
{
    size_t around = o->before.len + o->after.len;
    if (o->star == WEFT__STAR_NONE) return weft_str_equal(o->before, came);
    if (came.len <= around || memcmp(came.ptr, o->before.ptr, o->before.len) != 0) return false;
    if (o->after.len && memcmp(came.ptr + came.len - o->after.len, o->after.ptr, o->after.len) != 0) return false;
    return fills(o->star, (weft_str){ came.ptr + o->before.len, came.len - around });
}

static bool ends_with(weft_str s, const char *end)
{
    size_t n = strlen(end);
    return s.len >= n && memcmp(s.ptr + s.len - n, end, n) == 0;
}

/* Why it is none, or NULL. */
static const char *origin_read(weft_str text, weft__origin_text *out)
{
    const char *end = text.ptr + text.len, *sep = memmem(text.ptr, text.len, "://", 3), *at = memchr(text.ptr, '*', text.len);
    *out = (weft__origin_text){ .before = text };
    if (weft_str_equal(text, WEFT_S("null"))) return NULL;
    if (!sep || sep == text.ptr) return "expected scheme://host[:port]";
    if (memchr(sep + 3, '/', (size_t)(end - sep - 3))) return "an origin has no path, and no '/' at its end";
    for (const char *p = text.ptr; p < end; p++)
        if (*p >= 'A' && *p <= 'Z') return "browsers write origins in small letters";
    if (!at) return sep + 3 == end ? "it has no host" : NULL;
    out->before = (weft_str){ text.ptr, (size_t)(at - text.ptr) };
    out->after = (weft_str){ at + 1, (size_t)(end - at - 1) };
    out->star = at + 1 == end && ends_with(out->before, ":") && at - 1 > sep + 2 ? WEFT__STAR_PORT : WEFT__STAR_LABELS;
    if (memchr(at + 1, '*', (size_t)(end - at - 1))) return "one '*' at most";
    if (out->star == WEFT__STAR_PORT) return NULL;
    bool labels = ends_with(out->before, "://") && out->after.len > 1 && out->after.ptr[0] == '.';
    return labels ? NULL : "'*' stands for the first labels (https://*.example.com) or for the port (http://localhost:*)";
}

bool weft__origins_have(const weft__origins *origins, weft_str came)
{
    for (uint32_t i = 0; i < origins->count; i++)
        if (origin_fits(&origins->items[i], came)) return true;
    return false;
}

int weft__origins_make(weft__layer_making *m, const char *list, weft__origins *out, bool *any, bool null_too)
{
    weft_str rest = weft_str_of(list), word;
    *any = false;
    while (weft__word_next(&rest, &word)) {
        if (weft_str_equal(word, WEFT_S("*"))) {
            *any = true;
            continue;
        }
        if (weft_str_equal(word, WEFT_S("null")) && !null_too)
            WEFT__LAYER_FAULT(m, "origin 'null' is that of every page in a sandboxed frame: whoever lets it in lets everybody in");
        weft__origin_text *slot = weft__list_slot(m->arena, out, sizeof *slot);
        if (!slot) return WEFT_ENOMEM;
        const char *why = origin_read(word, slot);
        if (why) WEFT__LAYER_FAULT(m, "origin '%.*s': %s", WEFT_FMT(word), why);
    }
    return 0;
}
